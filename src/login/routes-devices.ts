import type { Context, Hono } from "hono";
import { AuthError } from "../errors/auth-error.ts";
import { refusalProblem } from "../http/refusal.ts";
import type { DoorEnv } from "../http/visit.ts";
import type { DeviceShown } from "../mfa/remembered-devices.ts";
import type { AuthDeps } from "./routes.ts";
import { visitorOf } from "./routes-cookies.ts";

/** `/auth/mfa/devices`: the browsers in which a person is not asked for the second factor. */
export function mountDevices(routes: Hono<DoorEnv>, { access, mfa }: AuthDeps): void {
  const { remembered } = mfa;

  routes.get("/mfa/devices", async (c) => {
    const entrant = await access.enter(c.req.raw.headers, c.env.visit);
    if (!entrant.ok) return refusalProblem(entrant.verdict, c.env.visit.requestId);
    return c.json({ data: (await remembered.list(entrant.accountId)).map(deviceView), next_cursor: null });
  });

  const forget = async (c: Context<DoorEnv>, id: string | null): Promise<Response> => {
    const entrant = await access.enter(c.req.raw.headers, c.env.visit);
    if (!entrant.ok) return refusalProblem(entrant.verdict, c.env.visit.requestId);
    const { accountId, actor } = entrant;
    const { origin, background } = visitorOf(c.env.visit);
    const operator = { actor, origin, background };
    if (id === null) await remembered.forgetAll(accountId, operator);
    else if (!(await remembered.forget(accountId, id, operator)))
      throw new AuthError("not_found", "you have no such device");
    return c.body(null, 204);
  };
  routes.delete("/mfa/devices", (c) => forget(c, null));
  routes.delete("/mfa/devices/:id", (c) => forget(c, c.req.param("id")));
}

const deviceView = ({ id, name, createdAt, lastUsedAt, expiresAt }: DeviceShown) => ({
  id,
  name,
  created_at: createdAt.toISOString(),
  last_used_at: lastUsedAt?.toISOString() ?? null,
  expires_at: expiresAt.toISOString(),
});
