import { sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import type { Database } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment } from "../storage/values.ts";
import { type RequestedClaims, refreshFamilies } from "../tokens/tables.ts";
import { authorizationCodes, consents, pairwiseSubjects } from "./grants.tables.ts";
import { clients } from "./tables.ts";

/** A person as an application may be told of them. */
export type PersonTold = {
  readonly email: string;
  readonly updatedAt: Date;
  readonly claims: RequestedClaims | null;
};

/** An application that a person let in. */
export type ConsentShown = {
  readonly clientId: string;
  readonly name: string;
  readonly clientUri: string | null;
  readonly scopes: readonly string[];
  readonly allowedAt: Date;
};

const shownMax = 200;

/** What outlives the moment in which a person agreed: consents, and the names by which applications know people. */
export function createGrantStore(database: Database) {
  return {
    /** Newest first. */
    async listConsents(accountId: string): Promise<ConsentShown[]> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select consent.*, client.metadata from ${consents} consent
        join ${clients} client on client.id = consent.client_id
        where consent.account_id = ${accountId} order by consent.updated_at desc limit ${shownMax}`);
      return rows.map((row) => {
        const { clientId, scopes, updatedAt } = decodeRow(consents, row);
        const { metadata } = decodeRow(clients, row);
        const { name = "", clientUri = null } = metadata;
        return { clientId, name, clientUri, scopes, allowedAt: updatedAt };
      });
    },

    /** A code that is on its way goes too. False: there was none. */
    async deleteConsent(accountId: string, clientId: string): Promise<boolean> {
      const { rows } = await database.execute(sql`
        with codes as (
          delete from ${authorizationCodes}
          where account_id = ${accountId} and client_id = ${clientId} and uses = 0
        )
        delete from ${consents} where account_id = ${accountId} and client_id = ${clientId} returning client_id`);
      return rows.length === 1;
    },

    /** The same at every call: drawn at the first. */
    async pairwiseSubject(accountId: string, sector: string, drawn: string): Promise<string> {
      const { rows } = await database.execute<{ subject: string }>(sql`
        insert into ${pairwiseSubjects} (account_id, sector, subject) values (${accountId}, ${sector}, ${drawn})
        on conflict (account_id, sector) do update set sector = excluded.sector returning subject`);
      const [row] = rows;
      if (!row) throw new Error("a pairwise subject was neither found nor made");
      return row.subject;
    },

    /** Whether the grant came from this sign-in, or from one that it took the place of; whether or not it still lives. */
    async isOfSession(grantId: string, clientId: string, sessionId: string): Promise<boolean> {
      const { rows } = await database.execute(sql`
        select 1 from ${refreshFamilies} where session_id = ${grantId} and client_id = ${clientId}
          and sign_in_session_id = ${sessionId} limit 1`);
      return rows.length === 1;
    },

    /** Null: the grant is over, or the person is not here any more. */
    async findPerson(accountId: string, grantId: string, at: Date): Promise<PersonTold | null> {
      const { rows } = await database.execute<Record<string, unknown>>(sql`
        select account.email, account.updated_at, granted.claims from ${accounts} account
        join ${refreshFamilies} granted on granted.account_id = account.id and granted.session_id = ${grantId}
        where account.id = ${accountId} and account.state = 'active' and granted.revoked_at is null
          and granted.absolute_expires_at > ${moment(at)} limit 1`);
      const [row] = rows;
      if (!row) return null;
      const { email, updatedAt } = decodeRow(accounts, row);
      return { email, updatedAt, claims: decodeRow(refreshFamilies, row).claims };
    },
  };
}

export type GrantStore = ReturnType<typeof createGrantStore>;
