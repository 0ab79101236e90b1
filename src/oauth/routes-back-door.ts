import { type Context, Hono } from "hono";
import { AuthError } from "../errors/auth-error.ts";
import { bodyBytesMax } from "../http/body.ts";
import { readPairs } from "../http/form.ts";
import { oauthError, uncached } from "../http/oauth-error.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { BackDoorVisit } from "./authenticate-client.ts";
import type { Sent } from "./client-authentication/method.ts";
import type { TokenAnswer } from "./grants/grant.ts";
import { parametersOf } from "./parameters.ts";
import type { TokenEndpoint } from "./token-endpoint.ts";

type Deps = {
  readonly tokenEndpoint: TokenEndpoint;
  /** Tells audit and the log of what was thrown. */
  readonly report: (thrown: Error, visit: Visit) => void;
};

/** The doors that applications knock at without a browser (RFC 6749 §3.2): forms in, JSON out, errors as OAuth says them. */
export function backDoorRoutes(deps: Deps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.onError((thrown, c) => {
    deps.report(thrown, c.env.visit);
    return shared(oauthError(thrown, c.req.raw.headers.has("authorization")));
  });
  routes.post("/token", async (c) => {
    const answer = await deps.tokenEndpoint.exchange(await sentIn(c), visitOf(c));
    return shared(c.json(tokenView(answer), 200, uncached));
  });
  // An application in a browser has no secret and sends no cookie: whoever may ask from a server may from a page.
  routes.options("/token", () => shared(new Response(null, { status: 204, headers: preflight })));
  return routes;
}

const preflight = {
  "access-control-allow-methods": "POST",
  "access-control-allow-headers": "authorization, content-type, dpop",
  "access-control-max-age": "86400",
};

function shared(answer: Response): Response {
  answer.headers.set("access-control-allow-origin", "*");
  return answer;
}

async function sentIn(c: Context<DoorEnv>): Promise<Sent> {
  const parameters = parametersOf(await readPairs(c.req.raw, bodyBytesMax));
  if (!parameters) throw new AuthError("invalid_request", "the form has too many fields");
  return { authorization: c.req.raw.headers.get("authorization"), parameters };
}

function visitOf(c: Context<DoorEnv>): BackDoorVisit {
  const { requestId, address, network, country, arrivedAt, background } = c.env.visit;
  return { arrivedAt, network, background, origin: { requestId, address, country } };
}

/** RFC 6749 §5.1; the scope is always said, so that nobody need guess. */
const tokenView = (answer: TokenAnswer) => ({
  access_token: answer.accessToken,
  token_type: "Bearer",
  expires_in: answer.expiresInSeconds,
  scope: answer.scopes.join(" "),
  ...(answer.refreshToken ? { refresh_token: answer.refreshToken } : {}),
  ...(answer.idToken ? { id_token: answer.idToken } : {}),
});
