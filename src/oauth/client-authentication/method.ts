import type { AssertionFault } from "../assertions.ts";
import type { Client, ClientAuthenticationName } from "../client.ts";
import type { Parameters } from "../parameters.ts";

/** Where a client may say who it is. */
export type Sent = { readonly authorization: string | null; readonly parameters: Parameters };

/** Who it says it is, and by what. Null: what came cannot be read. */
export type Claim = { readonly clientId: string; readonly proof: string } | null;

export type ProofFault = AssertionFault | "wrong_secret";

/** A way for a client to prove that it is itself. A new one is a file here and a line in the list. */
export type ClientAuthenticationMethod = {
  readonly name: ClientAuthenticationName;
  /** Whether the request tries this way, well or badly. */
  isTried(sent: Sent): boolean;
  read(sent: Sent): Claim;
  /** Null: proved. */
  verify(client: Client, proof: string): Promise<ProofFault | null>;
};
