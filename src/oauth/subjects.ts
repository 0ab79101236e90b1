import { randomBase62 } from "../crypto/base62.ts";
import type { Client } from "./client.ts";
import type { GrantStore } from "./grants.store.ts";

/**
 * OIDC Core §8.1: whose clients share a name for each person; null: this client's people are known by their own. A
 * client whose redirect URIs stand on several hosts has one by its `sector_identifier_uri` only.
 */
export function sectorOf(
  client: Pick<Client, "id" | "subjectType" | "sectorIdentifierUri" | "redirectUris">,
): string | null {
  if (client.subjectType !== "pairwise") return null;
  if (client.sectorIdentifierUri !== null) return new URL(client.sectorIdentifierUri).host;
  const hosts = new Set(client.redirectUris.map((uri) => new URL(uri).host));
  const [host] = hosts;
  // A scheme of an application's own has no host; nor do several hosts make one sector.
  return hosts.size === 1 && host ? host : client.id;
}

/**
 * The name of a person at a client. Accepted: the access token of a client with pairwise names says the
 * account itself, since it is meant for APIs and nothing that its client should read.
 */
export function createSubjects({ store }: { readonly store: Pick<GrantStore, "pairwiseSubject"> }) {
  return {
    /** No call for who is known by their own name. */
    async subjectOf(client: Client, accountId: string): Promise<string> {
      const sector = sectorOf(client);
      if (sector === null) return accountId;
      return await store.pairwiseSubject(accountId, sector, `sub_${randomBase62(22)}`);
    },
  };
}

export type Subjects = ReturnType<typeof createSubjects>;
