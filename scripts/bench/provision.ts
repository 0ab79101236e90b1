import { randomBytes } from "node:crypto";
import { createKeyFormat } from "../../src/api-keys/key-format.ts";
import type { KeyLimit } from "../../src/api-keys/record.ts";
import { ownScopes } from "../../src/authentication/operator-access.ts";
import { readConfig } from "../../src/env.ts";
import { type Rooms, wire } from "../../src/wiring.ts";
import { migrate } from "../migrate.ts";
import { compileArgon2 } from "../stack/argon2-module.ts";
import { startNeonTwin } from "../twins/neon.ts";
import { type Child, startChild } from "./child.ts";
import type { FarSideCall, FarSidePorts } from "./far-side.ts";
import { provisionPeople } from "./people.ts";
import type { Environment } from "./runtime.ts";

export type Keys = {
  /** Has a scope, no limit of its own. */
  readonly plain: string;
  /** Has one exact limit, which is never reached. */
  readonly limited: string;
  /** May ask `/v1/keys/verify`. */
  readonly verifier: string;
  /** The plain one's shape and CRC, a tag of another secret. */
  readonly forged: string;
};

const environmentFor = (ports: FarSidePorts): Environment => ({
  ISSUER: "http://localhost",
  DATABASE_URL: `postgresql://gatehouse:local@127.0.0.1:${ports.neon}/gatehouse`,
  UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${ports.redis}`,
  UPSTASH_REDIS_REST_TOKEN: randomBytes(24).toString("base64url"),
  KEY_ENCRYPTION_KEYS: `1:${randomBytes(32).toString("base64url")}`,
  // As long as may be: a run must end before its tokens do.
  ACCESS_TOKEN_SECONDS: "900",
  API_KEY_TAG_SECRETS: `1:${randomBytes(32).toString("base64url")}`,
});

/** Stores, upstream, keys and one gateway route, made by the same code that runs in the Worker. */
export async function provision(closing: AsyncDisposableStack) {
  const twin = await startNeonTwin();
  closing.defer(() => twin.close());
  await migrate({ query: twin.query });
  const farSide: Child<FarSideCall> = startChild("far-side.ts");
  closing.defer(() => farSide.stop());
  const ports = await farSide.ask<FarSidePorts>({ do: "open", twinPort: twin.port });
  const environment = environmentFor(ports);
  const config = readConfig(environment);
  const rooms = await wire(config, {
    argon2: await compileArgon2(),
    waitForRefusals: () => Promise.resolve(),
  });
  const pending: Promise<unknown>[] = [];
  const operator = {
    actor: { type: "operator", id: "bench" },
    origin: { requestId: "", address: "", country: null },
    background: (work: Promise<unknown>) => {
      pending.push(work);
    },
  } as const;
  await rooms.signingKeys.ensure(operator.background);
  const upstream = `http://127.0.0.1:${ports.upstream}`;
  await rooms.routeAdmin.create(routeTo(upstream), operator);
  const keys: Keys = {
    plain: await makeKey(rooms, operator, ["orders:read"], []),
    limited: await makeKey(
      rooms,
      operator,
      ["orders:read"],
      [{ name: "per-minute", limit: 1_000_000_000, windowSeconds: 60 }],
    ),
    verifier: await makeKey(rooms, operator, [ownScopes.verify], []),
    forged: await (await createKeyFormat([{ version: 1, secret: new Uint8Array(randomBytes(32)) }])).make(
      "live",
    ),
  };
  const people = await provisionPeople(rooms, operator);
  await Promise.all(pending);
  const format = await createKeyFormat(config.apiKeyTagSecrets);
  return { farSide, environment, upstream, keys, people, makeValidKey: () => format.make("live") };
}

export type Provision = Awaited<ReturnType<typeof provision>>;

type Operator = Parameters<Rooms["apiKeys"]["create"]>[1];

async function makeKey(
  rooms: Rooms,
  operator: Operator,
  scopes: string[],
  limits: KeyLimit[],
): Promise<string> {
  const owner = { type: "service", id: "bench" } as const;
  const rest = { environment: "live", allowedAddresses: [], metadata: {}, expiresAt: null } as const;
  const { key } = await rooms.apiKeys.create({ name: "Bench", owner, scopes, limits, ...rest }, operator);
  return key;
}

const routeTo = (url: string): Parameters<Rooms["routeAdmin"]["create"]>[0] => ({
  name: "bench",
  host: null,
  path: "/bench",
  upstream: { kind: "url", url },
  keepPath: false,
  credentials: ["api-key"],
  scopes: ["orders:read"],
  level: null,
  maxAgeSeconds: null,
  limits: [],
  timeoutSeconds: 30,
  corsOrigins: [],
  audiences: [],
  enabled: true,
});
