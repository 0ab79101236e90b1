import { type SQL, sql } from "drizzle-orm";
import type { Database } from "../storage/database.ts";
import { moment } from "../storage/values.ts";
import type { LinkPurpose } from "./account.ts";
import { accounts, mailLinks } from "./tables.ts";

export type NewLink = {
  readonly id: string;
  readonly secretHash: string;
  readonly email: string;
  readonly emailCanonical: string;
  readonly at: Date;
  readonly expiresAt: Date;
  /** False: one mail too many went to this address; nothing changes, at the same price. */
  readonly isWanted: boolean;
};
export type LinkRow = typeof mailLinks.$inferSelect;

const hasPassword = sql`password_hash is not null as has_password`;

/**
 * Links are made by the same work whether or not the address is known: a row is written either way, but one that opens
 * something only where there is something to open. The others are dead from birth and swept with the rest.
 */
export function createLinkStore(database: Database) {
  async function make(
    link: NewLink,
    purpose: LinkPurpose,
    more: { passwordHash: string | null; subject: SQL; opens: SQL; older: SQL },
  ): Promise<{ accountId: string | null; email: string | null; hasPassword: boolean; isLive: boolean }> {
    const { rows } = await database.execute<Record<string, unknown>>(sql`
      with subject as (${more.subject}),
      judged as (select ${link.isWanted}::boolean and ${more.opens} as opens),
      older as (
        delete from ${mailLinks}
        where purpose = ${purpose} and used_at is null and ${more.older} and (select opens from judged)
      ),
      made as (
        insert into ${mailLinks} (id, secret_hash, purpose, account_id, email, email_canonical, password_hash,
          created_at, expires_at)
        select ${link.id}, ${link.secretHash}, ${purpose}, (select id from subject), ${link.email},
          ${link.emailCanonical}, case when opens then ${more.passwordHash}::text end, ${moment(link.at)},
          case when opens then ${moment(link.expiresAt)} else ${moment(link.at)} end
        from judged
      )
      select judged.opens, subject.id, subject.email, subject.has_password from judged left join subject on true`);
    const [row] = rows;
    return {
      accountId: typeof row?.["id"] === "string" ? row["id"] : null,
      email: typeof row?.["email"] === "string" ? row["email"] : null,
      hasPassword: row?.["has_password"] === true,
      isLive: row?.["opens"] === true,
    };
  }

  return {
    /** Live only while nobody has the address. */
    forRegistration: (link: NewLink, passwordHash: string | null) =>
      make(link, "register", {
        passwordHash,
        subject: sql`select null::text as id, email, ${hasPassword} from ${accounts} where email_canonical = ${link.emailCanonical}`,
        opens: sql`not exists (select 1 from subject)`,
        older: sql`email_canonical = ${link.emailCanonical}`,
      }),

    /** Live only for an account that may be signed in to. */
    forRecovery: (link: NewLink) =>
      make(link, "recover", {
        passwordHash: null,
        subject: sql`select id, email, ${hasPassword} from ${accounts}
          where email_canonical = ${link.emailCanonical} and state = 'active'`,
        opens: sql`exists (select 1 from subject)`,
        older: sql`account_id = (select id from subject)`,
      }),

    /** Live only while nobody has the new address. */
    forNewAddress: (link: NewLink, accountId: string) =>
      make(link, "change-address", {
        passwordHash: null,
        subject: sql`select id, email, ${hasPassword} from ${accounts} where id = ${accountId} and state = 'active'`,
        opens: sql`exists (select 1 from subject)
          and not exists (select 1 from ${accounts} where email_canonical = ${link.emailCanonical})`,
        older: sql`account_id = ${accountId}`,
      }),

    /** Looks without using it up: what the password is judged against. */
    async findLive(secretHash: string, purpose: LinkPurpose, at: Date): Promise<{ email: string } | null> {
      const { rows } = await database.execute<{ email: string }>(sql`
        select l.email from ${mailLinks} l where ${isLive(secretHash, [purpose], at)}`);
      return rows[0] ?? null;
    },
  };
}

export type LinkStore = ReturnType<typeof createLinkStore>;

/** Of the row `l`: not used, not over, and no newer one of its kind stands, which two that were made at once leave standing. */
export const isLive = (secretHash: string, purposes: readonly LinkPurpose[], at: Date): SQL => sql`
  l.secret_hash = ${secretHash} and l.used_at is null and l.expires_at > ${moment(at)}
  and l.purpose in (${sql.join(
    purposes.map((purpose) => sql`${purpose}`),
    sql`, `,
  )})
  and not exists (
    select 1 from ${mailLinks} newer
    where newer.purpose = l.purpose and newer.expires_at > newer.created_at
      and (newer.created_at, newer.id) > (l.created_at, l.id)
      and (newer.account_id = l.account_id
        or (newer.account_id is null and l.account_id is null and newer.email_canonical = l.email_canonical)))`;
