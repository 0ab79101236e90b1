/** A clock that moves only when told to. Starts at the true time, so that stores' own expiries agree with it. */
export function createClock(start = Date.now()) {
  let at = start;
  return {
    now: (): number => at,
    advance(milliseconds: number): void {
      at += milliseconds;
    },
  };
}

export type Clock = ReturnType<typeof createClock>;
