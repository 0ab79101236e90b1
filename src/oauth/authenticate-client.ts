import type { Audit, Background } from "../audit/audit.ts";
import type { EventReason, Origin } from "../audit/events.ts";
import { AuthError } from "../errors/auth-error.ts";
import type { RateLimits } from "../rate-limits/rate-limits.ts";
import type { Client } from "./client.ts";
import type { Claim, ClientAuthenticationMethod, Sent } from "./client-authentication/method.ts";
import type { Clients } from "./clients.ts";
import { oneOf } from "./parameters.ts";

/** What is known of whoever calls a back door. */
export type BackDoorVisit = {
  readonly arrivedAt: number;
  /** The address as limits count it. */
  readonly network: string;
  readonly origin: Origin;
  readonly background: Background;
};

/**
 * One request in, the client that proved itself by the method it is registered with, or a refusal that does not say why.
 * Warm: no round trip; with an assertion one of Redis.
 */
export function createClientAuthentication(options: {
  methods: readonly ClientAuthenticationMethod[];
  clients: Pick<Clients, "find" | "isKnown">;
  rateLimits: Pick<RateLimits, "brakeOf" | "note" | "noteEverywhere">;
  audit: Pick<Audit, "record">;
}) {
  const { methods, clients, rateLimits, audit } = options;

  function limitsOf(clientId: string | null, { network }: BackDoorVisit) {
    const ofNetwork = ["refusedClientsOfNetwork", `address:${network}`] as const;
    const ofClient = ["refusedClient", `client:${clientId}`] as const;
    return clientId === null ? ([ofNetwork] as const) : ([ofNetwork, ofClient] as const);
  }

  /** Counted, and answered with a wait once there were too many; no answer tells what was wrong. */
  function refuse(reason: EventReason, client: Client | null, visit: BackDoorVisit): AuthError {
    const { origin, background } = visit;
    const actor = { type: "stranger", id: "" } as const;
    const subject = client && ({ type: "client", id: client.id } as const);
    audit.record({ type: "client.refused", outcome: "refused", reason, actor, subject, origin }, background);
    const limits = limitsOf(client?.id ?? null, visit);
    const waits = limits.map(([name, whose]) => rateLimits.brakeOf(name, whose).retryAfterSeconds);
    const wait = Math.max(...waits);
    for (const [name, whose] of limits) {
      rateLimits.note(name, whose);
      // Past the limit a flood costs no call.
      if (wait === 0) background(rateLimits.noteEverywhere(name, whose));
    }
    return wait > 0
      ? new AuthError("rate_limited", undefined, { retryAfterSeconds: wait })
      : new AuthError("invalid_client");
  }

  /** A guesser of ids asks no store past the limit; whose client is in memory does not notice. */
  function requireLookUp(clientId: string, visit: BackDoorVisit): void {
    if (clients.isKnown(clientId)) return;
    const [[name, subject]] = limitsOf(null, visit);
    const { retryAfterSeconds } = rateLimits.brakeOf(name, subject);
    if (retryAfterSeconds > 0) throw new AuthError("rate_limited", undefined, { retryAfterSeconds });
  }

  /** RFC 6749 §2.3: one method in each request. */
  function methodOf(sent: Sent): ClientAuthenticationMethod {
    const tried = methods.filter((one) => one.isTried(sent));
    if (tried.length > 1)
      throw new AuthError("invalid_request", "the client authenticates in two ways at once");
    const method = tried[0] ?? methods.find(({ name }) => name === "none");
    if (!method) throw new AuthError("internal");
    return method;
  }

  function requireOneName(claim: NonNullable<Claim>, { parameters }: Sent): void {
    const named = oneOf(parameters, "client_id") ?? claim.clientId;
    if (named !== claim.clientId)
      throw new AuthError("invalid_request", "client_id: is not the client that authenticates");
  }

  return {
    /** Throws `invalid_client`, `invalid_request`, `rate_limited`, or `unavailable` when nothing can be decided. */
    async authenticate(sent: Sent, visit: BackDoorVisit): Promise<Client> {
      const method = methodOf(sent);
      const claim = method.read(sent);
      if (!claim) throw refuse(method.name === "none" ? "missing_credential" : "malformed", null, visit);
      requireOneName(claim, sent);
      requireLookUp(claim.clientId, visit);
      const client = await clients.find(claim.clientId, visit);
      if (!client) throw refuse("unknown", null, visit);
      if (client.authenticationMethod !== method.name) throw refuse("wrong_method", client, visit);
      const fault = await method.verify(client, claim.proof);
      if (fault) throw refuse(fault, client, visit);
      return client;
    },
  };
}

export type ClientAuthentication = ReturnType<typeof createClientAuthentication>;
