// Runs on any Node, also one that cannot read TypeScript: it is what tells a fresh clone to install first.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The Node that package.json brings along, or the one that runs this when it is new enough. */
export function findNode() {
  for (const name of ["node", "node.exe"]) {
    const path = fileURLToPath(new URL(`../node_modules/node/bin/${name}`, import.meta.url));
    if (existsSync(path)) return path;
  }
  const installed = existsSync(new URL("../node_modules/.package-lock.json", import.meta.url));
  return installed && Number.parseInt(process.versions.node, 10) >= 24 ? process.execPath : null;
}

export function sayNotInstalled() {
  process.stderr.write("Gatehouse's packages are not installed: run npm ci first.\n");
  process.exit(1);
}

if (process.argv[1] === fileURLToPath(import.meta.url) && findNode() === null) sayNotInstalled();
