import type { AtomicProof } from "../sessions/store.ts";
import type { FactorKind, Operator } from "./factor.ts";
import { type Foundation, noteChange } from "./foundation.ts";
import type { RememberedStore } from "./remembered.store.ts";
import type { Claim, RememberedCookies } from "./remembered-cookie.ts";

/** A device as its owner sees it. */
export type DeviceShown = {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date;
};

type Owner = { readonly id: string; readonly version: number };
export type Remembered = { readonly cookie: string; readonly seconds: number };

/** What is worth remembering: a recovery code is for who has lost the rest, and a text message can be somebody else's. */
const rememberedBy: readonly FactorKind[] = ["totp", "passkey"];

/**
 * Browsers whose owner chose not to be asked for the second factor there for some days. That is no factor: who signs in so
 * has shown the password and nothing else, and the tokens say so. Accepted: whoever copies the cookie and knows the
 * password is in at one factor, until the device is forgotten; a level that is demanded, and step-up, are not to be had so.
 */
export function createRememberedDevices(
  options: Pick<Foundation, "audit" | "tellOwner" | "now"> & {
    readonly store: RememberedStore;
    readonly cookies: RememberedCookies;
    /** 0: off. */
    readonly days: number;
  },
) {
  const { store, cookies, days, now } = options;
  const seconds = days * 86_400;

  function noteForgotten(accountId: string, { actor, origin, background }: Operator): void {
    const subject = { type: "user", id: accountId } as const;
    const event = { type: "factor.device_forgotten", outcome: "done", reason: "by_person" } as const;
    options.audit.record({ ...event, actor, subject, origin }, background);
  }

  async function forget(accountId: string, id: string | null, operator: Operator): Promise<boolean> {
    const count = await store.forget(accountId, id);
    if (count > 0) noteForgotten(accountId, operator);
    return count > 0;
  }

  return {
    days,
    remembers: (kind: FactorKind): boolean => days > 0 && rememberedBy.includes(kind),

    /** What lets this account begin a session by the password alone, if it is still true then; null without a call. */
    async proofOf(cookie: string | null | undefined, { id, version }: Owner): Promise<AtomicProof | null> {
      const claim = days === 0 ? null : await cookies.read(cookie);
      return claim?.accountId === id ? store.proofOf(claim, version, new Date(now())) : null;
    },

    /** The cookie, and the steps by which it counts from the session on that begins with them. */
    async make(
      { id: accountId, version }: Owner,
      name: string,
      earlierCookie: string | null | undefined,
    ): Promise<Remembered & { readonly steps: AtomicProof }> {
      const earlier: Claim | null = await cookies.read(earlierCookie);
      const { cookie, ...claim } = await cookies.make(accountId);
      const createdAt = new Date(now());
      const expiresAt = new Date(createdAt.getTime() + seconds * 1000);
      const row = { ...claim, accountVersion: version, name, createdAt, expiresAt };
      return { cookie, seconds, steps: store.stepsOf(row, earlier) };
    },

    noteRemembered(accountId: string, operator: Operator): void {
      const change = { type: "factor.device_remembered", template: "device-remembered" } as const;
      noteChange(options, change, accountId, operator);
    },

    async list(accountId: string): Promise<DeviceShown[]> {
      if (days === 0) return [];
      const rows = await store.list(accountId, new Date(now()));
      return rows.map(({ id, name, createdAt, lastUsedAt, expiresAt }) => ({
        id,
        name,
        createdAt,
        lastUsedAt,
        expiresAt,
      }));
    },

    /** False: the account has no such device. Asks for no fresh proof: it takes away, and gives nothing. */
    forget: (accountId: string, id: string, operator: Operator): Promise<boolean> =>
      /^dev_[0-9A-Za-z]{22}$/.test(id) ? forget(accountId, id, operator) : Promise.resolve(false),

    forgetAll: (accountId: string, operator: Operator): Promise<boolean> => forget(accountId, null, operator),

    /** For the cron trigger. */
    sweep: (): Promise<void> => store.sweep(new Date(now())),
  };
}

export type RememberedDevices = ReturnType<typeof createRememberedDevices>;
