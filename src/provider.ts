import type { Context } from "hono";
import { Hono } from "hono";
import { ownScopes } from "./authentication/operator-access.ts";
import type { Cookies } from "./http/cookies.ts";
import type { PageShell } from "./http/page.tsx";
import type { DoorEnv, Visit } from "./http/visit.ts";
import { readOwnCookies, signedOutCookies } from "./login/routes-cookies.ts";
import { guestOf } from "./login/routes-pages-forms.ts";
import { authorizeRoutes } from "./oauth/routes-authorize.tsx";
import { backDoorRoutes } from "./oauth/routes-back-door.ts";
import { consentRoutes } from "./oauth/routes-consent.tsx";
import { deviceRoutes } from "./oauth/routes-device.tsx";
import { logoutRoutes } from "./oauth/routes-logout.tsx";
import { metadataRoutes } from "./oauth/routes-metadata.ts";
import { userinfoRoutes } from "./oauth/routes-userinfo.ts";
import type { LiveSession } from "./sessions/session.ts";
import type { Rooms } from "./wiring.ts";

/** The provider's pages: who is signed in is told by the room of signing in. */
export function providerPages(
  rooms: Rooms & { readonly shell: PageShell; readonly cookies: Cookies; readonly issuer: string },
  onError: (thrown: Error, c: Context<DoorEnv>) => Response,
): Hono<DoorEnv> {
  const { sessions, cookies } = rooms;
  const deps = {
    ...rooms,
    ownerOf: (request: Request, background: Visit["background"]) =>
      sessions.find(readOwnCookies(request.headers, cookies).session, background),
    browserOf: (request: Request) => guestOf({ req: { raw: request } }, { cookies }),
    async signOut({ id, accountId }: LiveSession, visit: Visit): Promise<string[]> {
      const { requestId, address, country, background } = visit;
      const actor = { type: "user", id: accountId } as const;
      const operator = { actor, origin: { requestId, address, country }, background };
      await sessions.end(id, accountId, "signed_out", operator);
      return signedOutCookies(cookies);
    },
  };
  const routes = new Hono<DoorEnv>();
  routes.onError(onError);
  routes.route("/", authorizeRoutes(deps));
  routes.route("/", consentRoutes(deps));
  routes.route("/", deviceRoutes(deps));
  routes.route("/", logoutRoutes(deps));
  return routes;
}

/** Scopes of the API keys that resource servers introspect with. */
const inquirers = [ownScopes.introspect, ownScopes.admin];

/** What applications ask the provider without a page. */
export function providerRoutes(rooms: Rooms, report: (thrown: Error, visit: Visit) => void): Hono<DoorEnv> {
  const enterByKey = (headers: Headers, visit: Visit) =>
    rooms.operatorAccess.enter(headers, visit, inquirers, null);
  const routes = new Hono<DoorEnv>();
  routes.route("/oauth", backDoorRoutes({ ...rooms, enterByKey, report }));
  routes.route("/oauth", userinfoRoutes({ ...rooms, report }));
  routes.route(
    "/.well-known",
    metadataRoutes({ ...rooms, issuer: rooms.config.issuer, findResource: rooms.protectedResources.find }),
  );
  return routes;
}
