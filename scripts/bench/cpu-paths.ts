import { TOTP } from "otpauth";
import type { PasskeyCreationOptions, PasskeyRequestOptions } from "../../src/mfa/passkey-options.ts";
import { createAuthenticator } from "../../test/support/authenticator.ts";
import type { Answer, Client, Stage } from "./cpu-stage.ts";

/** One kind of request: `prepare` makes what it needs, elsewhere; what it gives is the one request that is measured. */
export type Path = {
  readonly title: string;
  readonly expect: number;
  readonly prepare: () => Promise<(subject: Client) => Promise<Answer>>;
};

const password = "seven green kettles sing";
let made = 0;
const freshAddress = (): string => {
  made += 1;
  return `person-${made}@example.com`;
};
const native = { refresh_in_body: true } as const;

export type Keys = { readonly plain: string; readonly verifier: string };
export type Given = { readonly stage: Stage; readonly helper: Client; readonly keys: Keys };

async function required(asking: Promise<Answer>, status: number): Promise<Answer> {
  const answer = await asking;
  if (answer.status !== status) throw new Error(`expected ${status}: ${answer.status} ${answer.text}`);
  return answer;
}

const codeOf = (secret: string, stepsAway: number): string =>
  new TOTP({ secret }).generate({ timestamp: Date.now() + stepsAway * 30_000 });

/** People as the measured requests need them, made and signed in elsewhere. */
export function createPeople({ stage, helper }: Pick<Given, "stage" | "helper">) {
  const post = (path: string, json: unknown, headers = {}) => helper("POST", path, { json, headers });
  let family: string | null = null;

  async function person(): Promise<string> {
    const email = freshAddress();
    await stage.rooms.accounts.create({ email, password, scopes: [] }, stage.operator);
    return email;
  }

  const signedIn = async () =>
    (await required(post("/auth/login", { email: await person(), password, ...native }), 200)).body;

  return {
    person,

    /** One family goes on and on: the token that a measured request spent gives the same successor again. */
    async refreshed() {
      family ??= String((await signedIn())["refresh_token"]);
      const { body } = await required(post("/auth/refresh", { refresh_token: family }), 200);
      family = String(body["refresh_token"]);
      return { accessToken: String(body["access_token"]), refreshToken: family };
    },

    /** A sign-in that waits for a code, and the code. */
    async waitingForCode() {
      const email = await person();
      const { body } = await required(post("/auth/login", { email, password, ...native }), 200);
      const headers = { authorization: `Bearer ${String(body["access_token"])}` };
      const begun = await required(post("/auth/mfa/totp", {}, headers), 201);
      const [id, secret] = [String(begun.body["id"]), String(begun.body["secret"])];
      await required(post("/auth/mfa/totp/confirm", { id, code: codeOf(secret, 0) }, headers), 204);
      const due = await required(post("/auth/login", { email, password, ...native }), 200);
      return { mfa_token: due.body["mfa_token"], factor: "totp", code: codeOf(secret, 1) };
    },

    async sessionCookie(): Promise<string> {
      const { cookies } = await required(post("/auth/login", { email: await person(), password }), 200);
      return cookies.map((line) => line.split(";")[0]).join("; ");
    },
  };
}

type People = ReturnType<typeof createPeople>;

export function machinePaths(people: People, keys: Keys): readonly Path[] {
  const headers = { "x-api-key": keys.plain };
  const fixed = (send: (subject: Client) => Promise<Answer>) => async () => send;
  return [
    {
      title: "liveness",
      expect: 200,
      prepare: fixed((subject) => subject("GET", "/health/live")),
    },
    {
      title: "key check (`/v1/keys/verify`)",
      expect: 200,
      prepare: fixed((subject) =>
        subject("POST", "/v1/keys/verify", {
          headers: { "x-api-key": keys.verifier },
          json: { key: keys.plain, scopes: ["orders:read"] },
        }),
      ),
    },
    {
      title: "forward-auth with a key",
      expect: 200,
      prepare: fixed((subject) => subject("POST", "/v1/authenticate", { headers })),
    },
    {
      title: "gateway with a key",
      expect: 200,
      prepare: fixed((subject) => subject("GET", "/gateway/bench/orders", { headers })),
    },
    {
      title: "forward-auth with a token never seen",
      expect: 200,
      prepare: async () => {
        const { accessToken } = await people.refreshed();
        const bearer = { authorization: `Bearer ${accessToken}` };
        return (subject) => subject("POST", "/v1/authenticate", { headers: bearer });
      },
    },
    {
      title: "refresh (signs RS256)",
      expect: 200,
      prepare: async () => {
        const json = { refresh_token: (await people.refreshed()).refreshToken };
        return (subject) => subject("POST", "/auth/refresh", { json });
      },
    },
    {
      title: "key set",
      expect: 200,
      prepare: fixed((subject) => subject("GET", "/.well-known/jwks.json")),
    },
  ];
}

