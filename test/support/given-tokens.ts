import { eq } from "drizzle-orm";
import { expect } from "vitest";
import type { VersionedSecrets } from "../../src/crypto/versioned-secrets.ts";
import { firstPartyClient, type Grant } from "../../src/tokens/access-token.ts";
import type { AccessTokens } from "../../src/tokens/access-tokens.ts";
import { createRefreshFormat } from "../../src/tokens/refresh-format.ts";
import {
  createRefreshTokens,
  type FamilyDraft,
  type RefreshTokens,
  type RefreshVerdict,
  type ReplayNotice,
} from "../../src/tokens/refresh-tokens.ts";
import { createRefreshStore } from "../../src/tokens/store.ts";
import { refreshFamilies } from "../../src/tokens/tables.ts";
import { type Isolate, issuer, unique } from "./given.ts";

export const origin = { requestId: "req_given", address: "192.0.2.7", country: "DE" };

export const askedBy = (isolate: Isolate, clientId: string = firstPartyClient) => ({
  clientId,
  origin,
  background: isolate.background,
});

export const operatorOf = (isolate: Isolate) => ({
  actor: { type: "operator", id: "given" } as const,
  origin,
  background: isolate.background,
});

/** A version of a secret that is the same in every isolate that is given it. */
export const givenSecret = (version: number) => ({
  version,
  secret: Uint8Array.from({ length: 32 }, (_, index) => (index * 11 + version * 37) % 256),
});

/** The room as one isolate has it, with a grace and secrets of the test's choice. */
export async function givenRefreshTokens(
  isolate: Isolate,
  options: {
    graceSeconds?: number;
    secrets?: VersionedSecrets;
    accessTokens?: Pick<AccessTokens, "issue">;
  } = {},
) {
  const { database, revocation, audit } = isolate.rooms;
  const notices: ReplayNotice[] = [];
  const format = await createRefreshFormat(options.secrets ?? [givenSecret(1)]);
  const refreshTokens = createRefreshTokens({
    store: createRefreshStore(database),
    format,
    accessTokens: options.accessTokens ?? isolate.rooms.accessTokens,
    revocation,
    audit,
    graceSeconds: options.graceSeconds ?? 10,
    now: isolate.clock.now,
    tellOwner: (notice) => notices.push(notice),
  });
  return { refreshTokens, format, notices };
}

/** A signed-in session without its page: the family of a fresh account. */
export async function givenFamily(
  isolate: Isolate,
  refreshTokens: RefreshTokens = isolate.rooms.refreshTokens,
  draft: Partial<FamilyDraft> = {},
) {
  const { row, refreshToken } = await refreshTokens.begin({
    sessionId: unique("ses"),
    accountId: unique("usr"),
    clientId: firstPartyClient,
    audience: issuer,
    scopes: ["profile"],
    authTime: new Date(isolate.clock.now()),
    acr: "one-factor",
    amr: ["pwd"],
    tokensFrom: null,
    ...draft,
  });
  await isolate.rooms.database.insert(refreshFamilies).values(row);
  return { row, refreshToken, familyId: row.id, sessionId: row.sessionId, accountId: row.accountId };
}

export const familyRow = async (isolate: Isolate, id: string) =>
  (await isolate.rooms.database.select().from(refreshFamilies).where(eq(refreshFamilies.id, id)))[0];

export function expectRotated(verdict: RefreshVerdict): RefreshVerdict & { ok: true } {
  expect(verdict).toMatchObject({ ok: true });
  return verdict as RefreshVerdict & { ok: true };
}

/** What a token of a fresh person says, unless the test says otherwise. */
export const givenGrant = (isolate: Isolate, grant: Partial<Grant> = {}): Grant => ({
  subject: unique("usr"),
  clientId: firstPartyClient,
  sessionId: unique("ses"),
  audience: issuer,
  scopes: [],
  authTime: new Date(isolate.clock.now()),
  acr: "one-factor",
  amr: ["pwd"],
  tokensFrom: null,
  ...grant,
});

/** An access token as a sign-in gives it. */
export async function givenAccessToken(isolate: Isolate, grant: Partial<Grant> = {}) {
  const whole = givenGrant(isolate, grant);
  return { ...(await isolate.rooms.accessTokens.issue(whole)), grant: whole };
}

export const bearer = (text: string): RequestInit => ({ headers: { authorization: `Bearer ${text}` } });
