import { type ClientMetadata, standardMetadata } from "../../src/oauth/client.ts";
import { type Isolate, unique } from "./given.ts";

export const clientOperator = ({ background }: Pick<Isolate, "background">) => ({
  actor: { type: "operator", id: "given" } as const,
  origin: { requestId: "given", address: "192.0.2.1", country: null },
  background,
});

/** A fresh client: a server's own, with a secret, that may have tokens for itself. */
export async function givenClient(isolate: Isolate, metadata: Partial<ClientMetadata> = {}) {
  const made = await isolate.rooms.clients.create(
    {
      ...standardMetadata,
      name: unique("client"),
      grantTypes: ["client_credentials"],
      responseTypes: [],
      scopes: ["orders.read", "orders.write"],
      ...metadata,
    },
    clientOperator(isolate),
  );
  await isolate.settle();
  return { ...made, id: made.client.id, secret: made.secret ?? "" };
}

export const askedNow = ({ rooms, background }: Isolate) => ({
  arrivedAt: rooms.revocation.mark(),
  background,
});
