import { createAdministration } from "./administration.ts";
import type { Foundation } from "./foundation.ts";
import { createOwnAccount } from "./own-account.ts";
import { createOwnPassword } from "./own-password.ts";
import { createRecovery } from "./recovery.ts";
import { createRegistration } from "./registration.ts";
import { createSignIn } from "./sign-in.ts";

/** People: registered, confirmed, recognised by their password, changed, disabled, removed. */
export function createAccounts(foundation: Foundation) {
  const { store, now } = foundation;
  return {
    ...createRegistration(foundation),
    ...createSignIn(foundation),
    ...createRecovery(foundation),
    ...createOwnAccount(foundation),
    ...createOwnPassword(foundation),
    ...createAdministration(foundation),

    /** For the cron trigger: links that are over go, with the addresses in them. */
    sweep: (): Promise<void> => store.deleteExpiredLinks(new Date(now())),
  };
}

export type Accounts = ReturnType<typeof createAccounts>;
