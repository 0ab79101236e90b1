import type { Background } from "../audit/audit.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { LiveSession } from "../sessions/session.ts";
import type { Client } from "./client.ts";
import type { Clients } from "./clients.ts";
import type { GrantStore } from "./grants.store.ts";
import type { Hint, IdTokens } from "./id-tokens.ts";
import { hasDuplicates, oneOf, type Parameters } from "./parameters.ts";
import { type TrustedRedirect, trustLogoutRedirect } from "./redirect-uri.ts";

type Asked = { readonly arrivedAt: number; readonly background: Background };

/** Where the person goes once they are signed out; null: to a page of ours that says so. */
export type LogoutTarget = {
  readonly client: Client;
  readonly redirect: TrustedRedirect;
  readonly state: string | null;
};

export type LogoutDecision = {
  /** `end`: the client showed whom it means; `ask`: anybody may have caused this, so the person is asked first. */
  readonly next: "end" | "ask";
  readonly target: LogoutTarget | null;
};

/**
 * A client asks that its person be signed out (OIDC RP-Initiated Logout §2). An ID token of ours proves that it is their
 * client; without one, or with that of somebody else, nobody is signed out unasked and nobody is sent anywhere.
 */
export function createLogout(options: {
  clients: Pick<Clients, "find">;
  idTokens: Pick<IdTokens, "readHint">;
  grants: Pick<GrantStore, "isOfSession">;
}) {
  /** Null: none was sent. Throws for one that is not ours, or of another client than the one that is named. */
  async function hintIn(parameters: Parameters): Promise<Hint | null> {
    const text = oneOf(parameters, "id_token_hint");
    if (text === null) return null;
    const hint = await options.idTokens.readHint(text);
    const named = oneOf(parameters, "client_id");
    if (!hint || (named !== null && named !== hint.clientId))
      throw new AuthError("unknown_application", "the ID token is none of ours, or another client's");
    return hint;
  }

  return {
    /** Throws what the person is told on a page. */
    async decide(
      parameters: Parameters,
      session: Pick<LiveSession, "id"> | null,
      asked: Asked,
    ): Promise<LogoutDecision> {
      if (hasDuplicates(parameters)) throw new AuthError("invalid_request", "a parameter was sent twice");
      const hint = await hintIn(parameters);
      if (!hint) return { next: "ask", target: null };
      const client = await options.clients.find(hint.clientId, asked);
      if (!client) throw new AuthError("unknown_application");
      const target = targetOf(client, parameters);
      // An ID token of an earlier sign-in, wherever it was found, signs nobody out unasked.
      const isTheirs =
        session === null ||
        (hint.sid !== null && (await options.grants.isOfSession(hint.sid, client.id, session.id)));
      return { next: isTheirs ? "end" : "ask", target };
    },
  };
}

export type Logout = ReturnType<typeof createLogout>;

/** OIDC RP-Initiated Logout §3: registered exactly, or the person is told and stays. */
function targetOf(client: Client, parameters: Parameters): LogoutTarget | null {
  const uri = oneOf(parameters, "post_logout_redirect_uri");
  if (uri === null) return null;
  const redirect = trustLogoutRedirect(client, uri);
  if (!redirect) throw new AuthError("unknown_redirect_uri");
  return { client, redirect, state: oneOf(parameters, "state") };
}
