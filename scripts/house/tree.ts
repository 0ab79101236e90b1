// Reads the tree once: every tracked file's path and text, and the code files parsed by the
// TypeScript compiler itself, so that no rule is fooled by a string, a comment or JSX text.
import { type ChildProcess, execFileSync } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Node, SourceFile } from "typescript/unstable/ast";
import { createVirtualFileSystem, type FileSystem } from "typescript/unstable/fs";
import { API } from "typescript/unstable/sync";
import { type Prose, proseOf } from "./prose.ts";

export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  /** One sentence that says what to do instead. */
  readonly advice: string;
}

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export interface CodeFile extends TextFile, Prose {
  readonly area: "src" | "scripts" | "test";
  readonly ast: SourceFile;
  /** Every node of the file in source order. */
  readonly nodes: readonly Node[];
}

export interface Tree {
  readonly root: string;
  readonly paths: readonly string[];
  readonly texts: readonly TextFile[];
  readonly code: readonly CodeFile[];
}

/** Without git there is no ignore file to ask; these are never part of the project. */
const untracked: ReadonlySet<string> = new Set(["node_modules", ".git", ".local", ".wrangler", "dist"]);
const textBytesMax = 2_000_000;
const codePath = /^(src|scripts|test)\/.*\.[cm]?[jt]sx?$/;

export function readTree(root: string): Tree {
  const paths = listPaths(root).toSorted();
  const texts = paths.flatMap((path) => readText(root, path));
  return { root, paths, texts, code: parse(texts.filter(({ path }) => codePath.test(path))) };
}

export function inArea(tree: Tree, ...areas: readonly CodeFile["area"][]): readonly CodeFile[] {
  return tree.code.filter((file) => areas.includes(file.area));
}

/** 1-based line of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line += 1;
  return line;
}

export function violationAt(file: CodeFile, node: Node, rule: string, advice: string): Violation {
  return { path: file.path, line: lineAt(file.text, node.getStart(file.ast)), rule, advice };
}

function listPaths(root: string): readonly string[] {
  if (!existsSync(join(root, ".git"))) return walk(root, "");
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "-z"], { cwd: root });
  const paths = listed.toString("utf8").split("\0");
  return paths.filter((path) => path !== "" && existsSync(join(root, path)));
}

function walk(root: string, folder: string): readonly string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (untracked.has(entry.name)) return [];
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(root, path) : [path];
  });
}

function readText(root: string, path: string): readonly TextFile[] {
  const stat = statSync(join(root, path));
  if (!stat.isFile() || stat.size > textBytesMax) return [];
  const text = readFileSync(join(root, path), "utf8");
  return text.includes("\0") ? [] : [{ path, text }];
}

function parse(files: readonly TextFile[]): readonly CodeFile[] {
  const compilerOptions = {
    noLib: true,
    noResolve: true,
    types: [],
    allowJs: true,
    jsx: "preserve",
    noEmit: true,
  };
  const config = JSON.stringify({ compilerOptions, files: files.map(({ path }) => path) });
  const sources = Object.fromEntries(files.map(({ path, text }) => [`/house/${path}`, text]));
  const fs = createVirtualFileSystem({ ...sources, "/house/tsconfig.json": config });
  return withCompiler(fs, (api) => {
    using snapshot = api.updateSnapshot({ openProjects: ["/house/tsconfig.json"] });
    const program = snapshot.getProject("/house/tsconfig.json")?.program;
    return files.map((file) => {
      const ast = program?.getSourceFile(`/house/${file.path}`);
      if (ast === undefined) throw new Error(`the compiler did not parse ${file.path}`);
      return codeFile(file, ast);
    });
  });
}

/** The compiler runs as a child. Asked to stop, it may print "context canceled"; killed, it is silent. */
function withCompiler<T>(fs: FileSystem, use: (api: API) => T): T {
  const children: ChildProcess[] = [];
  const onSpawn = (message: unknown): void => {
    children.push((message as { process: ChildProcess }).process);
  };
  subscribe("child_process", onSpawn);
  const api = new API({ cwd: "/house", fs });
  try {
    return use(api);
  } finally {
    unsubscribe("child_process", onSpawn);
    for (const child of children) child.kill("SIGKILL");
    api.close();
  }
}

function codeFile(file: TextFile, ast: SourceFile): CodeFile {
  const nodes: Node[] = [];
  const visit = (node: Node): void => {
    nodes.push(node);
    node.forEachChild(visit);
  };
  visit(ast);
  const [area] = file.path.split("/");
  if (area !== "src" && area !== "scripts" && area !== "test") throw new Error(`${file.path} is in no area`);
  return { ...file, area, ast, nodes, ...proseOf(file.text, ast, nodes) };
}
