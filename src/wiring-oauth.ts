import type { Audit } from "./audit/audit.ts";
import { createClientBook } from "./oauth/client-book.ts";
import { createClientStore } from "./oauth/clients.store.ts";
import { createClients } from "./oauth/clients.ts";
import { type Revocation, recordLifeSeconds } from "./revocation/revocation.ts";
import type { Database } from "./storage/database.ts";

/** The provider, for `wiring.ts`. */
export function wireOauth(sources: {
  database: Database;
  revocation: Revocation;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { database, revocation, audit, now } = sources;
  const clientStore = createClientStore(database);
  const book = createClientBook({
    store: clientStore,
    revocation,
    lifeMilliseconds: recordLifeSeconds * 1000,
    now,
  });
  const clients = createClients({ store: clientStore, book, revocation, audit, now });
  return { clients };
}
