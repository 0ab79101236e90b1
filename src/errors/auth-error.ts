import type { Code } from "./codes.ts";

/** A broken protocol. `message` is the code only (errors cross RPC with their message); `detail` is for operators. */
export class AuthError extends Error {
  readonly code: Code;
  /** Tells the caller which value is wrong, or with a 5xx operators alone what is. Written by us, never holding what was sent. */
  readonly detail: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** Limits that were counted in this isolate alone, for Gatehouse-Degraded. */
  readonly degraded: readonly string[];

  constructor(
    code: Code,
    detail?: string,
    options: {
      cause?: unknown;
      retryAfterSeconds?: number | undefined;
      degraded?: readonly string[];
    } = {},
  ) {
    super(code, { cause: options.cause });
    this.name = "AuthError";
    this.code = code;
    this.detail = detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.degraded = options.degraded ?? [];
  }
}
