import type { Match } from "./route-match.ts";

/**
 * Where a call leads, without its query: the upstream's own path and what follows the prefix. Both are canonical
 * already (the base when its route was made, the rest when it was matched), so they are joined as texts.
 */
export function upstreamTarget(base: string, { route, rest }: Match): string {
  const kept = route.keepPath && route.path !== "/" ? route.path : "";
  const target = `${base.replace(/\/$/, "")}${kept}${rest}`;
  return target.length === originOf(base).length ? `${target}/` : target;
}

/** The origin of a canonical URL. */
export const originOf = (url: string): string => /^https?:\/\/[^/]+/.exec(url)?.[0] ?? url;
