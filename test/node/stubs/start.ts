import { join } from "node:path";
import type { DemoAccount } from "../../../scripts/stack/secrets.ts";
import { startStack } from "../../../scripts/stack/stack.ts";
import { runStartCommand } from "../../../scripts/stack/start-command.ts";

/** `npm start` as it is, around the stub Worker and without a database's contents. */
const worker = {
  entry: join(import.meta.dirname, "stack.worker.ts"),
  migrations: import.meta.dirname,
  firstKeys: async ({ existing, demo }: { existing?: string; demo?: DemoAccount }) => ({
    adminKey: existing ?? "gk_test_first",
    demo: demo ?? null,
  }),
};

await runStartCommand((options) => startStack({ ...options, worker }));
