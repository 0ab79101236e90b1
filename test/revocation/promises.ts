import { expect } from "vitest";

/** What is known of a key or token, and what was promised of it. */
export type Promised = {
  /** Changes that end it, each with the time by which every edge was promised to know. */
  ends: { readonly promisedBy: number; readonly answeredTick: number }[];
  /** No change that ends it was ever begun, or it was enabled again. */
  isHonest: boolean;
  /** A change of it failed: it may have happened or not, so nothing is promised any more. */
  isUncertain: boolean;
  disabled: boolean;
  /** Enabled again: until then an edge may still refuse it. */
  opensAgain: { readonly by: number; readonly answeredTick: number } | null;
};

/** A key as a schedule knows it. */
export type KnownKey = Promised & { readonly id: string; readonly text: string; readonly ownerId: string };

export const nothingPromised = (): Promised => ({
  ends: [],
  isHonest: true,
  isUncertain: false,
  disabled: false,
  opensAgain: null,
});

export type Use = {
  readonly key: Promised;
  readonly verdict: { readonly valid: boolean };
  readonly arrived: { readonly tick: number; readonly at: number };
  readonly decidedAt: number;
  /** Postgres could be asked by this edge all the while. */
  readonly isPostgresWell: boolean;
  readonly boundSeconds: number;
};

/**
 * For every change r and every decision d on the key it covers: d.valid ⇒ d.time ≤ r.effectiveEverywhereBy. With bound
 * 0 what counts is when the request came: after the answer of a change in force, also in its very millisecond, it is
 * refused. And a key that nothing ended is never refused while Postgres answers.
 */
export function judge({ key, verdict, arrived, decidedAt, isPostgresWell, boundSeconds }: Use): void {
  const story = JSON.stringify({ key, verdict, arrived, decidedAt });
  if (verdict.valid && !key.isUncertain) {
    for (const { promisedBy, answeredTick } of key.ends) {
      const time = boundSeconds === 0 ? arrived.at : decidedAt;
      expect(time, `valid past the promise: ${story}`).toBeLessThanOrEqual(promisedBy);
      // At bound 0 a promise of the present time is in force for whatever comes after its answer.
      const isInForce = boundSeconds === 0 && promisedBy <= arrived.at && arrived.tick > answeredTick;
      expect(isInForce, `valid after the answer: ${story}`).toBe(false);
    }
  }
  if (!verdict.valid && key.isHonest && !key.isUncertain && isPostgresWell && !mayStillBeRefused()) {
    expect(verdict, `refused an honest key: ${story}`).toMatchObject({ valid: true });
  }

  function mayStillBeRefused(): boolean {
    if (key.opensAgain === null) return false;
    const { by, answeredTick } = key.opensAgain;
    return boundSeconds === 0 ? by > arrived.at || arrived.tick <= answeredTick : decidedAt <= by;
  }
}
