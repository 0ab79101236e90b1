import { type Context, Hono } from "hono";
import { AuthError } from "../errors/auth-error.ts";
import { bodyBytesMax } from "../http/body.ts";
import { readPairs } from "../http/form.ts";
import { oauthError, uncached } from "../http/oauth-error.ts";
import { type RefusedVerdict, refusalProblem } from "../http/refusal.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { BackDoorVisit } from "./authenticate-client.ts";
import type { Sent } from "./client-authentication/method.ts";
import type { DeviceAnswer, DeviceAuthorization } from "./device-authorization.ts";
import type { TokenAnswer } from "./grants/grant.ts";
import { type Inquirer, type Introspection, signedIntrospectionType } from "./introspection.ts";
import { parametersOf } from "./parameters.ts";
import type { TokenEndpoint } from "./token-endpoint.ts";
import type { TokenRevocation } from "./token-revocation.ts";

type Deps = {
  readonly deviceAuthorization: Pick<DeviceAuthorization, "begin">;
  readonly tokenEndpoint: TokenEndpoint;
  readonly introspection: Introspection;
  readonly tokenRevocation: TokenRevocation;
  /** A resource server by its API key. */
  readonly enterByKey: (
    headers: Headers,
    visit: Visit,
  ) => Promise<
    | { readonly ok: true; readonly actor: { readonly id: string } }
    | { readonly ok: false; readonly verdict: RefusedVerdict }
  >;
  /** Tells audit and the log of what was thrown. */
  readonly report: (thrown: Error, visit: Visit) => void;
};

/** The doors that applications knock at without a browser (RFC 6749 §3.2): forms in, JSON out, errors as OAuth says them. */
export function backDoorRoutes(deps: Deps): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.onError((thrown, c) => {
    deps.report(thrown, c.env.visit);
    return shared(c, oauthError(thrown, c.req.raw.headers.has("authorization")));
  });
  routes.post("/token", async (c) => {
    const answer = await deps.tokenEndpoint.exchange(await sentIn(c), visitOf(c));
    return shared(c, c.json(tokenView(answer), 200, uncached));
  });
  routes.post("/device_authorization", async (c) => {
    const answer = await deps.deviceAuthorization.begin(await sentIn(c), visitOf(c));
    return c.json(deviceView(answer), 200, uncached);
  });
  // No content, and so no type of it: clients that see one read it.
  routes.post("/revoke", async (c) => {
    await deps.tokenRevocation.revoke(await sentIn(c), visitOf(c));
    return shared(c, new Response(null, { headers: uncached }));
  });
  routes.post("/introspect", async (c) => await introspect(c, deps));
  for (const path of openToPages)
    routes.options(path, (c) => shared(c, new Response(null, { status: 204, headers: preflight })));
  return routes;
}

async function introspect(c: Context<DoorEnv>, deps: Deps): Promise<Response> {
  const { introspection } = deps;
  const { headers } = c.req.raw;
  const visit = visitOf(c);
  let inquirer: Inquirer | null = null;
  if (headers.has("x-api-key") || /^bearer /i.test(headers.get("authorization") ?? "")) {
    const entrant = await deps.enterByKey(headers, c.env.visit);
    if (!entrant.ok) return refusalProblem(entrant.verdict, c.env.visit.requestId);
    inquirer = { kind: "resource-server", id: entrant.actor.id };
  }
  const sent = await sentIn(c);
  inquirer ??= await introspection.authenticate(sent, visit);
  const shown = await introspection.introspect(sent, inquirer, visit);
  const mediaType = `application/${signedIntrospectionType}`;
  if (!headers.get("accept")?.includes(mediaType)) return c.json(shown, 200, uncached);
  const signed = await introspection.signed(shown, inquirer);
  return c.body(signed, 200, { ...uncached, "content-type": mediaType });
}

/** An application in a browser has no secret and sends no cookie here: what a server may ask, a page may. */
const openToPages: readonly string[] = ["/token", "/revoke"];

const preflight = {
  "access-control-allow-methods": "POST",
  "access-control-allow-headers": "authorization, content-type, dpop",
  "access-control-max-age": "86400",
};

function shared(c: Context<DoorEnv>, answer: Response): Response {
  if (openToPages.some((path) => c.req.path.endsWith(path)))
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
  ...(answer.issuedTokenType ? { issued_token_type: answer.issuedTokenType } : {}),
});

/** RFC 8628 §3.2. */
const deviceView = (answer: DeviceAnswer) => ({
  device_code: answer.deviceCode,
  user_code: answer.userCode,
  verification_uri: answer.verificationUri,
  verification_uri_complete: `${answer.verificationUri}?user_code=${answer.userCode}`,
  expires_in: answer.expiresInSeconds,
  interval: answer.intervalSeconds,
});
