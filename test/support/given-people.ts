import { expect, inject } from "vitest";
import type { Account, Asked, KnownDevice, Operator } from "../../src/accounts/account.ts";
import type { FaultRule, Isolate } from "./given.ts";
import { unique } from "./given.ts";

export type MailSeen = {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
};

/** Long enough, in nobody's list. */
export const goodPassword = "seven green kettles sing";
export const otherPassword = "an otter counts to nine";

const origin = { requestId: "given", address: "192.0.2.7", country: "DE" };

export const freshAddress = (): string => `${unique("person")}@example.com`;

/** A network no other test asks from, unless named. */
export const askedFrom = (isolate: Isolate, network = unique("network")): Asked => ({
  network,
  origin,
  background: isolate.background,
});

export const signInFrom = (isolate: Isolate, device: KnownDevice | null = null, network?: string) => ({
  ...askedFrom(isolate, network),
  device,
});

export const asOperator = (isolate: Isolate): Operator => ({
  actor: { type: "operator", id: "given" },
  origin,
  background: isolate.background,
});

export const asPerson = (isolate: Isolate, id: string): Operator => ({
  actor: { type: "user", id },
  origin,
  background: isolate.background,
});

/** Everything sent to this address so far, newest first. */
export async function mailsTo(isolate: Isolate, to: string): Promise<MailSeen[]> {
  await isolate.settle();
  const answer = await fetch(`${inject("stores").mailbox}/messages?to=${encodeURIComponent(to)}`);
  return (await answer.json()) as MailSeen[];
}

/** The secret in the newest mail's link, and the page it leads to. */
export async function linkTo(isolate: Isolate, to: string): Promise<{ url: URL; link: string }> {
  const [mail] = await mailsTo(isolate, to);
  const found = /https:\/\/\S+\?link=\S+/.exec(mail?.text ?? "");
  expect(found, `a link in the newest mail to ${to}: ${mail?.subject}`).not.toBeNull();
  const url = new URL(found?.[0] ?? "");
  return { url, link: url.searchParams.get("link") ?? "" };
}

/** A person who may sign in. */
export async function givenPerson(
  isolate: Isolate,
  draft: { email?: string; password?: string | null; scopes?: readonly string[] } = {},
): Promise<{ account: Account; email: string; password: string }> {
  const { email = freshAddress(), password = goodPassword, scopes = [] } = draft;
  const account = await isolate.rooms.accounts.create({ email, password, scopes }, asOperator(isolate));
  await isolate.settle();
  return { account, email, password: password ?? "" };
}

/** How the mail provider behaves for this isolate. */
export async function mailFault(isolate: Isolate, rules: readonly FaultRule[]): Promise<void> {
  const answer = await fetch(`${inject("stores").mailbox}/_faults/${isolate.lane}`, {
    method: "PUT",
    body: JSON.stringify(rules),
  });
  expect(answer.status).toBeLessThan(300);
}

/** What was really asked of the mail provider by this isolate. */
export async function mailCalls(isolate: Isolate): Promise<number> {
  await isolate.settle();
  const answer = await fetch(`${inject("stores").mailbox}/_calls/${isolate.lane}`);
  return ((await answer.json()) as { count: number }).count;
}
