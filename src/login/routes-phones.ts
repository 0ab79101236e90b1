import type { Context, Hono } from "hono";
import * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";
import { readJson } from "../http/body.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { PhoneHolder } from "../mfa/phones.ts";
import type { AuthDeps } from "./routes.ts";
import { visitorOf } from "./routes-cookies.ts";
import { asHolder, type HolderEntered } from "./routes-factor-holder.ts";
import { stepBinding } from "./routes-factor-step.ts";

const text = (max: number) => v.pipe(v.string("must be text"), v.maxLength(max, "is too long"));

type Entered = HolderEntered & { readonly ok: true };

/** A telephone is set up in a session alone: who has nothing else yet must set up something stronger. */
function phoneHolderOf({ account, holder, session }: Entered): PhoneHolder {
  if (!session) throw new AuthError("mfa_token_invalid");
  return {
    ...holder,
    sessionId: session.id,
    version: account.version,
    factorKinds: account.factorKinds,
  };
}

const senderOf = (c: Context<DoorEnv>, { operator }: Pick<Entered, "operator">) => ({
  ...operator,
  network: c.env.visit.network,
});

/** Codes by text message: a number set up, and codes sent at a sign-in. Where they are not configured, all say 404. */
export function mountPhones(routes: Hono<DoorEnv>, deps: AuthDeps): void {
  const { mfa } = deps;

  routes.post("/mfa/sms", (c) =>
    asHolder(c, deps, v.strictObject({ number: text(64) }), async (entered, { number }) => {
      const { id, expiresInSeconds } = await mfa.beginPhone(
        number,
        phoneHolderOf(entered),
        senderOf(c, entered),
      );
      return c.json({ id, expires_in: expiresInSeconds }, 201);
    }),
  );

  routes.post("/mfa/sms/confirm", (c) =>
    asHolder(c, deps, v.strictObject({ id: text(64), code: text(64) }), async (entered, { id, code }) => {
      const verdict = await mfa.confirmPhone(id, code, phoneHolderOf(entered), senderOf(c, entered));
      if (verdict.ok) return c.body(null, 204);
      switch (verdict.reason) {
        case "wrong":
          throw new AuthError("invalid_code");
        case "closed":
          throw new AuthError("factor_closed");
        case "waiting":
          throw new AuthError("rate_limited", undefined, verdict);
        case "over":
          throw new AuthError("not_found", "nothing waits to be confirmed; begin again");
      }
    }),
  );

  routes.post("/mfa/sms/send", async (c) => {
    const { mfa_token: token } = await readJson(c.req.raw, v.strictObject({ mfa_token: text(4096) }));
    mfa.requireTexts();
    const step = await mfa.steps.read(token, "proof", visitorOf(c.env.visit));
    if (!step) throw new AuthError("mfa_token_invalid");
    const { origin, background, network } = visitorOf(c.env.visit);
    const sender = { actor: { type: "user", id: step.accountId }, origin, background, network } as const;
    const sent = await mfa.sendSignInCode(step, await stepBinding(token), sender);
    return c.json({ status: "sent", number_ending: sent.ending, expires_in: sent.expiresInSeconds }, 202);
  });
}
