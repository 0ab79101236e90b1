import { type Context, Hono } from "hono";
import * as v from "valibot";
import { AuthError } from "../errors/auth-error.ts";
import { readForm } from "../http/form.ts";
import { problemOf } from "../http/problem.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { Userinfo } from "./userinfo.ts";

const tokenField = v.object({ access_token: v.optional(v.pipe(v.string(), v.maxLength(16_384))) });

const preflight = {
  "access-control-allow-methods": "GET, POST",
  "access-control-allow-headers": "authorization, dpop",
  "access-control-max-age": "86400",
};

/** `/oauth/userinfo` (OIDC Core §5.3.1): GET or POST, the token in the header or, posted, in the form (RFC 6750 §2.2). */
export function userinfoRoutes(deps: {
  readonly userinfo: Userinfo;
  readonly report: (thrown: Error, visit: DoorEnv["Bindings"]["visit"]) => void;
}): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.onError((thrown, c) => {
    deps.report(thrown, c.env.visit);
    return shared(problemOf(thrown, c.env.visit.requestId));
  });

  const answer = async (c: Context<DoorEnv>): Promise<Response> => {
    const told = await deps.userinfo.tell(await headersOf(c.req.raw), c.env.visit);
    if (!told.ok) return shared(refusalProblem(told.verdict, c.env.visit.requestId));
    if ("jwt" in told) return shared(c.body(told.jwt, 200, { "content-type": "application/jwt" }));
    return shared(c.json(told.claims));
  };
  routes.get("/userinfo", answer);
  routes.post("/userinfo", answer);
  routes.options("/userinfo", () => shared(new Response(null, { status: 204, headers: preflight })));
  return routes;
}

/** An application in a browser asks from its own origin; no cookie says anything here. */
function shared(response: Response): Response {
  response.headers.set("access-control-allow-origin", "*");
  response.headers.set("access-control-expose-headers", "www-authenticate");
  response.headers.set("cache-control", "no-store");
  return response;
}

/** The one credential, wherever it came. */
async function headersOf(request: Request): Promise<Headers> {
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (request.method !== "POST" || type !== "application/x-www-form-urlencoded") return request.headers;
  const { access_token: token } = await readForm(request, tokenField, 32 * 1024);
  if (token === undefined) return request.headers;
  if (request.headers.has("authorization")) throw new AuthError("several_credentials");
  const headers = new Headers(request.headers);
  headers.set("authorization", `Bearer ${token}`);
  return headers;
}
