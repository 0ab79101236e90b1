import type { Isolate } from "../support/given.ts";

type Hold = {
  readonly lane: string;
  readonly store: "postgres" | "redis";
  readonly answered: PromiseWithResolvers<void>;
  readonly released: PromiseWithResolvers<void>;
};

/**
 * A network that delivers answers late: the store has answered, and the answer waits until it is released. The twins
 * can be slow to begin; only this shows a reader a past that is no longer true.
 */
export function createSlowNetwork() {
  const direct = globalThis.fetch;
  const holds: Hold[] = [];

  function takeHold(url: string, init: RequestInit | undefined): Hold | undefined {
    const connection = new Headers(init?.headers).get("neon-connection-string");
    const index = holds.findIndex(({ store, lane }) =>
      store === "postgres" ? connection?.includes(`//lane-${lane}:`) : url.includes(`/lane/${lane}/`),
    );
    return index < 0 ? undefined : holds.splice(index, 1)[0];
  }

  globalThis.fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const hold = takeHold(input instanceof Request ? input.url : String(input), init);
    if (!hold) return await direct(input, init);
    try {
      const response = await direct(input, init);
      const body = await response.arrayBuffer();
      hold.answered.resolve();
      await hold.released.promise;
      init?.signal?.throwIfAborted();
      return new Response(body, response);
    } finally {
      hold.answered.resolve();
    }
  };

  return {
    /** The next answer of this store to this edge. `answered` settles when the store has given it. */
    holdNext(edge: Isolate, store: Hold["store"]) {
      const hold: Hold = {
        lane: edge.lane,
        store,
        answered: Promise.withResolvers<void>(),
        released: Promise.withResolvers<void>(),
      };
      holds.push(hold);
      return {
        answered: hold.answered.promise,
        release(): void {
          if (holds.includes(hold)) holds.splice(holds.indexOf(hold), 1);
          hold.answered.resolve();
          hold.released.resolve();
        },
      };
    },
    restore(): void {
      for (const hold of holds.splice(0)) hold.answered.resolve();
      globalThis.fetch = direct;
    },
  };
}

export type SlowNetwork = ReturnType<typeof createSlowNetwork>;
