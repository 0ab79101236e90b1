import { refusal } from "../stack/refusal.ts";
import type { Command } from "./command.ts";
import { findUrl } from "./connection.ts";
import { parse, send } from "./management-api.ts";
import { table } from "./presentation.ts";

type Readiness = {
  readonly status: string;
  readonly dependencies: Readonly<Record<string, { readonly status: string; readonly latency_ms: number }>>;
};

const isReadiness = (value: unknown): value is Readiness =>
  typeof value === "object" && value !== null && "status" in value && "dependencies" in value;

export const healthCommand: Command = {
  name: "health",
  summary: "Shows whether Gatehouse and its stores answer; exit 1 when one does not",
  options: {},
  uses: [],
  async run({ json, environment, say }) {
    const url = new URL("/health/ready", findUrl(environment));
    const { response, text } = await send(url, {});
    const value = parse(text, url);
    if (!isReadiness(value))
      throw refusal(`${url.origin} answered ${response.status}, and not as Gatehouse does.`);
    const rows = Object.entries(value.dependencies).map(([name, { status, latency_ms: milliseconds }]) => [
      name,
      status,
      `${milliseconds} ms`,
    ]);
    say(json ? text : `${url.origin} is ${value.status}.\n\n${table(["STORE", "STATUS", "LATENCY"], rows)}`);
    return response.ok ? 0 : 1;
  },
};
