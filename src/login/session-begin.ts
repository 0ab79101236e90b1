import type { KnownDevice } from "../accounts/account.ts";
import type { Remembered } from "../mfa/remembered-devices.ts";
import type { SignIn } from "../sessions/sessions.ts";
import type { Carried, LoginSources, SignInOutcome, Visitor } from "./login.ts";
import { tellOfDevice } from "./new-device.ts";

type Whose = {
  readonly email: string;
  readonly lastSignedInAt: Date | null;
  readonly addressHash: string;
};

type DeviceThen = {
  readonly known: KnownDevice | null;
  readonly isKnown: boolean;
  /** Remembered by the proof that begins the session. */
  readonly remembered?: Remembered | null;
};

/** Where every sign-in ends: the session, and what the browser is given to be known by the next time. */
export function createSessionBegin(sources: LoginSources) {
  const { sessions, deviceCookies, now } = sources;

  /** The device is told of in a mail when the address was not signed in to from it before. */
  return async function begin(
    signIn: Omit<SignIn, "device" | "previousCookie">,
    whose: Whose,
    { known, isKnown, remembered = null }: DeviceThen,
    carried: Carried,
    visitor: Visitor,
  ): Promise<(SignInOutcome & { ok: true }) | null> {
    const { origin, background, device } = visitor;
    const began = await sessions.begin(
      { ...signIn, device, previousCookie: carried.sessionCookie },
      { actor: { type: "user", id: signIn.account.id }, origin, background },
    );
    if (!began) return null;
    if (!isKnown && whose.lastSignedInAt !== null && !signIn.raised) {
      const done = { at: new Date(now()), ...device };
      background(tellOfDevice(sources, whose, done, background).catch(() => undefined));
    }
    const isTold = signIn.kind === "browser" && !signIn.raised;
    const deviceCookie = isTold ? await deviceCookies.make(whose.addressHash, known) : null;
    return { ok: true, began, deviceCookie, remembered, degraded: [] };
  };
}
