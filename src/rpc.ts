import { WorkerEntrypoint } from "cloudflare:workers";
import * as v from "valibot";
import { refusalOfUrl, visitOf } from "./app.ts";
import type { SecurityEvent } from "./audit/events.ts";
import type { KeyAnswer } from "./authentication/key-verifier.ts";
import type { Principal, Verdict } from "./authentication/principal.ts";
import { eventsOf } from "./authentication/refusal-event.ts";
import { verifyKeyInput } from "./authentication/routes.ts";
import { type Code, sentenceOf, statusOf } from "./errors/codes.ts";
import { maxAgeSecondsMax } from "./gateway/route.ts";
import { roomsOf } from "./rooms.ts";
import type { LevelDemand } from "./tokens/level-policy.ts";
import { type Level, levels } from "./tokens/levels.ts";
import type { Rooms } from "./wiring.ts";

type Environment = Readonly<Record<string, unknown>>;
/** Set by the binding of the calling Worker, so only by who may deploy it: no shared secret. */
type Props = { readonly caller?: string };

/** What an RPC caller may require of a request. */
export type AuthenticateOptions = {
  readonly scopes?: readonly string[];
  readonly cost?: number;
  /** How strongly the person behind a token must have signed in; with it or an age, keys are not taken: they prove no person. */
  readonly level?: Level;
  /** How long ago at the most. */
  readonly max_age_seconds?: number;
};

export type RpcVerdict =
  | { readonly ok: true; readonly principal: Principal }
  | {
      readonly ok: false;
      readonly code: Code | "caller_unnamed" | "invalid_input";
      /** The status a caller would answer with. */
      readonly status: number;
      readonly detail: string;
      readonly retry_after_seconds?: number;
      /** With `insufficient_user_authentication`: what a new authentication must reach (RFC 9470 §3). */
      readonly needed?: { readonly acr_values?: Level; readonly max_age?: number };
    };

const authenticateOptions = v.strictObject({
  ...v.pick(verifyKeyInput, ["scopes", "cost"]).entries,
  level: v.optional(v.picklist(levels)),
  max_age_seconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxAgeSecondsMax))),
});

/**
 * What other Workers may ask over a service binding. Verdicts, never exceptions: an error crosses RPC with its
 * message only. Nothing but these methods is callable, since TypeScript's `private` would be.
 */
export class Verifier extends WorkerEntrypoint<Environment, Props> {
  /** Who is calling with this request: the one credential in its headers. Gateway routes do not matter here. */
  async authenticate(request: Request, options: AuthenticateOptions = {}): Promise<RpcVerdict> {
    const parsed = v.safeParse(authenticateOptions, options);
    if (!parsed.success || !(request instanceof Request)) return refusedInput();
    return await answering(this.env, this.ctx, async (rooms, caller) => {
      const visit = visitOf(request, rooms, (work) => this.ctx.waitUntil(work));
      const { scopes, level = null, max_age_seconds: maxAgeSeconds = null } = parsed.output;
      const asksPerson = level !== null || maxAgeSeconds !== null;
      const question = {
        credentials: asksPerson ? (["access-token"] as const) : (["api-key", "access-token"] as const),
        scopes,
        levelDemands: [{ level, maxAgeSeconds }],
        audiences: [rooms.config.issuer],
        limits: [],
        routeId: `rpc:${caller}`,
        cost: parsed.output.cost,
        caller: `worker:${caller}`,
        visit,
      };
      const verdict =
        refusalOfUrl(visit.url, rooms, visit) ??
        (await rooms.authentication.authenticate(request.headers, question));
      const { requestId, address, country } = visit;
      record(rooms, verdict, { requestId, address, country }, caller, visit.background);
      return rpcVerdict(verdict);
    });
  }

  /** The precise verdict on a key, as `POST /v1/keys/verify` gives it. */
  async verifyKey(
    input: v.InferInput<typeof verifyKeyInput>,
  ): Promise<KeyAnswer | (RpcVerdict & { ok: false })> {
    const parsed = v.safeParse(verifyKeyInput, input);
    if (!parsed.success) return refusedInput();
    return await answering(this.env, this.ctx, (rooms, caller) =>
      rooms.keyVerifier.verifyKey(parsed.output, {
        caller: `worker:${caller}`,
        by: { type: "service", id: caller },
        origin: { requestId: "", address: "", country: null },
        arrivedAt: rooms.revocation.mark(),
        background: (work) => this.ctx.waitUntil(work),
      }),
    );
  }
}

async function answering<Answer>(
  environment: Environment,
  scope: { readonly props: Props },
  answer: (rooms: Rooms, caller: string) => Promise<Answer>,
): Promise<Answer | (RpcVerdict & { ok: false })> {
  const { caller } = scope.props ?? {};
  if (typeof caller !== "string" || caller === "") {
    return {
      ok: false,
      code: "caller_unnamed",
      status: 403,
      detail: "The binding's props must name the caller: { caller }.",
    };
  }
  let rooms: Rooms | undefined;
  try {
    rooms = await roomsOf(environment);
    return await answer(rooms, caller);
  } catch (thrown) {
    if (thrown instanceof Error) rooms?.reports.bug(thrown);
    return { ok: false, code: "internal", status: 500, detail: sentenceOf("internal") };
  }
}

const refusedInput = (): RpcVerdict & { ok: false } => ({
  ok: false,
  code: "invalid_input",
  status: 400,
  detail: "The arguments do not have the documented shape.",
});

const neverGranted = "The cost is above the limit: no wait will grant it.";

function rpcVerdict(verdict: Verdict): RpcVerdict {
  if (verdict.ok) return { ok: true, principal: verdict.principal };
  const { code, retryAfterSeconds, stepUp } = verdict.refusal;
  return {
    ok: false,
    code,
    status: statusOf(code),
    detail: code === "rate_limited" && retryAfterSeconds === undefined ? neverGranted : sentenceOf(code),
    ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds }),
    ...(stepUp ? { needed: neededOf(stepUp) } : {}),
  };
}

const neededOf = ({ level, maxAgeSeconds }: LevelDemand) => ({
  ...(level === null ? {} : { acr_values: level }),
  ...(maxAgeSeconds === null ? {} : { max_age: maxAgeSeconds }),
});

function record(
  rooms: Rooms,
  verdict: Verdict,
  origin: SecurityEvent["origin"],
  caller: string,
  background: (work: Promise<unknown>) => void,
): void {
  for (const event of eventsOf(verdict, origin, { type: "service", id: caller }))
    rooms.audit.record(event, background);
}
