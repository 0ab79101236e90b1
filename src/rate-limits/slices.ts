/**
 * A sliding window in slices: a sixteenth of the window each, and the oldest slice that still touches the window
 * counts whole. So within *any* span as long as the window no more than the permits are ever granted, costs
 * included; the price is that a permit comes back up to a sixteenth of the window late.
 * The Lua script of `take-script.ts` is the same arithmetic; a property test holds them together.
 */
export const slicesPerWindow = 16;

export type Slices = Map<number, number>;

export const sliceMilliseconds = (windowSeconds: number): number => (windowSeconds * 1000) / slicesPerWindow;

export function usedPermits(slices: Slices, now: number, windowSeconds: number): number {
  const oldest = Math.floor(now / sliceMilliseconds(windowSeconds)) - slicesPerWindow;
  let used = 0;
  for (const [slice, count] of slices) if (slice >= oldest) used += count;
  return used;
}

/** Milliseconds until `wanted` permits are free; a want beyond the limit is answered as if it were the limit. */
export function millisecondsUntilFree(
  slices: Slices,
  now: number,
  limit: { permits: number; windowSeconds: number },
  wanted: number,
): number {
  const width = sliceMilliseconds(limit.windowSeconds);
  const oldest = Math.floor(now / width) - slicesPerWindow;
  const live = [...slices].filter(([slice]) => slice >= oldest).sort(([a], [b]) => a - b);
  let used = live.reduce((sum, [, count]) => sum + count, 0);
  let freeAt = now;
  for (const [slice, count] of live) {
    if (used + Math.min(wanted, limit.permits) <= limit.permits) break;
    used -= count;
    freeAt = (slice + slicesPerWindow + 1) * width;
  }
  return Math.max(0, freeAt - now);
}

/** Milliseconds until what is taken now counts no more. */
export function millisecondsTaken(now: number, windowSeconds: number): number {
  const width = sliceMilliseconds(windowSeconds);
  return (Math.floor(now / width) + slicesPerWindow + 1) * width - now;
}

export function take(slices: Slices, now: number, windowSeconds: number, cost: number): void {
  const width = sliceMilliseconds(windowSeconds);
  const current = Math.floor(now / width);
  for (const slice of slices.keys()) if (slice < current - slicesPerWindow) slices.delete(slice);
  slices.set(current, (slices.get(current) ?? 0) + cost);
}

/** Undoes a `take` of that time, if its slice still counts. Never below nothing. */
export function giveBack(slices: Slices, takenAt: number, windowSeconds: number, cost: number): void {
  const slice = Math.floor(takenAt / sliceMilliseconds(windowSeconds));
  const count = slices.get(slice);
  if (count === undefined) return;
  if (count > cost) slices.set(slice, count - cost);
  else slices.delete(slice);
}