export function peoplePaths(people: People): readonly Path[] {
  const fixed = (path: string) => async () => (subject: Client) => subject("GET", path);
  return [
    {
      title: "register with a password",
      expect: 202,
      prepare: async () => {
        const json = { email: freshAddress(), password };
        return (subject) => subject("POST", "/auth/register", { json });
      },
    },
    {
      title: "sign in with a password",
      expect: 200,
      prepare: async () => {
        const json = { email: await people.person(), password, ...native };
        return (subject) => subject("POST", "/auth/login", { json });
      },
    },
    {
      title: "second step: code of an app",
      expect: 200,
      prepare: async () => {
        const json = await people.waitingForCode();
        return (subject) => subject("POST", "/auth/mfa/verify", { json });
      },
    },
    { title: "page `/login`", expect: 200, prepare: fixed("/login") },
    { title: "page `/register`", expect: 200, prepare: fixed("/register") },
    {
      title: "page `/account/security`",
      expect: 200,
      prepare: async () => {
        const cookie = await people.sessionCookie();
        return (subject) => subject("GET", "/account/security", { headers: { cookie } });
      },
    },
  ];
}

/** Without a password, from the address to the passkey. */
export function passkeyPaths({ stage, helper }: Pick<Given, "stage" | "helper">): readonly Path[] {
  const authenticator = createAuthenticator({ rpId: "localhost", origin: "http://localhost" });
  let isEnrolled = false;

  async function confirmed(): Promise<string> {
    const email = freshAddress();
    await required(helper("POST", "/auth/register", { json: { email } }), 202);
    const link = await stage.linkTo(email);
    const { body } = await required(helper("POST", "/auth/verify-email", { json: { link, ...native } }), 200);
    return String(body["mfa_token"]);
  }

  async function answered() {
    const mfa_token = await confirmed();
    const asked = await required(
      helper("POST", "/auth/mfa/passkeys/challenge", { json: { mfa_token } }),
      200,
    );
    const credential = await authenticator.register(asked.body["public_key"] as PasskeyCreationOptions);
    return { mfa_token, credential };
  }

  return [
    {
      title: "register without a password",
      expect: 202,
      prepare: async () => {
        const email = freshAddress();
        return (subject) => subject("POST", "/auth/register", { json: { email } });
      },
    },
    {
      title: "the link of its mail",
      expect: 200,
      prepare: async () => {
        const email = freshAddress();
        await required(helper("POST", "/auth/register", { json: { email } }), 202);
        const link = await stage.linkTo(email);
        return (subject) => subject("POST", "/auth/verify-email", { json: { link, ...native } });
      },
    },
    {
      title: "set up a passkey, signed in",
      expect: 200,
      prepare: async () => {
        const json = await answered();
        return (subject) => subject("POST", "/auth/mfa/passkeys", { json });
      },
    },
    {
      title: "sign in with a passkey",
      expect: 200,
      prepare: async () => {
        if (!isEnrolled)
          await required(helper("POST", "/auth/mfa/passkeys", { json: await answered() }), 200);
        isEnrolled = true;
        const asked = await required(helper("POST", "/auth/mfa/passkey/challenge", { json: {} }), 200);
        const credential = await authenticator.assert(asked.body["public_key"] as PasskeyRequestOptions);
        return (subject) => subject("POST", "/auth/mfa/passkey/sign-in", { json: { credential, ...native } });
      },
    },
  ];
}
