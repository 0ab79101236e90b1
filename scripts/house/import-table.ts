// The table "Who may import whom": one function per kind of file, each answering with the advice
// that is broken, or with nothing.
import { posix } from "node:path";
import { type Import, importsOf } from "./imports.ts";
import { packageName, packageRules, unexportedFiles } from "./packages.ts";
import { astray, ground, lastRoom, type Place, placeOf, type RoomFileKind } from "./places.ts";
import { type CodeFile, inArea, type Tree, type Violation, violationAt } from "./tree.ts";

type RoomPlace = Extract<Place, { zone: "room" }>;
type Advice = string | undefined;

export function judgeImports(tree: Tree): { violations: readonly Violation[]; count: number } {
  const violations: Violation[] = [];
  let count = 0;
  for (const file of tree.code) {
    const imports = importsOf(file);
    count += imports.length;
    for (const found of imports) {
      const advice = judgeImport(file, found);
      if (advice !== undefined) violations.push(violationAt(file, found.node, "imports", advice));
    }
  }
  return { violations: [...violations, ...inArea(tree, "src").flatMap(judgePlace)], count };
}

/** JSX is an import of hono/jsx that no line shows. */
function judgePlace(file: CodeFile): readonly Violation[] {
  const place = placeOf(file.path);
  const violation = (advice: string) => [{ path: file.path, line: 1, rule: "imports", advice }];
  if (place.zone === "outside") {
    return violation("move it into a room, a ground folder or a roof file that the list of rooms names");
  }
  const mayHoldJsx =
    (place.zone === "ground" && place.folder === "http") ||
    (place.zone === "room" && place.kind === "routes");
  if (!file.path.endsWith("x") || mayHoldJsx) return [];
  return violation("JSX imports hono at run time: name the file *.page.tsx, or move the markup into one");
}

function judgeImport(file: CodeFile, { specifier, typeOnly }: Import): Advice {
  if (specifier === undefined) {
    return file.area === "src"
      ? "write the imported path as a literal, so that it can be checked"
      : undefined;
  }
  const isRelative = specifier.startsWith(".");
  if (isRelative && !/\.[a-z0-9]+$/.test(specifier)) return "write the file's extension in the import";
  if (file.area !== "src") return undefined;
  const from = placeOf(file.path);
  if (!isRelative) return judgePackage(from, specifier);
  const target = posix.join(posix.dirname(file.path), specifier);
  if (unexportedFiles.has(target)) return judgePackage(from, target.slice("node_modules/".length));
  return judgeTarget(from, placeOf(target), typeOnly);
}

function judgePackage(from: Place, specifier: string): Advice {
  const name = packageName(specifier);
  const rule = packageRules.find((candidate) => candidate.name === name);
  if (rule === undefined) return `do without ${name}, or add it to scripts/house/packages.ts with its place`;
  return rule.allows(from) ? undefined : `only ${rule.where} may import ${name}: ask for what it gives there`;
}

function judgeTarget(from: Place, to: Place, typeOnly: boolean): Advice {
  if (to.zone === "outside") {
    if (to.area === astray) return "import from a listed room, ground folder or roof file only";
    return `src never imports ${to.area}/: move what it needs into src`;
  }
  if (from.zone === "roof" || from.zone === "outside") return undefined;
  if (to.zone === "roof") return "the roof is imported by nobody below it: take the value as a parameter";
  if (from.zone === "ground") return judgeFromGround(from.folder, to);
  if (to.zone === "ground") return judgeToGround(from.kind, to.folder);
  return from.room === to.room ? judgeOwnRoom(from, to, typeOnly) : judgeOtherRoom(from, to, typeOnly);
}

function judgeFromGround(folder: string, to: Place): Advice {
  if (to.zone === "room")
    return "the ground knows no room: move this code into the room, or take a parameter";
  if (to.zone !== "ground" || to.folder === folder || ground[folder]?.includes(to.folder)) return undefined;
  const allowed = ground[folder]?.join(", ") ?? "";
  return `${folder}/ may import ${allowed === "" ? "nothing of ours" : `only ${allowed}`}`;
}

const groundOfKind: Readonly<Record<RoomFileKind, readonly string[]>> = {
  plain: ["errors", "crypto"],
  client: ["errors", "crypto"],
  store: ["errors", "crypto", "storage"],
  tables: ["errors", "crypto", "storage"],
  routes: ["errors", "crypto", "http"],
};

function judgeToGround(kind: RoomFileKind, folder: string): Advice {
  const allowed = groundOfKind[kind];
  if (allowed.includes(folder)) return undefined;
  const remedy = folder === "storage" ? "ask a store" : "leave it to routes";
  return `a ${kind} file may import only ${allowed.join(", ")} of the ground: ${remedy}`;
}

function judgeOwnRoom(from: RoomPlace, to: RoomPlace, typeOnly: boolean): Advice {
  if (from.kind === "client")
    return "a *.client.ts imports only errors and crypto: declare here what it takes";
  if (to.kind === "plain") return undefined;
  if (from.kind === "routes") {
    if (to.kind === "routes" || (to.kind === "client" && typeOnly)) return undefined;
    return "routes and pages never know a store or client: ask the room's front door";
  }
  if (to.kind === "routes") return "only the roof mounts routes: move what is needed into a plain file";
  if (typeOnly) return undefined;
  const isStorage = from.kind === "store" || from.kind === "tables";
  if (isStorage && (to.kind === "store" || to.kind === "tables")) return undefined;
  return "import the type only, and receive the store or client from wiring.ts";
}

function judgeOtherRoom(from: RoomPlace, to: RoomPlace, typeOnly: boolean): Advice {
  if (from.kind === "client")
    return "a *.client.ts imports only errors and crypto: declare here what it takes";
  if (to.order > from.order) {
    return `${to.room} stands below ${from.room}: let ${to.room} know ${from.room}, or pass a function in wiring.ts`;
  }
  if (to.kind === "routes") return `take the type from a plain file of ${to.room}, never from its routes`;
  if (typeOnly) return undefined;
  const namesTables = (from.kind === "tables" || from.kind === "store") && to.kind === "tables";
  // A change and its note for the edges are one statement, so a store names the outbox of a room above.
  if (namesTables) return undefined;
  // Nobody imports the last room: what it takes from rooms above cannot close a cycle.
  if (from.room === lastRoom && to.kind === "plain") return undefined;
  return `write import type, and receive ${to.room} as an object from wiring.ts`;
}
