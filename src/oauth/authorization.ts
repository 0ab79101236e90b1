import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, EventType, Origin } from "../audit/events.ts";
import { randomBase62 } from "../crypto/base62.ts";
import { sha256Hex } from "../crypto/digest.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { LiveSession } from "../sessions/session.ts";
import { isWeaker } from "./assurance.ts";
import {
  type AuthorizationRequest,
  type Parsed,
  parseAuthorizationRequest,
  type Refusal,
  type Reply,
  replyOf,
} from "./authorization-request.ts";
import { type Client, isConfidential } from "./client.ts";
import type { Clients } from "./clients.ts";
import type { CodeStore, NewCode } from "./codes.store.ts";
import type { IdTokens } from "./id-tokens.ts";
import { oneOf, type Parameters } from "./parameters.ts";
import { trustRedirect } from "./redirect-uri.ts";
import { scopesOfClaims } from "./requested-claims.ts";
import type { Resources } from "./resources.ts";
import { heldBy } from "./scopes.ts";
import type { Subjects } from "./subjects.ts";

/** Read in one sight by whoever redeems it; a browser that is slower than that begins anew. */
const codeSeconds = 60;

export type Visitor = {
  readonly origin: Origin;
  readonly background: Background;
  readonly arrivedAt: number;
};

/** Who asks, and where the answer goes: from here on errors are the client's to know. */
export type Asking = { readonly client: Client; readonly reply: Reply; readonly parsed: Parsed };

export type Person = Pick<LiveSession, "id" | "accountId" | "email" | "scopes" | "acr" | "amr" | "authTime">;

/** What a person is asked to agree to. */
export type Question = {
  readonly client: Client;
  readonly reply: Reply;
  readonly request: AuthorizationRequest;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
};

/** What is known of the way that a request came. */
export type Seen = {
  /** The person signed in for this very request. */
  readonly hasProvedAnew: boolean;
  /** The page that asks is being opened. */
  readonly isAsking: boolean;
};

/** What follows from a request. `again`: the person in the session proves themselves anew, or more strongly. */
export type Decision =
  | { readonly next: "refuse"; readonly reply: Reply; readonly refusal: Refusal }
  | { readonly next: "sign-in"; readonly loginHint: string | null }
  | { readonly next: "again"; readonly level: string | null; readonly maxAgeSeconds: number | null }
  | { readonly next: "ask"; readonly question: Question }
  | { readonly next: "send"; readonly reply: Reply; readonly code: string };

/**
 * `/oauth/authorize` in two phases. First who asks and where answers go: what is wrong there is told to the person, on a
 * page, and to nobody else (RFC 6749 §4.1.2.1). Then everything else, which the client is told by redirect.
 */
