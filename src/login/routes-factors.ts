import type { Context, Hono } from "hono";
import * as v from "valibot";
import type { Account } from "../accounts/account.ts";
import { AuthError } from "../errors/auth-error.ts";
import { readJson } from "../http/body.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { FactorShown, Shown } from "../mfa/factor.ts";
import type { Mfa } from "../mfa/mfa.ts";
import type { Step } from "../mfa/steps.ts";
import type { AuthDeps } from "./routes.ts";
import { carriedIn, visitorOf } from "./routes-cookies.ts";
import { asHolder, enterHolder, problemOfEntrant } from "./routes-factor-holder.ts";
import { stepBinding } from "./routes-factor-step.ts";
import { guestBinding } from "./routes-guest-binding.ts";
import { mountPhones } from "./routes-phones.ts";
import { answerSignIn } from "./routes-sign-in-answer.ts";

const text = (max: number) => v.pipe(v.string("must be text"), v.maxLength(max, "is too long"));
const mfaToken = text(4096);
/** What `PublicKeyCredential.toJSON()` gives; its parts are judged where they are read. */
const credential = v.record(v.string(), v.unknown());

const proved = {
  mfa_token: mfaToken,
  remember_device: v.optional(v.boolean("must be true or false"), false),
};
const proveInput = v.variant("factor", [
  v.strictObject({ ...proved, factor: v.literal("totp"), code: text(64) }),
  v.strictObject({ ...proved, factor: v.literal("sms"), code: text(64) }),
  v.strictObject({ ...proved, factor: v.literal("recovery-codes"), code: text(64) }),
  v.strictObject({ ...proved, factor: v.literal("passkey"), credential }),
]);
const passkeyInput = v.strictObject({
  credential,
  refresh_in_body: v.optional(v.boolean("must be true or false"), false),
});
const holderInput = v.strictObject({ mfa_token: v.optional(mfaToken) });
const confirmInput = v.strictObject({ mfa_token: v.optional(mfaToken), id: text(64), code: text(64) });
const addInput = v.strictObject({
  mfa_token: v.optional(mfaToken),
  credential,
  name: v.optional(text(512), ""),
});

/** `/auth/mfa/*`: second factors and passkeys, for first-party applications. */
export function mountSecondFactors(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  mountProofs(routes, deps);
  mountEnrolment(routes, deps);
  mountPhones(routes, deps);
  mountHeld(routes, deps);
}

const carriedBy = ({ req }: Context<DoorEnv>, { cookies }: AuthDeps) => carriedIn(req.raw.headers, cookies);

async function shownIn(input: v.InferOutput<typeof proveInput>, { hasTexts }: Mfa): Promise<Shown> {
  const { factor, mfa_token: token } = input;
  switch (factor) {
    case "passkey":
      return { kind: factor, response: input.credential, binding: await stepBinding(token) };
    case "sms":
      if (!hasTexts)
        throw new AuthError("invalid_request", "factor: there are no codes by text message here");
      return { kind: factor, code: input.code, binding: await stepBinding(token) };
    default:
      return { kind: factor, code: input.code };
  }
}

function mountProofs(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  const { login, mfa } = deps;

  routes.post("/mfa/verify", async (c) => {
    const input = await readJson(c.req.raw, proveInput);
    const shown = await shownIn(input, mfa);
    const carried = { ...carriedBy(c, deps), isToRemember: input.remember_device };
    const outcome = await login.prove(input.mfa_token, shown, carried, visitorOf(c.env.visit));
    return answerSignIn(c, deps, outcome);
  });

  routes.post("/mfa/passkey/challenge", async (c) => {
    const { mfa_token: token } = await readJson(c.req.raw, holderInput);
    if (token === undefined) return c.json({ public_key: await mfa.passkeyRequest(guestBinding(c, deps)) });
    const step = await mfa.steps.read(token, "proof", visitorOf(c.env.visit));
    if (!step) throw new AuthError("mfa_token_invalid");
    return c.json({ public_key: await mfa.passkeyRequestOf(step.accountId, await stepBinding(token)) });
  });

  routes.post("/mfa/passkey/sign-in", async (c) => {
    const input = await readJson(c.req.raw, passkeyInput);
    const kind = input.refresh_in_body ? ("native" as const) : ("browser" as const);
    const shown = {
      kind: "passkey",
      response: input.credential,
      binding: guestBinding(c, deps),
    } as const;
    const { sessionCookie, deviceCookie } = carriedBy(c, deps);
    const carried = { kind, deviceCookie, sessionCookie: kind === "browser" ? sessionCookie : null };
    return answerSignIn(c, deps, await login.signInByPasskey(shown, carried, visitorOf(c.env.visit)));
  });

  const raiseInput = v.strictObject({ password: v.optional(text(2048)) });
  routes.post("/mfa/step-up", async (c) => {
    const entered = await enterHolder(c, deps, undefined);
    if (!entered.ok) return problemOfEntrant(entered, c.env.visit.requestId);
    const { password } = await readJson(c.req.raw, raiseInput, { emptyAs: {} });
    const { session, account } = entered;
    if (!session) throw new AuthError("invalid_token");
    const raised = { ...session, sessionId: session.id, accountId: account.id, version: account.version };
    // A session that never knew the password begins with it: a code beside a key that was merely touched is one factor.
    if (password === undefined && account.factorKinds.length > 0)
      return answerSignIn(c, deps, await login.raise(raised, account));
    if (password === undefined)
      throw new AuthError(
        "invalid_request",
        "password: this account has no second factor; give the password",
      );
    const outcome = await login.raiseByPassword(raised, password, carriedBy(c, deps), visitorOf(c.env.visit));
    return answerSignIn(c, deps, outcome);
  });
}

