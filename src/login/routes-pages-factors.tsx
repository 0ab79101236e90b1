import * as v from "valibot";
import { challengePaths } from "../http/passkey-form.tsx";
import { AccountNav } from "./account.page.tsx";
import { isWeaker } from "./freshness.ts";
import { RecoveryCodesContent, RecoveryCodesShown } from "./recovery-codes.page.tsx";
import { homePath, parseReturnTo } from "./return-to.ts";
import { signedInCookies, visitorOf } from "./routes-cookies.ts";
import {
  addPasskey,
  beginApp,
  confirmApp,
  type Place,
  passkeyAskedAt,
  type SetUp,
} from "./routes-pages-enrolment.tsx";
import {
  type Mistake,
  ownerBond,
  type PageDeps,
  readPageForm,
  seeOtherWith,
  staleForm,
  text,
} from "./routes-pages-forms.ts";
import { asFresh, type Owner, type OwnMount, ownPage } from "./routes-pages-owner.tsx";
import { carriedBy } from "./routes-pages-sign-in.tsx";
import { returnField } from "./routes-pages-step.tsx";
import { AppStartContent, PasskeyContent } from "./set-up.page.tsx";

const page = "/account/security";
const codesPage = `${page}/recovery-codes`;
const forms = {
  app: `${page}/app`,
  confirm: `${page}/app/confirm`,
  passkey: `${page}/passkey`,
} as const;

const here = ({ c }: Owner): string => `${c.env.visit.url.pathname}${c.env.visit.url.search}`;
const returnOf = ({ c }: Owner, { issuer }: PageDeps): string =>
  parseReturnTo(c.req.query("return_to"), issuer);

/** Setting up a factor in a session, and the codes for the day when it is lost. */
export function mountFactorPages(own: OwnMount, deps: PageDeps): void {
  const get = (path: string, handler: (owner: Owner) => Promise<Response>) =>
    own.get(path, asFresh(deps, here, handler));
  const post = (path: string, back: string, act: (place: Place, deps: PageDeps) => Promise<Response>) =>
    own.post(
      path,
      back,
      asFresh(
        deps,
        () => back,
        (owner) => act(placeOf(owner, deps), deps),
      ),
    );

  get(forms.app, (owner) => showAppStart(owner, deps));
  post(forms.app, forms.app, beginApp);
  post(forms.confirm, forms.app, confirmApp);
  get(forms.passkey, (owner) => showPasskey(owner, deps, returnOf(owner, deps)));
  post(forms.passkey, forms.passkey, addPasskey);
  get(challengePaths.owner, async (owner) =>
    owner.c.text(await deps.mfa.freshChallenge(placeOf(owner, deps).binding)),
  );
  get(codesPage, (owner) => showCodesStart(owner, deps, returnOf(owner, deps)));
  own.post(
    codesPage,
    codesPage,
    asFresh(
      deps,
      () => codesPage,
      (owner) => makeCodes(owner, deps),
    ),
  );
}

function placeOf(owner: Owner, deps: PageDeps): Place {
  const { c, session, operator } = owner;
  return {
    c,
    holder: session,
    operator,
    bond: ownerBond(session.id),
    binding: `session:${session.id}`,
    forms,
    back: () => ({ href: page, words: "Not now" }),
    show: ({ title, mistake, content }) =>
      ownPage(owner, deps, { title, form: page, mistake, content: ({ state }) => content(state) }),
    showPasskey: (returnTo, mistake) => showPasskey(owner, deps, returnTo, mistake),
    over: (notice, returnTo) =>
      seeOtherWith(notice, `${forms.app}?return_to=${encodeURIComponent(returnTo)}`, deps),
    done: (factor, returnTo) => finish(owner, deps, factor, returnTo),
  };
}

const showAppStart = (owner: Owner, deps: PageDeps): Promise<Response> =>
  ownPage(owner, deps, {
    title: "Set up an authenticator app",
    form: forms.app,
    content: ({ token, state }) => (
      <>
        <AccountNav here={page} />
        <AppStartContent
          action={forms.app}
          token={token}
          isChange={owner.session.factorKinds.includes("totp")}
          state={state}
          returnTo={returnField(returnOf(owner, deps))}
        />
      </>
    ),
  });

