import type { AuthError } from "./auth-error.ts";

const repeatedAfterMilliseconds = 60_000;
const detailsKept = 100;

/** What operators read in the platform's log, and nobody else anywhere. */
export function createReports(options: { write: (line: string) => void; now: () => number }) {
  const { write, now } = options;
  const toldAt = new Map<string, number>();

  return {
    /** Where and which kind, never the message: a driver's message may hold a statement and its values. */
    bug({ name, stack = "" }: Error): void {
      const frames = stack.split("\n").filter((line) => line.trimStart().startsWith("at "));
      write(JSON.stringify({ message: "bug", name, frames: frames.slice(0, 8) }));
    },

    /** Why nothing could be decided, where we know more than that: once a minute, or an outage would flood the log. */
    failure({ code, detail }: AuthError, requestId: string): void {
      if (detail === undefined) return;
      if (now() - (toldAt.get(detail) ?? Number.NEGATIVE_INFINITY) < repeatedAfterMilliseconds) return;
      if (toldAt.size >= detailsKept) toldAt.clear();
      toldAt.set(detail, now());
      write(JSON.stringify({ message: "failure", code, detail, request_id: requestId }));
    },
  };
}
