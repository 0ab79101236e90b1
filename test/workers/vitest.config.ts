import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import type { Stores } from "../support/stores.ts";

/** A runtime that still holds a hanging request does not stop when asked to; the verdict is known, so it is not waited for. */
const leaveWhenDone = {
  onTestRunEnd(_modules: unknown, errors: readonly unknown[], reason: string): void {
    const code = reason === "passed" && errors.length === 0 ? 0 : 1;
    setTimeout(() => process.exit(code), 5000).unref();
  },
};

/** Nearly every test runs in workerd, against twins that speak the stores' wire protocols in this Node process. */
export default defineConfig({
  plugins: [
    cloudflareTest(({ inject }) => {
      const stores = inject<Stores>("stores");
      return {
        main: "src/index.ts",
        wrangler: { configPath: "wrangler.toml" },
        miniflare: { bindings: stores.environment },
      };
    }),
  ],
  test: {
    reporters: ["default", leaveWhenDone],
    include: ["test/**/*.test.ts"],
    exclude: ["test/node/**", "test/browser/**", "test/services/**"],
    globalSetup: ["test/support/stores.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
