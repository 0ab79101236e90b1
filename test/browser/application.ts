import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const page = `<!doctype html><html lang="en"><title>unmoved</title><link rel="icon" href="data:,">
<script>document.title = "moved"; fetch("/auth/refresh", { method: "POST" })</script>`;

export type Application = { readonly url: string; close(): Promise<void> };

/** A service behind the gateway: a page with a script at `/app`, and at `/orders` what the gateway said of the caller. */
export async function startApplication(): Promise<Application> {
  const server = createServer(({ url = "", headers }, response) => {
    if (url.startsWith("/app")) {
      response.setHeader("content-type", "text/html; charset=utf-8");
      response.end(page);
      return;
    }
    const names = ["x-user-id", "x-session-id", "x-auth-method", "cookie", "authorization"] as const;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(Object.fromEntries(names.map((name) => [name, headers[name] ?? null]))));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Its two routes: the page for everybody, the orders for who holds an access token. */
export async function routeApplication(
  issuer: string,
  adminKey: string,
  { url }: Application,
): Promise<void> {
  for (const [path, credential] of [
    ["/app", "public"],
    ["/orders", "access-token"],
  ] as const) {
    const answer = await fetch(`${issuer}/admin/v1/routes`, {
      method: "POST",
      headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
      body: JSON.stringify({
        name: `browser${path}`.replace("/", "-"),
        match: { path: `${path}/*` },
        upstream: { url: `${url}${path}` },
        credentials: [credential],
      }),
    });
    if (answer.status !== 201) throw new Error(`The route ${path} was refused: ${await answer.text()}`);
  }
}
