import type { Accounts } from "../accounts/accounts.ts";
import type { Background } from "../audit/audit.ts";
import type { Origin } from "../audit/events.ts";
import type { Code } from "../errors/codes.ts";
import type { Circumstances } from "../messages/message.ts";
import type { Messages } from "../messages/messages.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { Device, SessionKind } from "../sessions/session.ts";
import type { Began, Sessions } from "../sessions/sessions.ts";
import type { DeviceCookies } from "./device-cookie.ts";

/** Who knocks, as far as the request tells. */
export type Visitor = {
  readonly network: string;
  readonly origin: Origin;
  readonly device: Device;
  readonly background: Background;
};

export type SignInAsked = {
  readonly email: string;
  readonly password: string;
  readonly kind: SessionKind;
  /** Cookies of the browser, as they came; null when it sent none. */
  readonly sessionCookie: string | null;
  readonly deviceCookie: string | null;
};

type RefusedCode = Extract<Code, "invalid_credentials" | "account_disabled" | "rate_limited" | "unavailable">;

export type SignInOutcome =
  | {
      readonly ok: true;
      readonly began: Began;
      /** For the device cookie; null for a native application. */
      readonly deviceCookie: string | null;
      readonly degraded: readonly string[];
    }
  | {
      readonly ok: false;
      readonly code: RefusedCode;
      readonly retryAfterSeconds?: number;
      readonly degraded: readonly string[];
    };

/** What a stranger is told: a wrong password and an unknown address are one thing. */
const codeOf = {
  wrong_password: "invalid_credentials",
  unknown_account: "invalid_credentials",
  account_disabled: "account_disabled",
  over_limit: "rate_limited",
  busy: "unavailable",
} as const;

/** What a password proves, in the words of `acr` and `amr` (RFC 8176 §2). */
const byPassword = { acr: "one-factor", amr: ["pwd"] } as const;

/** Signing in, for pages and applications alike. */
export function createLogin(options: {
  accounts: Pick<Accounts, "verifyPassword">;
  sessions: Pick<Sessions, "begin">;
  deviceCookies: DeviceCookies;
  messages: Pick<Messages, "send">;
  rateLimits: Pick<RateLimits, "openTrip" | "take" | "demandOf">;
  now: () => number;
}) {
  const { accounts, sessions, deviceCookies, messages, rateLimits, now } = options;

  /** Behind the answer. A native application has no device cookie, so each of its sign-ins is one of a new device. */
  async function tellOfDevice(
    owner: { readonly email: string; readonly addressHash: string },
    done: Circumstances,
    background: Background,
  ): Promise<void> {
    const trip = rateLimits.openTrip();
    const demand = rateLimits.demandOf("newDeviceMails", `address:${owner.addressHash}`);
    const taking = rateLimits.take(trip, [demand]);
    await trip.send();
    if ((await taking).ok) messages.send({ template: "new-device", to: owner.email, done }, background);
  }

  return {
    /** Two sequential round trips: what is known of the address beside the limits, then the session. */
    async signIn(asked: SignInAsked, visitor: Visitor): Promise<SignInOutcome> {
      const { network, origin, device, background } = visitor;
      const known = await deviceCookies.read(asked.deviceCookie);
      const asking = { network, origin, background, device: known };
      const verdict = await accounts.verifyPassword(asked.email, asked.password, asking);
      if (!verdict.ok) {
        const retry = "retryAfterSeconds" in verdict ? { retryAfterSeconds: verdict.retryAfterSeconds } : {};
        return { ok: false, code: codeOf[verdict.reason], ...retry, degraded: verdict.degraded };
      }
      const { account, addressHash, degraded } = verdict;
      const began = await sessions.begin(
        { account, ...byPassword, kind: asked.kind, device, previousCookie: asked.sessionCookie },
        { actor: { type: "user", id: account.id }, origin, background },
      );
      // The account changed while its password was being checked: what was proved may not be true any more.
      if (!began) return { ok: false, code: "unavailable", retryAfterSeconds: 1, degraded };
      if (known?.addressHash !== addressHash && account.lastSignedInAt !== null) {
        const done = { at: new Date(now()), ...device };
        const owner = { email: account.email, addressHash };
        background(tellOfDevice(owner, done, background).catch(() => undefined));
      }
      const deviceCookie = asked.kind === "browser" ? await deviceCookies.make(addressHash, known) : null;
      return { ok: true, began, deviceCookie, degraded };
    },
  };
}

export type Login = ReturnType<typeof createLogin>;
