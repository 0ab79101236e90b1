// Where a file of src stands: roof, ground or room, and which kind of file it is there.

/** In order: a room may know only rooms above it. */
export const rooms: readonly string[] = [
  "audit",
  "messages",
  "revocation",
  "signing-keys",
  "rate-limits",
  "tokens",
  "accounts",
  "sessions",
  "mfa",
  "api-keys",
  "mtls",
  "authentication",
  "login",
  "oauth",
  "gateway",
  "webhooks",
  "admin",
];

export const lastRoom = "admin";

/** Ground folder -> the ground folders it may import. */
export const ground: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  crypto: ["errors"],
  storage: ["errors", "crypto"],
  http: ["errors", "crypto"],
};

export const roof: ReadonlySet<string> = new Set([
  "index.ts",
  "app.ts",
  "rpc.ts",
  "wiring.ts",
  "rooms.ts",
  "provider.ts",
  "wiring-factors.ts",
  "wiring-gateway.ts",
  "wiring-grants.ts",
  "wiring-oauth.ts",
  "env.ts",
  "budgets.ts",
]);

export type RoomFileKind = "plain" | "client" | "store" | "tables" | "routes";

export type Place =
  | { readonly zone: "roof"; readonly file: string }
  | { readonly zone: "ground"; readonly folder: string }
  | { readonly zone: "room"; readonly room: string; readonly order: number; readonly kind: RoomFileKind }
  | { readonly zone: "outside"; readonly area: string };

/** A place for paths under src that belong to neither roof, ground nor a listed room. */
export const astray = "src";

export function placeOf(path: string): Place {
  const [area = "", first = "", ...rest] = path.split("/");
  if (area !== "src") return { zone: "outside", area };
  if (rest.length === 0) {
    return roof.has(first) ? { zone: "roof", file: first } : { zone: "outside", area: astray };
  }
  if (Object.hasOwn(ground, first)) return { zone: "ground", folder: first };
  const order = rooms.indexOf(first);
  if (order === -1) return { zone: "outside", area: astray };
  return { zone: "room", room: first, order, kind: kindOf(rest.at(-1) ?? "") };
}

function kindOf(file: string): RoomFileKind {
  if (/(^|\.)store\.ts$/.test(file)) return "store";
  if (/(^|\.)tables\.ts$/.test(file)) return "tables";
  if (/\.client\.ts$/.test(file)) return "client";
  if (/^routes([.-].*)?\.tsx?$|\.routes\.tsx?$|\.page\.tsx?$/.test(file)) return "routes";
  return "plain";
}
