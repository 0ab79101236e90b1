import { Hono } from "hono";
import * as v from "valibot";
import { readJson } from "../http/body.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { KeyVerifier } from "./key-verifier.ts";
import { type OperatorAccess, ownScopes } from "./operator-access.ts";

export const verifyKeyInput = v.strictObject({
  key: v.pipe(v.string(), v.maxLength(512, "is longer than any key")),
  scopes: v.optional(
    v.pipe(
      v.array(v.pipe(v.string(), v.maxLength(128, "holds a scope that is too long"))),
      v.maxLength(64, "names more than 64 scopes"),
    ),
    [],
  ),
  cost: v.optional(
    v.pipe(
      v.number(),
      v.integer("must be a whole number"),
      v.minValue(0, "must be 0 or more"),
      v.maxValue(1_000_000, "must be 1000000 or less"),
    ),
    1,
  ),
  address: v.optional(v.nullable(v.pipe(v.string(), v.maxLength(64, "is no IP address"))), null),
});

const verifiers = [ownScopes.verify, ownScopes.admin];

/** `POST /v1/keys/verify`: always 200 with the precise code, for a caller entitled to it. */
export function keyVerificationRoutes(deps: {
  access: OperatorAccess;
  keyVerifier: KeyVerifier;
}): Hono<DoorEnv> {
  const routes = new Hono<DoorEnv>();
  routes.post("/verify", async (c) => {
    const visit = c.env.visit;
    const entrant = await deps.access.enter(c.req.raw.headers, visit, verifiers, null);
    if (!entrant.ok) return refusalProblem(entrant.verdict, visit.requestId);
    const input = await readJson(c.req.raw, verifyKeyInput);
    const { arrivedAt, background, requestId, address, country } = visit;
    const answer = await deps.keyVerifier.verifyKey(input, {
      caller: `key:${entrant.principal.lineageId}`,
      by: entrant.actor,
      origin: { requestId, address, country },
      arrivedAt,
      background,
    });
    return c.json(answer);
  });
  return routes;
}