async function showPasskey(
  owner: Owner,
  deps: PageDeps,
  returnTo: string,
  mistake?: Mistake,
): Promise<Response> {
  const passkey = await passkeyAskedAt(placeOf(owner, deps), deps);
  return await ownPage(owner, deps, {
    title: "Add a passkey",
    form: forms.passkey,
    mistake,
    content: ({ state }) => (
      <>
        <AccountNav here={page} />
        <PasskeyContent
          passkey={{ ...passkey, renew: "owner" }}
          state={state}
          returnTo={returnField(returnTo)}
        />
      </>
    ),
  });
}

/**
 * What was set up was shown in being set up: the session is as strong as it then is, and nobody is asked for the same
 * code twice. Should the account have changed meanwhile, the session stays as it was.
 */
async function raisedBy({ c, session }: Owner, deps: PageDeps, factor: SetUp): Promise<readonly string[]> {
  const { accountId, version, kind, amr } = session;
  if (!isWeaker(session.acr, deps.mfa.provedBy(amr, factor).acr)) return [];
  const step = {
    accountId,
    version,
    kind,
    methods: amr,
    lane: deps.mfa.sessionLane(session.id),
    addressHash: "",
    deviceId: null,
    isDeviceKnown: true,
    raised: { sessionId: session.id, endsAt: session.absoluteExpiresAt.getTime() },
    mustEnrol: false,
  };
  const outcome = await deps.login.enrolled(step, factor, carriedBy(c, deps), visitorOf(c.env.visit));
  return outcome.ok ? signedInCookies(deps.cookies, { ...outcome, now: deps.now() }) : [];
}

async function finish(owner: Owner, deps: PageDeps, factor: SetUp, returnTo: string): Promise<Response> {
  const set = await raisedBy(owner, deps, factor);
  const held = await deps.mfa.list(owner.session.accountId);
  const hasCodes = held.some(({ kind }) => kind === "recovery-codes");
  const added = factor.kind === "totp" ? "app-added" : "passkey-added";
  const onward = returnTo === homePath ? page : returnTo;
  const next = hasCodes ? onward : `${codesPage}?return_to=${encodeURIComponent(onward)}`;
  return seeOtherWith(added, next, deps, set);
}

async function showCodesStart(
  owner: Owner,
  deps: PageDeps,
  returnTo: string,
  mistake?: Mistake,
): Promise<Response> {
  const held = await deps.mfa.list(owner.session.accountId);
  return await ownPage(owner, deps, {
    title: "Recovery codes",
    form: codesPage,
    mistake,
    content: ({ token, state }) => (
      <>
        <AccountNav here={page} />
        <RecoveryCodesContent
          action={codesPage}
          token={token}
          hasFactor={held.some(({ kind }) => kind !== "recovery-codes")}
          left={held.find(({ kind }) => kind === "recovery-codes")?.codesLeft ?? null}
          state={state}
          returnTo={returnField(returnTo)}
        />
      </>
    ),
  });
}

async function makeCodes(owner: Owner, deps: PageDeps): Promise<Response> {
  const { c, session, operator } = owner;
  const entries = { return_to: v.optional(text(4096)) };
  const asked = { form: codesPage, bond: ownerBond(session.id), entries };
  const { fields, isOurs } = await readPageForm(c, deps, asked);
  const returnTo = parseReturnTo(fields.return_to, deps.issuer);
  if (!isOurs) return await showCodesStart(owner, deps, returnTo, staleForm);
  if (session.factorKinds.length === 0) return await showCodesStart(owner, deps, returnTo);
  const codes = await deps.mfa.makeRecoveryCodes(session, operator);
  return await ownPage(owner, deps, {
    title: "Save your recovery codes",
    form: codesPage,
    content: () => (
      <RecoveryCodesShown codes={codes} place={new URL(deps.issuer).host} returnTo={returnField(returnTo)} />
    ),
  });
}
