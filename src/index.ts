import { env } from "cloudflare:workers";
import argon2 from "@phi-ag/argon2/argon2.wasm";
import { createApp } from "./app.ts";
import { readConfig } from "./env.ts";
import { handOver, roomsOf } from "./rooms.ts";

export { Verifier } from "./rpc.ts";

type Environment = Readonly<Record<string, unknown>>;

/** At start-up: a missing or weak value refuses the deployment with one sentence, before any request is served. */
readConfig(env as unknown as Environment);
handOver({ argon2 });

let app: ReturnType<typeof createApp> | undefined;

async function serveFirst(
  request: Request,
  environment: Environment,
  background: (work: Promise<unknown>) => void,
): Promise<Response> {
  app ??= createApp(await roomsOf(environment));
  return await app.serve(request, background);
}

export default {
  fetch(request: Request, environment: Environment, scope: ExecutionContext): Response | Promise<Response> {
    const background = (work: Promise<unknown>) => scope.waitUntil(work);
    return app ? app.serve(request, background) : serveFirst(request, environment, background);
  },

  /** Each minute: tells the edges what they were not told, stores the events and sends the mails that waited, keeps a signing key. */
  async scheduled(_: ScheduledController, environment: Environment, scope: ExecutionContext): Promise<void> {
    const rooms = await roomsOf(environment);
    const { revocation, audit, messages, signingKeys, accounts, sessions, mfa } = rooms;
    const background = (work: Promise<unknown>) => scope.waitUntil(work);
    const done = await Promise.allSettled([
      revocation.repair(),
      audit.retry(),
      messages.retry(background),
      accounts.sweep(),
      sessions.sweep(),
      mfa.sweep(),
      rooms.sweepCodes(),
      rooms.backChannelLogout.retry(),
      signingKeys.ensure(background),
    ]);
    for (const one of done) {
      if (one.status === "rejected")
        console.error(JSON.stringify({ message: "scheduled work failed; it runs again in a minute" }));
    }
  },
};
