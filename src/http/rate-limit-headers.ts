export type StandingShown = {
  readonly name: string;
  readonly permits: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  readonly resetSeconds: number;
};

/** The IETF draft's `RateLimit-Policy` and `RateLimit`, one item a limit, and which limits were not exact. */
export function rateLimitHeaders(
  standings: readonly StandingShown[],
  degraded: readonly string[],
): Record<string, string> {
  if (standings.length === 0 && degraded.length === 0) return {};
  return {
    ...(standings.length > 0
      ? {
          "ratelimit-policy": standings
            .map((s) => `"${s.name}";q=${s.permits};w=${s.windowSeconds}`)
            .join(", "),
          ratelimit: standings.map((s) => `"${s.name}";r=${s.remaining};t=${s.resetSeconds}`).join(", "),
        }
      : {}),
    ...(degraded.length > 0
      ? { "gatehouse-degraded": degraded.map((one) => `limit;${one}`).join(", ") }
      : {}),
  };
}

/** The same on an answer of our own making. */
export function setRateLimitHeaders(
  headers: Headers,
  { standings, degraded }: { standings: readonly StandingShown[]; degraded: readonly string[] },
): void {
  if (standings.length === 0 && degraded.length === 0) return;
  for (const [name, value] of Object.entries(rateLimitHeaders(standings, degraded))) headers.set(name, value);
}
