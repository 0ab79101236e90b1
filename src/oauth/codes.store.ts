import { type SQL, sql } from "drizzle-orm";
import { accounts } from "../accounts/tables.ts";
import type { PendingChange } from "../revocation/ending.ts";
import { noteEndings, pendingOf } from "../revocation/tables.ts";
import { type Database, inOneTransaction } from "../storage/database.ts";
import { decodeRow } from "../storage/rows.ts";
import { moment, texts } from "../storage/values.ts";
import { refreshFamilies } from "../tokens/tables.ts";
import { authorizationCodes, consents, pairwiseSubjects } from "./grants.tables.ts";

export type NewCode = Omit<typeof authorizationCodes.$inferInsert, "uses">;
export type CodeRow = typeof authorizationCodes.$inferSelect;

/** What whoever redeems a code shows, all of it checked in one step with the code itself. */
export type Redemption = {
  readonly codeHash: string;
  readonly clientId: string;
  /** Null: not sent. */
  readonly redirectUri: string | null;
  /** Of the verifier; null: none was sent. */
  readonly codeChallenge: string | null;
  /** One of those that were granted; null: the first. */
  readonly resource: string | null;
  /** What is the client's to have now, and what every person may give: of the code's scopes nothing else is born. */
  readonly ceiling: readonly string[];
  readonly anybodys: readonly string[];
  /** The audience of a grant that names no resource. */
  readonly issuer: string;
  /** Of a client whose people have other names for each sector; null: theirs are the same everywhere. */
  readonly sector: string | null;
  /** The first token of the family that is born. */
  readonly family: { readonly id: string; readonly tokenHash: string; readonly secretVersion: number };
  readonly idleExpiresAt: Date;
  readonly absoluteExpiresAt: Date;
  readonly at: Date;
};

/** Who a grant is about, beside what the code says. */
export type Redeemed = {
  readonly code: CodeRow;
  readonly tokensFrom: Date | null;
  readonly email: string;
  readonly updatedAt: Date;
  readonly pairwiseSubject: string | null;
  /** No token of the grant lives longer: what may not outlive its sign-in ends with it at the latest. */
  readonly endsAt: Date;
};

export type RedeemAnswer =
  | { readonly ok: true; readonly redeemed: Redeemed }
  | { readonly ok: false; readonly reason: "unknown" | "wrong_resource" }
  /** It was used before, and what that use gave is over. `noted` is empty when it was over already. */
  | {
      readonly ok: false;
      readonly reason: "replayed";
      readonly code: CodeRow;
      readonly noted: PendingChange[];
    };

/** A used code is remembered for as long as its page could send it again, and longer than anybody tries it. */
const keptMilliseconds = 24 * 3_600_000;

const insertion = (code: NewCode, from: SQL): SQL => sql`
  insert into ${authorizationCodes} (code_hash, ticket, client_id, account_id, grant_id, sign_in_session_id,
    redirect_uri, redirect_uri_given, code_challenge, scopes, resources, nonce, claims, auth_time, acr, amr,
    issued_at, expires_at)
  select ${code.codeHash}, ${code.ticket ?? null}::text, ${code.clientId}, ${code.accountId}, ${code.grantId},
    ${code.signInSessionId}, ${code.redirectUri}, ${code.redirectUriGiven}::boolean,
    ${code.codeChallenge ?? null}::text, ${texts(code.scopes)}, ${texts(code.resources)}, ${code.nonce ?? null}::text,
    ${code.claims ? JSON.stringify(code.claims) : null}::jsonb, ${moment(code.authTime)}, ${code.acr},
    ${texts(code.amr)}, ${moment(code.issuedAt)}, ${moment(code.expiresAt)}
  ${from}
  on conflict (ticket) do nothing returning code_hash`;

/** The rest of a `with`: the code, and what is remembered when there was one. `from`: what must have a row before. */
export const allowance = (code: NewCode, agreed: readonly string[], from: SQL): SQL => sql`
  inserted as (${insertion(code, from)})
  insert into ${consents} as known (account_id, client_id, scopes, created_at, updated_at)
  select ${code.accountId}, ${code.clientId}, ${texts(agreed)}, ${moment(code.issuedAt)},
    ${moment(code.issuedAt)} from inserted
  on conflict (account_id, client_id) do update set updated_at = excluded.updated_at,
    scopes = array(select unnest(known.scopes) union select unnest(excluded.scopes))
  returning client_id`;

