import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import type { Stores } from "../support/stores.ts";

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
    include: ["test/**/*.test.ts"],
    exclude: ["test/node/**", "test/browser/**", "test/services/**"],
    globalSetup: ["test/support/stores.ts"],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