/** An app that is set up in a sign-in is there to begin it. */
function requireEnough(step: Step | null, account: Account, { login }: AuthDeps): void {
  if (step && login.isPasskeyNeeded(account))
    throw new AuthError("conflict", "this sign-in needs a passkey: an app would not be enough");
}

function mountEnrolment(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  const { login, mfa } = deps;

  routes.post("/mfa/totp", (c) =>
    asHolder(c, deps, holderInput, async ({ holder, account, step }) => {
      requireEnough(step, account, deps);
      const { id, secret, uri } = await mfa.beginTotp(holder);
      return c.json({ id, secret, uri }, 201);
    }),
  );

  routes.post("/mfa/totp/confirm", (c) =>
    asHolder(c, deps, confirmInput, async ({ holder, operator, account, step }, { id, code }) => {
      requireEnough(step, account, deps);
      if (!(await mfa.confirmTotp(id, code, holder, operator))) throw new AuthError("invalid_code");
      if (!step) return c.body(null, 204);
      const factor = { kind: "totp", isUserVerified: false } as const;
      const outcome = await login.enrolled(step, factor, carriedBy(c, deps), visitorOf(c.env.visit));
      return answerSignIn(c, deps, outcome);
    }),
  );

  routes.post("/mfa/passkeys/challenge", (c) =>
    asHolder(c, deps, holderInput, async ({ holder, binding }) =>
      c.json({ public_key: await mfa.passkeyCreation(holder, binding) }),
    ),
  );

  routes.post("/mfa/passkeys", (c) =>
    asHolder(c, deps, addInput, async ({ holder, operator, binding, step }, input) => {
      const given = { ...holder, binding, name: input.name };
      const added = await mfa.addPasskey(input.credential, given, operator);
      if (!added) throw new AuthError("passkey_refused");
      if (!step) return c.json(factorView(added), 201);
      const factor = { kind: "passkey", isUserVerified: added.isUserVerified ?? false } as const;
      const outcome = await login.enrolled(step, factor, carriedBy(c, deps), visitorOf(c.env.visit));
      return answerSignIn(c, deps, outcome);
    }),
  );

  routes.post("/mfa/recovery-codes", (c) =>
    asHolder(c, deps, v.strictObject({}), async ({ holder, operator, account }) => {
      if (account.factorKinds.length === 0)
        throw new AuthError("conflict", "recovery codes stand in for another factor: set one up first");
      return c.json({ codes: await mfa.makeRecoveryCodes(holder, operator) }, 201);
    }),
  );
}

function mountHeld(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  const { mfa } = deps;
  const idOf = (c: Context<DoorEnv>): string => {
    const id = c.req.param("id") ?? "";
    if (!/^fct_[0-9A-Za-z]{22}$/.test(id)) throw new AuthError("not_found", "you have no such factor");
    return id;
  };

  routes.get("/mfa/factors", async (c) => {
    const entered = await enterHolder(c, deps, undefined);
    if (!entered.ok) return problemOfEntrant(entered, c.env.visit.requestId);
    const data = (await mfa.list(entered.account.id)).map(factorView);
    return c.json({ data, next_cursor: null });
  });

  routes.patch("/mfa/factors/:id", (c) =>
    asHolder(c, deps, v.strictObject({ name: text(512) }), async ({ holder, step }, { name }) => {
      if (step || !(await mfa.rename(idOf(c), holder, name)))
        throw new AuthError("not_found", "you have no such factor");
      return c.body(null, 204);
    }),
  );

  routes.delete("/mfa/factors/:id", async (c) => {
    const entered = await enterHolder(c, deps, undefined);
    if (!entered.ok) return problemOfEntrant(entered, c.env.visit.requestId);
    entered.requireFresh();
    if (!(await mfa.remove(idOf(c), entered.holder, entered.operator)))
      throw new AuthError("not_found", "you have no such factor");
    return c.body(null, 204);
  });
}

/** As the management API shows it: a member that says nothing of this kind is null, and there. */
const factorView = (factor: FactorShown) => ({
  id: factor.id,
  kind: factor.kind,
  name: factor.name,
  created_at: factor.createdAt.toISOString(),
  last_used_at: factor.lastUsedAt?.toISOString() ?? null,
  codes_left: factor.codesLeft,
  number_ending: factor.numberEnding,
  backed_up: factor.isBackedUp,
  user_verified: factor.isUserVerified,
});
