import { Hono } from "hono";
import { preparedAnswer, prepareHeaders } from "../http/security-headers.ts";
import type { DoorEnv, Visit } from "../http/visit.ts";
import type { KeySet, SigningKeys } from "./signing-keys.ts";

/** `/.well-known/jwks.json` (RFC 7517 §5): public, cacheable for as long as a rotation waits for it. */
export function keySetRoutes(answer: ReturnType<typeof createKeySetAnswer>): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.get("/jwks.json", (c) => answer(c.req.raw, c.env.visit));
  return routes;
}

export function createKeySetAnswer(signingKeys: Pick<SigningKeys, "keySet" | "keySetAtHand">) {
  /** Of the set that was answered last. */
  let prepared: { readonly set: KeySet; readonly headers: Headers } | null = null;

  function answerWith(set: KeySet, request: Request, visit: Visit): Response {
    if (prepared?.set !== set) {
      const headers = prepareHeaders({
        "cache-control": `public, max-age=${set.maxAgeSeconds}`,
        etag: set.etag,
        "access-control-allow-origin": "*",
        "content-type": "application/jwk-set+json",
      });
      prepared = { set, headers };
    }
    return isHeld(request.headers.get("if-none-match"), set.etag)
      ? preparedAnswer(null, prepared.headers, visit, 304)
      : preparedAnswer(set.body, prepared.headers, visit);
  }

  async function answerWhenRead(request: Request, visit: Visit): Promise<Response> {
    return answerWith(await signingKeys.keySet(), request, visit);
  }

  /** No promise when the set is at hand. */
  return (request: Request, visit: Visit): Response | Promise<Response> => {
    const set = signingKeys.keySetAtHand();
    return set ? answerWith(set, request, visit) : answerWhenRead(request, visit);
  };
}

/** RFC 9110 §13.1.2: a list, or any; compared weakly, since an edge that compresses makes a strong tag weak. */
function isHeld(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  const held = ifNoneMatch.split(",").map((one) => one.trim().replace(/^W\//, ""));
  return ifNoneMatch.trim() === "*" || held.includes(etag);
}
