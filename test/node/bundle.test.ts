import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, test } from "vitest";
import { deployedAliases, readAliases, wasmBeside } from "../../scripts/stack/bundle.ts";
import { REPOSITORY } from "../../scripts/stack/local-data.ts";

/** What the Worker imports, by which specifier and from where; nothing is written. */
async function imports({ isDeployed }: { isDeployed: boolean }) {
  const { metafile } = await build({
    entryPoints: [join(REPOSITORY, "src/index.ts")],
    outdir: join(REPOSITORY, ".local/unwritten"),
    write: false,
    bundle: true,
    format: "esm",
    conditions: ["workerd", "worker", "browser"],
    external: ["cloudflare:*"],
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    ...wasmBeside,
    plugins: isDeployed ? [deployedAliases()] : [],
    metafile: true,
    absWorkingDir: REPOSITORY,
    logLevel: "silent",
  });
  return Object.entries(metafile.inputs).flatMap(([from, input]) =>
    input.imports.map(({ original, path }) => ({ from, specifier: original ?? path, path })),
  );
}

const packageOf = (path: string): string =>
  /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path.split("/").slice(0, 2).join("/");

describe("what stands in for a file in the deployment (wrangler.toml, [alias])", () => {
  test("is there for the package that it was written for, and for nobody else", async () => {
    const aliases = readAliases();
    const found = (await imports({ isDeployed: true })).filter(({ specifier }) => aliases.has(specifier));
    for (const { specifier, path } of found) expect(join(REPOSITORY, path)).toBe(aliases.get(specifier));
    const pairs = new Set(found.map(({ from, specifier }) => `${packageOf(from)} ${specifier}`));
    expect([...pairs].sort()).toEqual([
      "@simplewebauthn/server ./defaultRootCerts/android-key.js",
      "@simplewebauthn/server ./defaultRootCerts/android-safetynet.js",
      "@simplewebauthn/server ./defaultRootCerts/apple.js",
      "@simplewebauthn/server ./defaultRootCerts/mds.js",
      "@simplewebauthn/server ./verifications/verifyAttestationAndroidKey.js",
      "@simplewebauthn/server ./verifications/verifyAttestationAndroidSafetyNet.js",
      "@simplewebauthn/server ./verifications/verifyAttestationApple.js",
      "@simplewebauthn/server @peculiar/x509",
      "@simplewebauthn/server reflect-metadata",
      "otpauth @noble/hashes/sha2.js",
      "otpauth @noble/hashes/sha3.js",
    ]);
    expect(pairs.size).toBe(aliases.size);
  });

  test("leaves nothing of what it replaces: not by another way in, and not what that alone imports", async () => {
    const replaced =
      /@peculiar\/(x509|asn1-android)\/|reflect-metadata|defaultRootCerts|Attestation(Android|Apple)|hashes\/sha[23]/;
    const files = async (isDeployed: boolean) =>
      (await imports({ isDeployed })).filter(({ path }) => replaced.test(path));
    expect(await files(true)).toEqual([]);
    expect((await files(false)).length).toBeGreaterThan(10);
  });
});
