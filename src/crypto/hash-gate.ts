import { AuthError } from "../errors/auth-error.ts";

/** At some 25 ms of CPU for each, the last of so many is served within about a second. */
export const waitingMax = 40;
/** Whoever sends many at once waits behind themselves: most places stay for all others. */
export const waitingMaxOfOne = 10;
/** Each fruitless nap spans another's hash, and whoever came first naps shortest: more than this is overload. */
const napsMax = 60;
const napMillisecondsMax = 20;
/** A request that was cut off leaves its place behind, which no code of its own can clear. */
const placeKeptMilliseconds = 5000;

/**
 * One hash at a time in an isolate, and a rest of the event loop after each. A hash is synchronous, so two never run at
 * once anyway; but forty sign-ins that became ready together would run back to back, and every key check of this
 * isolate would wait a second for them: so it waits for one. Who cannot be served soon is told so, 503.
 * Each waits by its own timer: a promise of one request must not be awaited by another. Nobody holds anything while
 * it waits, so no request that is cut off can stop the others.
 */
export function createHashGate(options: { now: () => number }) {
  const { now } = options;
  const waiting = new Map<symbol, Place>();
  let hashesDone = 0;

  function takePlace(whose: string | undefined): symbol {
    let own = 0;
    for (const [place, { keptUntil, whose: other }] of waiting) {
      if (keptUntil <= now()) waiting.delete(place);
      else if (whose !== undefined && other === whose) own += 1;
    }
    if (waiting.size >= waitingMax || own >= waitingMaxOfOne) throw busy();
    const place = Symbol("place");
    waiting.set(place, { keptUntil: now() + placeKeptMilliseconds, whose });
    return place;
  }

  /** The longer one has waited, the shorter: so the order of arrival is kept, more or less. */
  function nap(place: symbol): Promise<void> {
    const ahead = [...waiting.keys()].indexOf(place);
    return new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(ahead, 0), napMillisecondsMax)));
  }

  return {
    /**
     * Runs the hash when its turn has come. Throws `unavailable` when too many wait, or too many for the same one
     * (`whose`: a network, an account), or it has waited too long.
     */
    async pass<Result>(hash: () => Result, whose?: string): Promise<Result> {
      const place = takePlace(whose);
      try {
        for (let naps = 0; naps < napsMax; naps += 1) {
          const doneBefore = hashesDone;
          await nap(place);
          if (doneBefore !== hashesDone) continue;
          hashesDone += 1;
          return hash();
        }
        throw busy();
      } finally {
        waiting.delete(place);
      }
    },
  };
}

type Place = { readonly keptUntil: number; readonly whose: string | undefined };

export type HashGate = ReturnType<typeof createHashGate>;

const busy = (): AuthError =>
  new AuthError("unavailable", "too many passwords are being checked at this moment", {
    retryAfterSeconds: 2,
  });
