import type { Verifier } from "../../src/rpc.ts";

/** Bindings to one Gatehouse that differ in their props alone. */
type Bindings = Readonly<Record<"GATEHOUSE" | "OTHER" | "UNNAMED" | "EMPTY", Service<Verifier>>>;

/** What a call over the binding came to: its answer, or what it threw. */
export type Outcome = { readonly returned: unknown } | { readonly threw: string };

/** An API of some other team: it has its callers checked over a service binding and holds no secret of Gatehouse. */
export default {
  async fetch(request: Request, bindings: Bindings): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/orders") return await placeOrder(request, bindings);
    const gatehouse = bindings[(searchParams.get("binding") ?? "GATEHOUSE") as keyof Bindings];
    const options: unknown = JSON.parse(searchParams.get("options") ?? "null") ?? undefined;
    if (pathname === "/body-afterwards") {
      await gatehouse.authenticate(request);
      return Response.json({ bodyUsed: request.bodyUsed });
    }
    if (pathname === "/authenticate") {
      return await outcomeOf(() => gatehouse.authenticate(request, options as undefined));
    }
    if (pathname === "/http")
      return await outcomeOf(() => gatehouse.fetch("https://gatehouse.test/health/live"));
    const [path, ...given] = (await request.json()) as [string, ...unknown[]];
    if (pathname === "/read") return await outcomeOf(() => readByName(gatehouse, path));
    return await outcomeOf(() => callByName(gatehouse, path, given));
  },
};

/** As the documentation says: the verdict first, then the body that came with the request. */
async function placeOrder(request: Request, { GATEHOUSE: gatehouse }: Bindings): Promise<Response> {
  const asked = new Request(request.url, { headers: request.headers });
  const verdict = await gatehouse.authenticate(asked, { scopes: ["orders.write"], cost: 3 });
  if (!verdict.ok) return Response.json({ error: verdict.code }, { status: verdict.status });
  return Response.json(
    { orderedBy: verdict.principal.subject, order: await request.json() },
    { status: 201 },
  );
}

type Stub = { readonly [name: string]: Stub } & ((...values: readonly unknown[]) => unknown);

/** Any name at all, through whatever objects a path of names leads. */
const readByName = (gatehouse: Service<Verifier>, path: string): Stub =>
  path.split(".").reduce((stub, name) => stub[name] as Stub, gatehouse as unknown as Stub);

/** A stub's `call` and `apply` would be calls of methods of these names, so it is called as it stands. */
const callByName = (gatehouse: Service<Verifier>, path: string, given: readonly unknown[]): unknown =>
  readByName(gatehouse, path)(...given.map(revive));

/** What JSON cannot hold and RPC can. */
function revive(value: unknown): unknown {
  if (value === "$function") return () => "called back";
  if (value === "$map") return new Map([["key", "x"]]);
  return value === "$undefined" ? undefined : value;
}

async function outcomeOf(call: () => unknown): Promise<Response> {
  try {
    const returned = await call();
    return Response.json({ returned: typeof returned === "function" ? "a function" : returned } as Outcome);
  } catch (thrown) {
    return Response.json({ threw: String(thrown) } as Outcome);
  }
}
