import type { Answered } from "./caller.ts";
import { withToken } from "./person.ts";
import type { Stage } from "./stage.ts";
import type { Scene, Story } from "./story.ts";

type Client = { readonly id: string; readonly secret: string };

/** Machines that are clients of OAuth: tokens in their own name, looked at and given back. */
export async function tellClients(story: Story, stage: Stage): Promise<void> {
  const route = await stage.givenRoute({ credentials: ["access-token"], scopes: ["orders.read"] });
  const door = (scene: Scene, path: string, { id, secret }: Client, form: Record<string, string>) => {
    const basic = btoa(`${id}:${secret}`);
    scene.keepSecret(basic);
    const headers = { authorization: `Basic ${basic}` };
    return stage.aloud(scene, { method: "POST", url: `${stage.url}/oauth${path}`, headers, form });
  };
  const keptClient = (scene: Scene, { json }: Answered): Client => {
    const client = { id: String(json["client_id"]), secret: String(json["client_secret"]) };
    stage.keepClient(client.id);
    scene.keepSecret(client.secret);
    return client;
  };

  await story.step("A service gets a token in its own name (client credentials)", async (scene) => {
    const draft = {
      client_name: stage.unique("client"),
      grant_types: ["client_credentials"],
      scope: "orders.read orders.write",
    };
    const registered = await stage.quietly(stage.manage("POST", "/clients", draft));
    scene.expect(registered.status === 201, "the client is registered", registered);
    const client = keptClient(scene, registered);
    const grant = { grant_type: "client_credentials", scope: "orders.read", resource: route.publicUrl };
    const issued = await door(scene, "/token", client, grant);
    scene.expect(issued.status === 200, "it gets a token for the route", issued);
    scene.expect(issued.json["refresh_token"] === undefined, "and no refresh token", issued);
    const token = { access: String(issued.json["access_token"]) };
    const passed = await stage.aloud(scene, { url: route.url, headers: withToken(token) });
    scene.expect(passed.status === 200, "which opens the route", passed);
    const wider = await door(scene, "/token", client, { ...grant, scope: "orders.admin" });
    scene.expect(
      wider.json["error"] === "invalid_scope",
      "more than it is registered for it never gets",
      wider,
    );
    scene.proves(
      "the server owns the ceiling, the token is for one resource, and no person is made up for it.",
    );

    await story.step("Its secret is rotated, its token looked at and given back", async (again) => {
      again.keepSecret(client.secret);
      const rotated = await stage.quietly(
        stage.manage("POST", `/clients/${client.id}/rotate-secret`, { overlap_seconds: 60 }),
      );
      const next = keptClient(again, rotated);
      const shown = await door(again, "/introspect", next, { token: token.access });
      again.expect(shown.json["active"] === true, "the new secret works, the token lives", shown);
      const byOld = await door(again, "/introspect", client, { token: "unknown" });
      again.expect(byOld.status === 200, "the old secret still works", byOld);
      const wrong = await door(again, "/introspect", { ...client, secret: "wrong" }, { token: token.access });
      again.expect(wrong.json["error"] === "invalid_client", "a wrong one does not", wrong);
      const revoked = await door(again, "/revoke", next, { token: token.access });
      again.expect(revoked.status === 200 && revoked.text === "", "it is given back", revoked);
      const dead = await door(again, "/introspect", next, { token: token.access });
      again.expect(dead.text === '{"active":false}', "and of a dead token nothing is told", dead);
      again.proves("rotation needs no outage, and what is revoked is told of to nobody.");
    });
  });
}