export function createAuthorization(options: {
  clients: Pick<Clients, "find">;
  codes: Pick<CodeStore, "insertAgreed" | "insertAllowed">;
  idTokens: Pick<IdTokens, "readHint">;
  subjects: Subjects;
  resources: Pick<Resources, "audienceOf">;
  audit: Pick<Audit, "record">;
  now: () => number;
}) {
  const { clients, codes, audit, now } = options;

  const refuse = (reply: Reply, refusal: Refusal): Decision => ({ next: "refuse", reply, refusal });

  function note(
    type: EventType & `consent.${string}`,
    reason: EventReason | null,
    { accountId }: Pick<Person, "accountId">,
    { id }: Client,
    { origin, background }: Visitor,
  ): void {
    const parties = { actor: { type: "user", id: accountId }, subject: { type: "client", id } } as const;
    audit.record({ type, outcome: "done", reason, ...parties, origin }, background);
  }

  /** RFC 8707 §2: each must be one that this client may ask for, or that everybody may. Null: one is not. */
  async function resourcesOf({ client, request }: Question, visitor: Visitor): Promise<string[] | null> {
    const found = request.resources.map((uri) =>
      options.resources.audienceOf(client, new Map([["resource", [uri]]]), visitor),
    );
    return await Promise.all(found).catch((thrown: unknown) => {
      if (thrown instanceof AuthError && thrown.code === "invalid_target") return null;
      throw thrown;
    });
  }

  /** Null: nobody in particular was meant, or it is this person. */
  async function personFault({ client, request }: Question, person: Person): Promise<Refusal | null> {
    const { idTokenHint, claims } = request;
    if (idTokenHint === null && claims.subject === null) return null;
    const hint = idTokenHint === null ? null : await options.idTokens.readHint(idTokenHint);
    if (idTokenHint !== null && hint?.clientId !== client.id)
      return { error: "invalid_request", description: "id_token_hint is no ID token of this client" };
    const subject = await options.subjects.subjectOf(client, person.accountId);
    const isMeant = [hint?.subject, claims.subject].every((one) => (one ?? subject) === subject);
    return isMeant ? null : { error: "login_required", description: "another person is signed in" };
  }

  /** What of the session is too old or too weak for this request; null: nothing. */
  function proofDue({ request, reply }: Question, person: Person, hasProvedAnew: boolean): Decision | null {
    const { prompts, maxAgeSeconds, acrValues, claims } = request;
    const isSilent = prompts.has("none");
    const age = (now() - person.authTime.getTime()) / 1000;
    const isOld = maxAgeSeconds !== null && age > maxAgeSeconds;
    if ((prompts.has("login") || isOld) && !hasProvedAnew)
      return isSilent
        ? refuse(reply, { error: "login_required", description: "the sign-in is too old" })
        : { next: "again", level: null, maxAgeSeconds: prompts.has("login") ? 0 : maxAgeSeconds };
    const level = levelDue(person.acr, acrValues, claims.essentialAcr);
    if (level === null) return null;
    if (level === "unreachable" || isSilent)
      return refuse(reply, {
        error: "unmet_authentication_requirements",
        description: "the authentication that was asked for was not reached",
      });
    return { next: "again", level, maxAgeSeconds: null };
  }

  async function newCode(
    question: Question,
    person: Person,
    ticket: string | null,
  ): Promise<{ code: string; row: NewCode }> {
    const { client, reply, request } = question;
    const at = now();
    const code = `gc_${randomBase62(43)}`;
    // The name that this client knows the person by is there before anybody looks for it.
    await options.subjects.subjectOf(client, person.accountId);
    const row = {
      codeHash: await sha256Hex(code),
      ticket,
      clientId: client.id,
      accountId: person.accountId,
      grantId: `gnt_${randomBase62(22)}`,
      signInSessionId: person.id,
      redirectUri: reply.redirect.uri,
      redirectUriGiven: request.redirectUriGiven,
      codeChallenge: request.codeChallenge,
      scopes: [...question.scopes],
      resources: [...question.resources],
      nonce: request.nonce,
      claims: request.claims.requested,
      authTime: person.authTime,
      acr: person.acr,
      amr: [...person.amr],
      issuedAt: new Date(at),
      expiresAt: new Date(at + codeSeconds * 1000),
    };
    return { code, row };
  }

  /** Everything that must be true before a person is asked, or a code given. */
  async function standing(
    { client, reply, parsed }: Asking,
    person: Person | null,
    hasProvedAnew: boolean,
    visitor: Visitor,
  ): Promise<Question | Decision> {
    if (!parsed.ok) return refuse(reply, parsed.refusal);
    const { request } = parsed;
    if (!person)
      return request.prompts.has("none")
        ? refuse(reply, { error: "login_required", description: "nobody is signed in" })
        : { next: "sign-in", loginHint: request.loginHint };
    const asked = { client, reply, request, scopes: heldBy(request.scopes, person), resources: [] };
    const resources = await resourcesOf(asked, visitor);
    const fault = resources ? await personFault(asked, person) : unknownResource;
    if (fault) return refuse(reply, fault);
    return proofDue(asked, person, hasProvedAnew) ?? { ...asked, resources: resources ?? [] };
  }

  return {
    /** Phase one. Throws what the person is told on a page. */
    async ask(parameters: Parameters, visitor: Visitor): Promise<Asking> {
      const clientId = oneOf(parameters, "client_id");
      const client = clientId === null ? null : await clients.find(clientId, visitor);
      if (!client) throw new AuthError("unknown_application");
      const presented = parameters.get("redirect_uri") ?? [];
      const [only, ...others] = presented.length === 0 ? client.redirectUris : presented;
      const redirect = only === undefined || others.length > 0 ? null : trustRedirect(client, only);
      if (!redirect) throw new AuthError("unknown_redirect_uri");
      const parsed = parseAuthorizationRequest(parameters, client, presented.length > 0);
      return { client, reply: replyOf(parameters, redirect), parsed };
    },

    /** Phase two. With a session: one call. */
    async decide(asking: Asking, person: Person | null, seen: Seen, visitor: Visitor): Promise<Decision> {
      const question = await standing(asking, person, seen.hasProvedAnew, visitor);
      if ("next" in question || !person) return question as Decision;
      const { client, reply, request } = question;
      const { prompts } = request;
      const isAsked = seen.isAsking || prompts.has("consent") || prompts.has("select_account");
      if (!isAsked && !isImpersonable(client, reply)) {
        const { code, row } = await newCode(question, person, null);
        const agreed = client.firstParty ? null : agreedIn(question);
        if (await codes.insertAgreed(row, agreed)) return { next: "send", reply, code };
      }
      if (!prompts.has("none")) return { next: "ask", question };
      return refuse(reply, { error: "consent_required", description: "the person was not asked yet" });
    },

    /** The person agreed on a page of ours. Each page gives one code: `ticket` is its own. */
    async allow(
      asking: Asking,
      person: Person,
      page: {
        readonly ticket: string;
        readonly agreed: readonly string[];
        readonly hasProvedAnew: boolean;
      },
      visitor: Visitor,
    ): Promise<Decision> {
      const question = await standing(asking, person, page.hasProvedAnew, visitor);
      if ("next" in question) return question;
      const agreed = agreedIn(question);
      // The client or the account was given more since the page was shown: that was not agreed to.
      if (!agreed.every((scope) => page.agreed.includes(scope))) return { next: "ask", question };
      const { code, row } = await newCode(question, person, page.ticket);
      if (!(await codes.insertAllowed(row, agreed))) throw new AuthError("already_answered");
      note("consent.given", null, person, question.client, visitor);
      return { next: "send", reply: question.reply, code };
    },

    deny({ client, reply }: Asking, person: Person, visitor: Visitor): Decision {
      note("consent.denied", "by_person", person, client, visitor);
      return refuse(reply, { error: "access_denied", description: "the person said no" });
    },
  };
}

