import type { Audit, Background } from "../audit/audit.ts";
import type { Origin, Party } from "../audit/events.ts";
import type { RefreshTokens } from "../tokens/refresh-tokens.ts";
import type { ConsentShown, GrantStore } from "./grants.store.ts";
import { scopesShown } from "./scopes.ts";

type Operator = { readonly actor: Party; readonly origin: Origin; readonly background: Background };

/** What a person allowed, as they see it and end it. */
export function createConsents(options: {
  store: Pick<GrantStore, "listConsents" | "deleteConsent">;
  refreshTokens: Pick<RefreshTokens, "endGrants">;
  audit: Pick<Audit, "record">;
}) {
  const { store, refreshTokens, audit } = options;
  const shownOf = (consent: ConsentShown) => ({ ...consent, scopes: scopesShown(consent.scopes) });

  return {
    async list(accountId: string) {
      return (await store.listConsents(accountId)).map(shownOf);
    },

    /** The consent goes first: what fails in between is asked for anew, and gives nothing new meanwhile. */
    async revoke(accountId: string, clientId: string, operator: Operator): Promise<boolean> {
      const wasThere = await store.deleteConsent(accountId, clientId);
      await refreshTokens.endGrants(accountId, clientId, "by_person", operator);
      if (!wasThere) return false;
      const { actor, origin, background } = operator;
      const subject = { type: "client", id: clientId } as const;
      audit.record(
        { type: "consent.revoked", outcome: "done", reason: "by_person", actor, subject, origin },
        background,
      );
      return true;
    },
  };
}

export type Consents = ReturnType<typeof createConsents>;
