// Third-party packages that src may name, and the files that may name them.
import type { Place } from "./places.ts";

interface PackageRule {
  readonly name: string;
  readonly where: string;
  readonly allows: (place: Place) => boolean;
}

const isRoof = (place: Place, ...files: readonly string[]): boolean =>
  place.zone === "roof" && (files.length === 0 || files.includes(place.file));
const isGround = (place: Place, folder: string): boolean =>
  place.zone === "ground" && place.folder === folder;
const isRoom = (place: Place, ...names: readonly string[]): boolean =>
  place.zone === "room" && names.includes(place.room);
const isKind = (place: Place, ...kinds: readonly string[]): boolean =>
  place.zone === "room" && kinds.includes(place.kind);

const isStorage = (place: Place): boolean =>
  isRoof(place) || isGround(place, "storage") || isKind(place, "store", "tables");
const isWire = (place: Place): boolean =>
  isRoof(place) || isGround(place, "http") || isKind(place, "routes") || isRoom(place, "admin");
const storageFiles = "storage/, store.ts and tables.ts";
const wireFiles = "routes, pages, http/ and the admin room";

export const packageRules: readonly PackageRule[] = [
  {
    name: "hono",
    where: "http/, routes, pages and app, provider, rpc, index",
    allows: (place) =>
      isGround(place, "http") ||
      isKind(place, "routes") ||
      isRoof(place, "app.ts", "provider.ts", "rpc.ts", "index.ts"),
  },
  { name: "drizzle-orm", where: storageFiles, allows: isStorage },
  { name: "@neondatabase/serverless", where: storageFiles, allows: isStorage },
  { name: "@upstash/redis", where: storageFiles, allows: isStorage },
  {
    name: "jose",
    where: "crypto/ and the plain logic of signing-keys, tokens, oauth, authentication and gateway",
    allows: (place) =>
      isRoof(place) ||
      isGround(place, "crypto") ||
      (isKind(place, "plain", "tables") &&
        isRoom(place, "signing-keys", "tokens", "oauth", "authentication", "gateway")),
  },
  { name: "valibot", where: wireFiles, allows: isWire },
  { name: "@valibot/to-json-schema", where: wireFiles, allows: isWire },
  {
    name: "ipaddr.js",
    where: "the plain logic of rooms",
    allows: (place) => isRoof(place) || isKind(place, "plain"),
  },
  {
    name: "@simplewebauthn/server",
    where: "the plain logic of mfa",
    allows: (place) => isKind(place, "plain") && isRoom(place, "mfa"),
  },
  {
    name: "otpauth",
    where: "the plain logic of mfa",
    allows: (place) => isKind(place, "plain") && isRoom(place, "mfa"),
  },
  {
    name: "uqr",
    where: "routes and pages",
    allows: (place) => isKind(place, "routes"),
  },
  {
    name: "@phi-ag/argon2",
    where: "crypto/ and index.ts",
    allows: (place) => isRoof(place, "index.ts") || isGround(place, "crypto"),
  },
  {
    name: "cloudflare:workers",
    where: "index.ts and rpc.ts",
    allows: (place) => isRoof(place, "index.ts", "rpc.ts"),
  },
];

/**
 * Files that their package does not export, and that src imports nevertheless: what is exported would bring the deployment
 * far more than is used. The package is pinned, so another version fails to build. Who may import it, the table says.
 */
export const unexportedFiles: ReadonlySet<string> = new Set([
  "node_modules/@upstash/redis/chunk-4WQYU7T6.mjs",
]);

export function packageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}
