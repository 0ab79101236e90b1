import { randomBase62 } from "../../src/crypto/base62.ts";
import { rememberedMax } from "../../src/tokens/token-memory.ts";
import type { Rooms } from "../../src/wiring.ts";
import { benchScope, grantOf } from "./grant.ts";

type Operator = Parameters<Rooms["accounts"]["create"]>[1];

const email = "person@example.com";
const password = "seven green kettles sing";
/** A few hundred more than are remembered: whichever order they arrive in, none is still known when it comes again. */
const tokensCount = rememberedMax + 500;
const signedAtOnce = 64;

/** One person who signs in each time, one who refreshes, and tokens of as many sessions as it takes to be new each time. */
export async function provisionPeople(rooms: Rooms, operator: Operator) {
  const scopes = [benchScope];
  await rooms.accounts.create({ email, password, scopes }, operator);
  const other = { email: `other-${email}`, password };
  await rooms.accounts.create({ ...other, scopes }, operator);
  const { origin, background } = operator;
  const outcome = await rooms.login.signIn(
    { ...other, kind: "native", sessionCookie: null, deviceCookie: null },
    {
      network: "bench",
      origin,
      background,
      device: { userAgent: "bench/1", address: "", city: null, country: null },
    },
  );
  if (!outcome.ok) throw new Error(`nobody can sign in: ${outcome.code}`);
  return {
    email,
    password,
    refreshToken: outcome.began.refreshToken,
    accessTokens: await issueTokens(rooms),
    /** What jose needs to know of us. */
    publicJwk: await publicJwkOf(rooms),
  };
}

async function issueTokens({ accessTokens, config }: Rooms): Promise<readonly string[]> {
  const issued: string[] = [];
  while (issued.length < tokensCount) {
    const grants = Array.from({ length: signedAtOnce }, () =>
      grantOf(config.issuer, `ses_${randomBase62(22)}`),
    );
    const made = await Promise.all(grants.map((grant) => accessTokens.issue(grant)));
    issued.push(...made.map(({ accessToken }) => accessToken));
  }
  return issued;
}

/** RS256 stands first in the published set. */
async function publicJwkOf({ signingKeys }: Rooms): Promise<string> {
  const { body } = await signingKeys.keySet();
  const [first] = (JSON.parse(body) as { keys: readonly unknown[] }).keys;
  return JSON.stringify(first);
}