export function createCodeStore(database: Database) {
  return {
    /** False: the person was not asked for all of this yet. Null: nobody needs to be asked. */
    async insertAgreed(code: NewCode, agreed: readonly string[] | null): Promise<boolean> {
      const { rows } = await database.execute(
        insertion(
          code,
          agreed === null
            ? sql``
            : sql`where exists (
                select 1 from ${consents} where account_id = ${code.accountId} and client_id = ${code.clientId}
                  and ${texts(agreed)} <@ scopes)`,
        ),
      );
      return rows.length === 1;
    },

    /** What was allowed is remembered with the code; false: the page that asked has given one already. */
    async insertAllowed(code: NewCode, agreed: readonly string[]): Promise<boolean> {
      const { rows } = await database.execute(sql`with ${allowance(code, agreed, sql``)}`);
      return rows.length === 1;
    },

    /**
     * One transaction and one trip. The code, its account and its sign-in are locked first, so that whoever ends one of
     * those either sees the family that is born here, or is seen. The use is then counted: the first one that fits makes
     * the family, any later one ends it (RFC 9700 §4.5). A use with the wrong proof is none: it neither consumes nor ends.
     */
    async redeem(shown: Redemption): Promise<RedeemAnswer> {
      const [, [row] = []] = await inOneTransaction(database, [
        sql`select 1 from ${authorizationCodes} code
            join ${accounts} account on account.id = code.account_id
            join ${refreshFamilies} sign_in on sign_in.session_id = code.sign_in_session_id
            where code.code_hash = ${shown.codeHash} for update of code for share of account, sign_in`,
        redemption(shown),
      ]);
      if (!row) return { ok: false, reason: "unknown" };
      if (row["is_target"] !== true) return { ok: false, reason: "wrong_resource" };
      const code = decodeRow(authorizationCodes, row);
      if (code.uses > 1) {
        const noted = (row["noted"] ?? []) as Record<string, unknown>[];
        return { ok: false, reason: "replayed", code, noted: pendingOf(noted) };
      }
      // The account or the sign-in ended between the page and now.
      if (row["email"] === null) return { ok: false, reason: "unknown" };
      const { email, updatedAt } = decodeRow(accounts, { ...row, updated_at: row["account_updated_at"] });
      const { tokensFrom, absoluteExpiresAt: endsAt } = decodeRow(refreshFamilies, {
        ...row,
        absolute_expires_at: row["ends_at"],
      });
      const { subject } = decodeRow(pairwiseSubjects, row) as { subject: string | null };
      // What was taken from the person or the client between the page and now is not given any more.
      const { scopes } = decodeRow(authorizationCodes, { ...row, scopes: row["granted"] });
      return {
        ok: true,
        redeemed: {
          code: { ...code, scopes },
          tokensFrom,
          email,
          updatedAt,
          pairwiseSubject: subject,
          endsAt,
        },
      };
    },

    /** For the cron trigger. */
    async sweep(at: Date): Promise<void> {
      await database.execute(sql`
        delete from ${authorizationCodes} where code_hash in (
          select code_hash from ${authorizationCodes}
          where expires_at < ${moment(new Date(at.getTime() - keptMilliseconds))} limit 1000)`);
    },
  };
}

export type CodeStore = ReturnType<typeof createCodeStore>;

/** `iat` has whole seconds: tokens of the second of a revocation of "everything before" say the next one. */
const tokensFrom = (at: Date): SQL => sql`
  case when ceil(extract(epoch from account.revoked_before)) > ${Math.floor(at.getTime() / 1000)}
    then to_timestamp(ceil(extract(epoch from account.revoked_before))) end`;

function redemption(shown: Redemption): SQL {
  const { family, at } = shown;
  const isTarget = sql`(${shown.resource}::text is null or ${shown.resource}::text = any(
    case when cardinality(resources) = 0 then array[${shown.issuer}::text] else resources end))`;
  return sql`
    with code as (
      update ${authorizationCodes} set uses = uses + ${isTarget}::int
      where code_hash = ${shown.codeHash} and client_id = ${shown.clientId}
        and (uses > 0 or expires_at > ${moment(at)})
        and code_challenge is not distinct from ${shown.codeChallenge}::text
        and (redirect_uri = ${shown.redirectUri}::text
          or (${shown.redirectUri}::text is null and not redirect_uri_given))
      returning *, ${isTarget} as is_target
    ), alive as (
      select code.*, array(
          select scope from unnest(code.scopes) with ordinality as agreed(scope, place)
          where scope = any(${texts(shown.ceiling)}) and (scope = any(account.scopes) or scope = any(${texts(shown.anybodys)}))
          order by place) as granted, sign_in.absolute_expires_at as sign_in_ends_at, account.email, account.updated_at as account_updated_at, ${tokensFrom(at)} as tokens_from,
        pairwise.subject
      from code
      join ${accounts} account on account.id = code.account_id and account.state = 'active'
      join ${refreshFamilies} sign_in on sign_in.session_id = code.sign_in_session_id and sign_in.revoked_at is null
      left join ${pairwiseSubjects} pairwise
        on pairwise.account_id = code.account_id and pairwise.sector = ${shown.sector}::text
      where code.uses = 1 and code.is_target
    ), ending as (
      select alive.*, case when 'offline_access' = any(granted) then ${moment(shown.absoluteExpiresAt)}
        else least(${moment(shown.absoluteExpiresAt)}, sign_in_ends_at) end as ends_at
      from alive
    ), family as (
      insert into ${refreshFamilies} (id, session_id, sign_in_session_id, account_id, client_id, audience, resources,
        claims, scopes, auth_time, acr, amr, current_hash, generation, rotated_at, secret_version, tokens_from,
        created_at, idle_expires_at, absolute_expires_at)
      select ${family.id}, grant_id, sign_in_session_id, account_id, client_id,
        coalesce(resources[1], ${shown.issuer}::text), case when cardinality(resources) > 0 then resources end, claims,
        granted, auth_time, acr, amr, ${family.tokenHash}, 0, ${moment(at)}, ${family.secretVersion}::integer,
        tokens_from, ${moment(at)}, least(${moment(shown.idleExpiresAt)}, ends_at), ends_at
      from ending
    ), ended as (
      update ${refreshFamilies} born set revoked_at = ${moment(at)}, revoked_reason = 'replayed'
      from code where code.uses > 1 and code.is_target and born.session_id = code.grant_id
        and born.client_id = code.client_id and born.revoked_at is null
      returning born.session_id
    ), noted as (${noteEndings(sql`select 'session', session_id from ended`, at)})
    select code.*, alive.granted, alive.ends_at, alive.email, alive.account_updated_at, alive.tokens_from, alive.subject,
      (select json_agg(noted) from noted) as noted
    from code left join ending alive on true`;
}
