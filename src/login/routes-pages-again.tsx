import * as v from "valibot";
import type { LiveSession } from "../sessions/session.ts";
import type { Level } from "../tokens/levels.ts";
import { AgainContent } from "./factor.page.tsx";
import { isFresh, isWeaker, strength } from "./freshness.ts";
import type { RefusedSignIn } from "./login.ts";
import { parseReturnTo } from "./return-to.ts";
import { signedInCookies, visitorOf, withCookies } from "./routes-cookies.ts";
import { seeFactorPage } from "./routes-factor-step.ts";
import {
  type Mistake,
  ownerBond,
  ownerOf,
  type PageContext,
  type PageDeps,
  type PageMount,
  readPageForm,
  retryAfterHeader,
  seeOther,
  seeOtherWith,
  staleForm,
  takeNotice,
  text,
  titleOf,
} from "./routes-pages-forms.ts";
import { carriedBy, refusedSignIn } from "./routes-pages-sign-in.tsx";
import { returnField } from "./routes-pages-step.tsx";

const path = "/login/again";

/** What must be proved; without either member, what a change of a factor needs. */
type Wanted = {
  readonly level: Level | null;
  readonly maxAgeSeconds: number | null;
  readonly returnTo: string;
};

function wantedBy(
  asked: { level?: string | undefined; maxAge?: string | undefined; returnTo?: string | undefined },
  { issuer }: PageDeps,
): Wanted {
  const { level, maxAge = "" } = asked;
  return {
    level: level !== undefined && Object.hasOwn(strength, level) ? (level as Level) : null,
    maxAgeSeconds: /^\d{1,9}$/.test(maxAge) ? Number(maxAge) : null,
    returnTo: parseReturnTo(asked.returnTo, issuer),
  };
}

function isEnough(session: LiveSession, { level, maxAgeSeconds }: Wanted, now: number): boolean {
  if (level === null && maxAgeSeconds === null) return isFresh(session, session, now);
  const isYoung = maxAgeSeconds === null || now - session.authTime.getTime() <= maxAgeSeconds * 1000;
  return isYoung && (level === null || !isWeaker(session.acr, level));
}

/** The same question as it was understood: what else the address held is not carried on. */
function askedAgain({ level, maxAgeSeconds, returnTo }: Wanted): string {
  const asked = [
    ...(level === null ? [] : [`level=${level}`]),
    ...(maxAgeSeconds === null ? [] : [`max_age=${maxAgeSeconds}`]),
    `return_to=${encodeURIComponent(returnTo).replaceAll("%2F", "/")}`,
  ];
  return asked.join("&");
}

/** What the account would have to set up before it can reach the level; null when it has it. */
function setUpFor(level: Level | null, { factorKinds }: LiveSession): string | null {
  if (level === "phishing-resistant" && !factorKinds.includes("passkey")) return "/account/security/passkey";
  return level === "two-factor" && factorKinds.length === 0 ? "/account/security/app" : null;
}

const withReturn = (location: string, { returnTo }: Pick<Wanted, "returnTo">): string =>
  `${location}?return_to=${encodeURIComponent(returnTo)}`;

/**
 * `/login/again?level=&max_age=&return_to=`: somebody in a session proves more, or anew (RFC 9470 §4). Applications send
 * people here too; it grants nothing that was not proved.
 */
export function mountAgainPage(pages: PageMount, deps: PageDeps): void {
  pages.get(path, async (c) => {
    const { level, max_age: maxAge, return_to: returnTo } = c.req.query();
    const wanted = wantedBy({ level, maxAge, returnTo }, deps);
    const session = await ownerOf(c, deps);
    if (!session) {
      return seeOther(`/login?return_to=${encodeURIComponent(`${path}?${askedAgain(wanted)}`)}`);
    }
    if (isEnough(session, wanted, deps.now())) return seeOther(wanted.returnTo);
    return await ask(c, deps, session, wanted);
  });

  pages.post(path, async (c) => {
    const session = await ownerOf(c, deps);
    if (!session) return seeOtherWith("signed-out-meanwhile", "/login", deps);
    const entries = { password: text(2048), return_to: v.optional(text(4096)), level: v.optional(text(64)) };
    const asked = { form: path, bond: ownerBond(session.id), entries };
    const { fields, isOurs } = await readPageForm(c, deps, asked);
    const wanted = wantedBy({ level: fields.level, returnTo: fields.return_to }, deps);
    if (!isOurs) return await showPassword(c, deps, session, wanted, staleForm);
    const raised = { ...session, sessionId: session.id };
    const visitor = visitorOf(c.env.visit);
    const outcome = await deps.login.raiseByPassword(raised, fields.password, carriedBy(c, deps), visitor);
    if (outcome.ok) {
      const set = signedInCookies(deps.cookies, { ...outcome, now: deps.now() });
      const setUp = setUpFor(wanted.level, session);
      if (setUp !== null) return seeOtherWith("factor-needed", withReturn(setUp, wanted), deps, set);
      // A password alone is no second factor: who has one is asked for it next.
      return seeOther(session.factorKinds.length > 0 ? withReturn(path, wanted) : wanted.returnTo, set);
    }
    if (outcome.code === "factor_due") return seeFactorPage(outcome.due, wanted.returnTo, deps);
    return await showPassword(c, deps, session, wanted, mistakeIn(outcome));
  });
}

/** Whose account it is stands on the page: only the password can be wrong. */
const mistakeIn = (outcome: RefusedSignIn): Mistake =>
  outcome.code === "invalid_credentials"
    ? { status: 400, errors: { password: "That is not your password. Check it and try again." } }
    : refusedSignIn(outcome);

async function ask(c: PageContext, deps: PageDeps, session: LiveSession, wanted: Wanted): Promise<Response> {
  const setUp = setUpFor(wanted.level, session);
  // A factor that is set up later is one: for that, being here freshly is enough.
  if (setUp !== null && isFresh(session, session, deps.now()))
    return seeOtherWith("factor-needed", withReturn(setUp, wanted), deps);
  // Signed in by a key that was merely touched: a code beside it would still be one factor.
  const knowsNothing = session.acr === "one-factor" && !session.amr.includes("pwd");
  if (session.factorKinds.length === 0 || knowsNothing) return await showPassword(c, deps, session, wanted);
  const outcome = await deps.login.raise({ ...session, sessionId: session.id }, session);
  if (outcome.ok || outcome.code !== "factor_due") throw new Error("raising a session asks for a factor");
  return seeFactorPage(outcome.due, setUp === null ? wanted.returnTo : withReturn(setUp, wanted), deps);
}

async function showPassword(
  c: PageContext,
  deps: PageDeps,
  session: LiveSession,
  wanted: Wanted,
  mistake?: Mistake,
): Promise<Response> {
  const notice = takeNotice(c, deps);
  const state = { done: notice.done, ...mistake };
  const answer = deps.shell.page({
    title: titleOf("Confirm that it is you", state),
    ...(mistake ? { status: mistake.status, headers: retryAfterHeader(mistake) } : {}),
    content: (
      <AgainContent
        token={await deps.formTokens.make(ownerBond(session.id).name, path)}
        email={session.email}
        state={state}
        level={wanted.level}
        returnTo={returnField(wanted.returnTo)}
      />
    ),
  });
  return withCookies(answer, notice.cookies);
}
