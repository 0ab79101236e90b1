import { startStack } from "./stack/stack.ts";
import { runStartCommand } from "./stack/start-command.ts";

await runStartCommand(startStack);
