import { ownScopes } from "../../src/authentication/operator-access.ts";
import { readConfig } from "../../src/env.ts";
import { AuthError } from "../../src/errors/auth-error.ts";
import { wire } from "../../src/wiring.ts";
import { compileArgon2 } from "./argon2-module.ts";
import type { DemoAccount } from "./secrets.ts";

/**
 * The first management key and the first signing key, made by the same code that runs in the Worker. A key given as
 * `existing` is kept while it still opens the management API. `demo`: somebody to sign in as, where there may be one.
 */
export async function firstKeys(options: {
  environment: Record<string, string>;
  existing?: string;
  demo?: DemoAccount;
}): Promise<{ adminKey: string; demo: DemoAccount | null }> {
  const rooms = await wire(readConfig(options.environment), {
    argon2: await compileArgon2(),
    waitForRefusals: () => Promise.resolve(),
  });
  const pending: Promise<unknown>[] = [];
  const background = (work: Promise<unknown>) => {
    pending.push(work);
  };
  await rooms.signingKeys.ensure(background);
  const adminKey = (await stillOpens(rooms, options.existing)) ?? (await make(rooms, background));
  const demo = options.demo ? await signsIn(rooms, options.demo, background) : null;
  await Promise.allSettled(pending);
  return { adminKey, demo };
}

/** What the demo's own routes ask for. */
const demoScopes = ["orders.read", "orders.list"];

/** The account as it was given once it can sign in; null when its owner chose another password. */
async function signsIn(
  rooms: Rooms,
  demo: DemoAccount,
  background: (work: Promise<unknown>) => void,
): Promise<DemoAccount | null> {
  const origin = { requestId: "", address: "", country: null };
  const operator = { actor: { type: "operator", id: "first-keys" } as const, origin, background };
  try {
    await rooms.accounts.create({ ...demo, scopes: demoScopes }, operator);
    return demo;
  } catch (error) {
    if (!(error instanceof AuthError) || error.code !== "conflict") throw error;
  }
  const asked = { network: "first-keys", origin, background, device: null };
  return (await rooms.accounts.verifyPassword(demo.email, demo.password, asked)).ok ? demo : null;
}

type Rooms = Awaited<ReturnType<typeof wire>>;

async function stillOpens(rooms: Rooms, key: string | undefined): Promise<string | null> {
  if (!key) return null;
  const asked = {
    caller: "stack",
    by: { type: "operator", id: "first-keys" } as const,
    origin: { requestId: "", address: "", country: null },
    arrivedAt: rooms.revocation.mark(),
    background: () => undefined,
  };
  const input = { key, scopes: [ownScopes.admin], cost: 0, address: null };
  return (await rooms.keyVerifier.verifyKey(input, asked)).valid ? key : null;
}

async function make(rooms: Rooms, background: (work: Promise<unknown>) => void): Promise<string> {
  const draft = {
    name: "First management key",
    owner: { type: "service", id: "gatehouse-operator" },
    environment: "live",
    scopes: [ownScopes.admin],
    allowedAddresses: [],
    limits: [],
    metadata: {},
    expiresAt: null,
  } as const;
  const { key } = await rooms.apiKeys.create(draft, {
    actor: { type: "operator", id: "first-keys" },
    origin: { requestId: "", address: "", country: null },
    background,
  });
  return key;
}
