import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { type Key, type Route, type Stage, withKey } from "./stage.ts";
import type { Scene, Story } from "./story.ts";

const identityHeaders = ["x-user-id", "x-user-scopes", "x-client-id", "x-auth-method", "x-request-id"];

/** The main job: a key is made, a service is called through the gateway with it, and the service knows who calls. */
export async function tellIdentity(story: Story, stage: Stage): Promise<{ route: Route; key: Key }> {
  const owner = stage.unique("user");
  const draft = stage.keyDraft({
    owner: { type: "user", id: owner },
    scopes: ["orders.read", "orders.list"],
  });

  const key = await story.step("An API key is made", async (scene) => {
    const worth = { headers: ["cache-control"], members: ["id", "key"] };
    const made = await stage.aloud(scene, stage.manage("POST", "/keys", draft), worth);
    scene.expect(made.status === 201, "a key is made", made);
    const kept = stage.keptKey(made);
    scene.expect(/^gk_test_[0-9A-Za-z]{60}$/.test(kept.key), "the key has its documented form");
    scene.expect(made.headers["cache-control"] === "no-store", "no cache may keep the answer", made);
    const read = await stage.aloud(scene, stage.manage("GET", `/keys/${kept.id}`), {
      members: ["id", "prefix", "status", "scopes"],
    });
    scene.expect(read.status === 200 && !read.text.includes(kept.key), "the record does not hold the secret");
    scene.proves("the secret is shown this once; the record, read again, does not hold it.");
    return kept;
  });

  const route = await story.step("A route is made, and the key opens it", async (scene) => {
    const asked = stage.manage("POST", "/routes", stage.routeDraft());
    const made = await stage.aloud(scene, asked, { members: ["id", "public_url"] });
    scene.expect(made.status === 201, "a route is made", made);
    const kept = stage.keptRoute(made);
    await passThrough(scene, stage, { route: kept, key, owner });
    scene.proves("the service behind is told who calls, and the credential ends at the gateway.");
    return kept;
  });

  await story.step("The service verifies the identity it was handed", async (scene) => {
    await verifyIdentity(scene, stage, { route, owner });
    scene.proves("a service need not trust headers: the identity is signed for it, for this method and URL.");
  });
  return { route, key };
}

async function passThrough(
  scene: Scene,
  stage: Stage,
  { route, key, owner }: { route: Route; key: Key; owner: string },
): Promise<void> {
  const asked = { url: `${route.url}/orders/42?page=2`, headers: withKey(key.key) };
  const answer = await stage.aloud(scene, asked);
  scene.expect(answer.status === 200, "the call passes", answer);
  const seen = stage.upstream.last();
  const headers = seen?.headers ?? {};
  scene.note(`the upstream saw ${seen?.method} ${seen?.path}`);
  for (const name of identityHeaders) scene.note(`  ${name}: ${headers[name]}`);
  scene.note(`  x-gatehouse-identity: ${headers["x-gatehouse-identity"]}`);
  scene.expect(seen?.path === "/orders/42?page=2", "the rest of the path and the query arrive");
  scene.expect(headers["x-user-id"] === owner, "the upstream is told the owner");
  scene.expect(headers["x-client-id"] === key.id, "the upstream is told the key's id");
  scene.expect(headers["x-user-scopes"] === "orders.read,orders.list", "the upstream is told the scopes");
  scene.expect(headers["x-auth-method"] === "api-key", "the upstream is told the method");
  scene.expect(!(seen?.raw ?? []).some((text) => text.includes(key.key)), "the upstream never sees the key");
}

async function verifyIdentity(
  scene: Scene,
  stage: Stage,
  { route, owner }: { route: Route; owner: string },
): Promise<void> {
  const token = stage.upstream.last()?.headers["x-gatehouse-identity"] ?? "";
  const published = await stage.aloud(scene, { url: `${stage.url}/.well-known/jwks.json` });
  const keys = createLocalJWKSet(published.json as unknown as JSONWebKeySet);
  const issuer = new URL(route.publicUrl).origin;
  const typ = "gatehouse-identity+jwt";
  const audience = new URL(stage.upstream.url).origin;
  const { payload } = await jwtVerify(token, keys, { issuer, audience, typ, maxTokenAge: "60 s" }).catch(
    () => {
      scene.expect(false, "the identity verifies against the published keys");
      return { payload: {} as Record<string, unknown> };
    },
  );
  scene.note(`verified: ${JSON.stringify(payload)}`);
  scene.expect(payload["sub"] === owner && payload["sub_type"] === "user", "the identity names the owner");
  scene.expect(payload["htm"] === "GET", "the identity is bound to the method");
  scene.expect(payload["htu"] === `${audience}/orders/42`, "the identity is bound to the URL");
  const elsewhere = await jwtVerify(token, keys, { audience: "https://elsewhere.example" }).catch(() => null);
  scene.note(`verified as another service: ${elsewhere === null ? "refused" : "accepted"}`);
  scene.expect(elsewhere === null, "the identity is of no use at another service");
}
