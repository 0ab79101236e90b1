import { dirname, join } from "node:path";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { readAliases, readCompatibility, type WorkerBundle } from "../../scripts/stack/bundle.ts";
import { inLane, rpcLane } from "../support/lane.ts";
import type { Stores } from "../support/stores.ts";

/**
 * Beside the Worker under test, Gatehouse as it is deployed and another team's Worker with service bindings to it. Between
 * these two stands what stands in production, and nothing of the test runner.
 */
function boundWorkers({ environment, workers }: Stores) {
  const { date, flags } = readCompatibility();
  const verifier = (props?: Record<string, string>) => ({
    name: "gatehouse",
    entrypoint: "Verifier",
    ...(props && { props }),
  });
  const modules = ({ script, wasm }: WorkerBundle) => ({
    modulesRoot: dirname(script),
    modules: [
      { type: "ESModule" as const, path: script },
      ...wasm.map((name) => ({ type: "CompiledWasm" as const, path: join(dirname(script), name) })),
    ],
  });
  return [
    {
      name: "gatehouse",
      ...modules(workers.gatehouse),
      compatibilityDate: date,
      compatibilityFlags: flags,
      // Bound 0: what was changed is known to the next question.
      bindings: { ...inLane(environment, rpcLane), REVOCATION_BOUND_SECONDS: "0" },
    },
    {
      name: "orders",
      ...modules(workers.orders),
      compatibilityDate: date,
      serviceBindings: {
        GATEHOUSE: verifier({ caller: "orders" }),
        OTHER: verifier({ caller: "billing" }),
        UNNAMED: verifier(),
        EMPTY: verifier({ caller: "" }),
      },
    },
  ];
}

/** Nearly every test runs in workerd, against twins that speak the stores' wire protocols in this Node process. */
export default defineConfig({
  plugins: [
    cloudflareTest(({ inject }) => {
      const stores = inject<Stores>("stores");
      return {
        main: "src/index.ts",
        wrangler: { configPath: "wrangler.toml" },
        miniflare: {
          bindings: stores.environment,
          serviceBindings: { ORDERS_API: "orders" },
          workers: boundWorkers(stores),
        },
      };
    }),
  ],
  // Whoever imports what the deployment has a stand-in for gets the stand-in here too, packages not excepted.
  resolve: { alias: Object.fromEntries(readAliases()) },
  test: {
    server: { deps: { inline: ["@simplewebauthn/server", "otpauth"] } },
    include: ["test/**/*.test.ts"],
    exclude: ["test/node/**", "test/browser/**", "test/services/**"],
    globalSetup: ["test/support/stores.ts"],
    setupFiles: ["test/workers/after-each-file.ts"],
    // One runtime for many files, as one isolate serves many requests: nothing may hang on what ran before, and the suite
    // takes less than half the time.
    isolate: false,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
