import type { EventReason } from "../../audit/events.ts";
import type { Client, ClientAuthenticationName } from "../client.ts";
import type { Parameters } from "../parameters.ts";

/** Where a client may say who it is. */
export type Sent = { readonly authorization: string | null; readonly parameters: Parameters };

/** Who it says it is, and by what. Null: what came cannot be read. */
export type Claim = { readonly clientId: string; readonly proof: string } | null;

/** Null: proved. */
export type ProofFault = Extract<
  EventReason,
  | "wrong_secret"
  | "malformed"
  | "bad_signature"
  | "wrong_algorithm"
  | "unknown_key"
  | "wrong_audience"
  | "expired"
  | "not_yet_valid"
  | "replayed"
>;

/** A way for a client to prove that it is itself. A new one is a file here and a line in the list. */
export type ClientAuthenticationMethod = {
  readonly name: ClientAuthenticationName;
  /** Whether the request tries this way, well or badly. */
  isTried(sent: Sent): boolean;
  read(sent: Sent): Claim;
  verify(client: Client, proof: string): Promise<ProofFault | null>;
};
