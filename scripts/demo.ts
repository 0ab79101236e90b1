import { isLoopback } from "../src/http/door-checks.ts";
import { type Connection, findConnection, findMailbox } from "./cli/connection.ts";
import { createCaller } from "./demo/caller.ts";
import { tellClients } from "./demo/clients.ts";
import { tellEndings } from "./demo/endings.ts";
import { tellIdentity } from "./demo/identity.ts";
import { tellLimits } from "./demo/limits.ts";
import { tellPeople } from "./demo/people.ts";
import { createMailbox, type Mailbox } from "./demo/person.ts";
import { tellQuestions } from "./demo/questions.ts";
import { tellRecord } from "./demo/record.ts";
import { tellRefusals } from "./demo/refusals.ts";
import { tellRotation } from "./demo/rotation.ts";
import { createStage, type Stage } from "./demo/stage.ts";
import { createStory, type Story } from "./demo/story.ts";
import { startUpstream } from "./demo/upstream.ts";
import { isRefusal, refusal } from "./stack/refusal.ts";

const print = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/** Every main job once, against a running stack; stops at the first expectation that does not hold. */
async function tellAll(story: Story, stage: Stage, mailbox: Mailbox): Promise<void> {
  const since = new Date();
  const given = await tellIdentity(story, stage);
  await tellRefusals(story, stage, given);
  await tellLimits(story, stage, given);
  await tellRotation(story, stage, given);
  await tellQuestions(story, stage, given);
  await tellEndings(story, stage, given);
  await tellPeople(story, stage, mailbox);
  await tellClients(story, stage);
  await tellRecord(story, stage, { since });
}

function findStack(): Connection {
  const connection = findConnection(process.env);
  const url = new URL(connection.url);
  if (url.protocol === "http:" && isLoopback(url.hostname)) return connection;
  throw refusal(
    "The demo brings a service of its own on this machine: run it against a stack of npm start here.",
  );
}

async function demo(): Promise<void> {
  const began = performance.now();
  const connection = findStack();
  const caller = createCaller();
  const mailbox = createMailbox(findMailbox(process.env), caller);
  const upstream = await startUpstream();
  const stage = createStage({ connection, caller, upstream });
  const story = createStory(print);
  print(`Gatehouse at ${connection.url}, a service behind it at ${upstream.url}. Secrets are shortened.`);
  const interrupted = new Promise<never>((_, reject) => {
    process.once("SIGINT", () => reject(refusal("Interrupted.")));
  });
  // Met in the race below; before it begins there is nobody to meet it.
  interrupted.catch(() => undefined);
  try {
    await caller.call({ url: `${connection.url}/health/live` });
    await Promise.race([tellAll(story, stage, mailbox), interrupted]);
  } finally {
    const left = await stage.clear();
    if (left.length > 0) process.stderr.write(`Could not be cleared away: ${left.join(" ")}\n`);
    caller.close();
    await upstream.close();
  }
  print(`\nTook ${((performance.now() - began) / 1000).toFixed(1)} s; what it made is cleared away.`);
  print(`${story.count()} steps, all held`);
}

try {
  await demo();
} catch (error) {
  const unforeseen = `The demo itself failed: ${(error as Error).message}`;
  process.stderr.write(`${isRefusal(error) ? error.message : unforeseen}\n`);
  process.exit(1);
}