const unknownResource: Refusal = {
  error: "invalid_target",
  description: "a resource is unknown, or not one of this client's",
};

export type Authorization = ReturnType<typeof createAuthorization>;

/** What is agreed to: the scopes, and those of claims that were asked for one by one. */
export function agreedIn({ scopes, request }: Pick<Question, "scopes" | "request">): string[] {
  const { idToken = [], userinfo = [] } = request.claims.requested ?? {};
  return [...new Set([...scopes, ...scopesOfClaims([...idToken, ...userinfo])])];
}

/** RFC 8252 §8.6: what any program on a device could pose as is asked about each time. */
const isImpersonable = (client: Client, { redirect }: Reply): boolean =>
  !isConfidential(client) && !redirect.uri.startsWith("https://");

/**
 * The level to reach, or null when the session has it. What was asked for as essential must be met (OIDC Core §5.5.1.1);
 * of `acr_values` the first that we know, if any, and a stronger one is as good (RFC 9470 §5).
 */
export function levelDue(
  acr: string,
  acrValues: readonly string[],
  essential: readonly string[],
): string | null {
  const wanted = essential.length > 0 ? essential : acrValues;
  const known = wanted.filter((level) => !isWeaker(level, "one-factor"));
  if (essential.length > 0 && known.length === 0) return "unreachable";
  if (known.length === 0 || known.some((level) => !isWeaker(acr, level))) return null;
  return known[0] ?? null;
}
