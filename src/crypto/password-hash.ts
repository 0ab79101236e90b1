import Argon2, { Argon2Type, Argon2Version } from "@phi-ag/argon2";
import { AuthError } from "../errors/auth-error.ts";
import { base64url, equalInConstantTime, fromBase64url, utf8 } from "./bytes.ts";
import { hmacSha256, importHmacKey } from "./digest.ts";
import type { HashGate } from "./hash-gate.ts";
import type { VersionedSecrets } from "./versioned-secrets.ts";

/** What one hash costs: memory in KiB, passes, lanes. */
export type HashCost = { readonly memoryKib: number; readonly passes: number; readonly lanes: number };

/** The least that is adequate (RFC 9106 §4 asks for more memory than an isolate has to give): 19 MiB, two passes. */
export const standardCost: HashCost = { memoryKib: 19_456, passes: 2, lanes: 1 };

/** A stored hash says its own cost: no row may make an isolate spend more than this. */
const costMax: HashCost = { memoryKib: 49_152, passes: 6, lanes: 4 };
const saltBytes = 16;
const hashBytes = 32;
const noPepper = 0;

type Stored = {
  readonly pepperVersion: number;
  readonly cost: HashCost;
  readonly salt: Uint8Array;
  readonly hash: string;
};

/**
 * Passwords at rest: `<pepper version, 0 for none>$argon2id$v=19$m=…,t=…,p=…$salt$hash` (RFC 9106 §3). Before Argon2id the
 * password is brought to NFC (RFC 8265 §4.2.2) and keyed with the newest pepper: without the secret a stolen table
 * cannot be guessed at, and no byte of a long password is lost.
 */
export function createPasswordHash(options: {
  /** Compiled at deployment: the platform runs no WASM that was compiled at run time. */
  argon2: WebAssembly.Module;
  peppers: VersionedSecrets;
  gate: HashGate;
  cost?: HashCost;
}) {
  const { argon2, peppers, gate, cost = standardCost } = options;
  const newestVersion = peppers[0]?.version ?? noPepper;
  let instance: Argon2 | undefined;

  async function keyed(password: string, pepperVersion: number): Promise<string> {
    const pepper = peppers.find(({ version }) => version === pepperVersion);
    if (!pepper && pepperVersion !== noPepper)
      throw new AuthError("unavailable", "PASSWORD_PEPPERS lacks the version that a stored password needs");
    // Without a pepper the key is public and only the fixed length is left of its use.
    const key = await importHmacKey(pepper?.secret ?? utf8("gatehouse password without pepper"));
    return base64url(await hmacSha256(key, password.normalize("NFC")));
  }

  /** Synchronous and long: nothing else of this isolate runs meanwhile. */
  function argon2id(text: string, salt: Uint8Array, of: HashCost): string {
    instance ??= new Argon2(new WebAssembly.Instance(argon2));
    const { hash } = instance.hash(text, {
      salt,
      hashLength: hashBytes,
      memoryCost: of.memoryKib,
      timeCost: of.passes,
      parallelism: of.lanes,
      type: Argon2Type.Argon2id,
      version: Argon2Version.Version13,
    });
    return unpadded(hash);
  }

  async function derive(
    password: string,
    of: Omit<Stored, "hash">,
    whose: string | undefined,
  ): Promise<string> {
    const text = await keyed(password, of.pepperVersion);
    return await gate.pass(() => argon2id(text, of.salt, of.cost), whose);
  }

  const stored = ({ pepperVersion, cost: of, salt, hash }: Stored): string =>
    `${pepperVersion}$argon2id$v=19$m=${of.memoryKib},t=${of.passes},p=${of.lanes}$${unpadded(salt)}$${hash}`;

  return {
    /** `whose`: for whom the place at the gate is taken. */
    async hash(password: string, whose?: string): Promise<string> {
      const salt = crypto.getRandomValues(new Uint8Array(saltBytes));
      const made = { pepperVersion: newestVersion, cost, salt };
      return stored({ ...made, hash: await derive(password, made, whose) });
    },

    /** With nothing stored it takes as long and matches nothing. Throws `unavailable` when too many wait. */
    async verify(
      password: string,
      storedHash: string | null,
      whose?: string,
    ): Promise<{ readonly matches: boolean; readonly needsUpgrade: boolean }> {
      const known = storedHash === null ? null : parseStored(storedHash);
      const of = known ?? { pepperVersion: newestVersion, cost, salt: new Uint8Array(saltBytes) };
      const hash = await derive(password, of, whose);
      if (known === null) return { matches: false, needsUpgrade: false };
      return {
        matches: equalInConstantTime(hash, known.hash),
        needsUpgrade: known.pepperVersion !== newestVersion || !isSameCost(known.cost, cost),
      };
    },
  };
}

export type PasswordHash = ReturnType<typeof createPasswordHash>;

const isSameCost = (one: HashCost, other: HashCost): boolean =>
  one.memoryKib === other.memoryKib && one.passes === other.passes && one.lanes === other.lanes;

/** Standard base64 without padding, as the PHC string format writes it. */
const unpadded = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");

const storedShape =
  /^(\d{1,6})\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43})$/;

/** Null for what is not ours, or would cost more than we ever spend: it opens nothing. */
function parseStored(text: string): Stored | null {
  const [, pepper, memory, passes, lanes, saltText = "", hash = ""] = storedShape.exec(text) ?? [];
  const salt = fromBase64url(saltText);
  const cost = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) };
  const isAffordable =
    cost.memoryKib >= 8 * cost.lanes &&
    cost.memoryKib <= costMax.memoryKib &&
    cost.passes >= 1 &&
    cost.passes <= costMax.passes &&
    cost.lanes >= 1 &&
    cost.lanes <= costMax.lanes;
  return salt && isAffordable ? { pepperVersion: Number(pepper), cost, salt, hash } : null;
}
