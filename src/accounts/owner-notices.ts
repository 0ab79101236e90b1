import type { Circumstances, Notice } from "../messages/message.ts";
import type { Messages } from "../messages/messages.ts";
import type { AccountStore } from "./store.ts";

/** Mails to an owner of whom only the id is known: for rooms that stand above this one, and for sign-in. */
export function createOwnerNotices(options: {
  store: Pick<AccountStore, "find">;
  messages: Pick<Messages, "send">;
}) {
  const { store, messages } = options;

  async function tell(accountId: string, notice: OwnerNotice, background: Background): Promise<void> {
    const owner = await store.find(accountId);
    if (owner && owner.state !== "deleted")
      messages.send({ template: notice.template, to: owner.email, done: notice.done }, background);
  }

  /** Never throws, never waits. */
  return function tellOwner(accountId: string, notice: OwnerNotice, background: Background): void {
    background(tell(accountId, notice, background).catch(() => undefined));
  };
}

export type OwnerNotice = {
  readonly template: Exclude<Notice["template"], "address-changed">;
  readonly done: Circumstances;
};
type Background = (work: Promise<unknown>) => void;
