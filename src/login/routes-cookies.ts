import type { Cookies } from "../http/cookies.ts";
import type { Visit } from "../http/visit.ts";
import type { Carried, SignInOutcome, Visitor } from "./login.ts";

/** The cookies of a browser that signed in. */
const names = {
  /** Pages: comes along when somebody follows a link to us, never with another site's POST. */
  session: "gatehouse-session",
  /** Applications on our pages: never comes with anything another site caused. */
  refresh: "refreshToken",
  device: "gatehouse-device",
  remembered: "gatehouse-remembered",
} as const;
const deviceSeconds = 180 * 86_400;

export type OwnCookies = {
  readonly session: string | null;
  readonly refresh: string | null;
  readonly device: string | null;
  readonly remembered: string | null;
};

export const readOwnCookies = (headers: Headers, cookies: Cookies): OwnCookies => ({
  session: cookies.read(headers, names.session),
  refresh: cookies.read(headers, names.refresh),
  device: cookies.read(headers, names.device),
  remembered: cookies.read(headers, names.remembered),
});

/** What a browser holds of earlier sign-ins. */
export function carriedIn(headers: Headers, cookies: Cookies): Carried {
  const { session, device, remembered } = readOwnCookies(headers, cookies);
  return { sessionCookie: session, deviceCookie: device, rememberedCookie: remembered };
}

/** The answer with cookies set, each in a field of its own (RFC 6265 §3). */
export function withCookies(answer: Response, cookies: readonly string[]): Response {
  for (const cookie of cookies) answer.headers.append("set-cookie", cookie);
  return answer;
}

export function signedInCookies(
  cookies: Cookies,
  signedIn: Pick<SignInOutcome & { ok: true }, "began" | "deviceCookie" | "remembered"> & { now: number },
): string[] {
  const { began, deviceCookie, remembered } = signedIn;
  const maxAgeSeconds = Math.floor((began.absoluteExpiresAt.getTime() - signedIn.now) / 1000);
  const session = { sameSite: "Lax", maxAgeSeconds } as const;
  const device = { sameSite: "Lax", maxAgeSeconds: deviceSeconds } as const;
  return [
    refreshCookie(cookies, began.refreshToken, maxAgeSeconds),
    ...(began.cookie === null ? [] : [cookies.set(names.session, began.cookie, session)]),
    ...(deviceCookie === null ? [] : [cookies.set(names.device, deviceCookie, device)]),
    ...(remembered === null
      ? []
      : [
          cookies.set(names.remembered, remembered.cookie, {
            sameSite: "Lax",
            maxAgeSeconds: remembered.seconds,
          }),
        ]),
  ];
}

/** For a browser whose cookie does not count any more. */
export const forgottenCookies = (cookies: Cookies, { isForgotten }: { isForgotten: boolean }): string[] =>
  isForgotten ? [cookies.clear(names.remembered, "Lax")] : [];

export const refreshCookie = (cookies: Cookies, token: string, maxAgeSeconds: number): string =>
  cookies.set(names.refresh, token, { sameSite: "Strict", maxAgeSeconds });

/** The device is still known: it signed in once. */
export const signedOutCookies = (cookies: Cookies): string[] => [
  cookies.clear(names.refresh, "Strict"),
  cookies.clear(names.session, "Lax"),
];

/** What of a visit the rooms of people need. */
export function visitorOf(visit: Visit): Visitor {
  const { requestId, address, country, network, background, userAgent, city } = visit;
  return {
    network,
    background,
    origin: { requestId, address, country },
    device: { userAgent, address, city, country },
  };
}
