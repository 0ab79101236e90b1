import type { BackDoorVisit } from "../authenticate-client.ts";
import type { Client, GrantTypeName } from "../client.ts";
import type { Parameters } from "../parameters.ts";

/** What a client asks tokens for, once it has proved itself and is registered for the grant. */
export type TokenRequest = {
  readonly client: Client;
  readonly parameters: Parameters;
  readonly visit: BackDoorVisit;
};

/** RFC 6749 §5.1. */
export type TokenAnswer = {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly scopes: readonly string[];
  readonly refreshToken?: string | null;
  readonly idToken?: string | null;
  /** RFC 8693 §2.2.1. */
  readonly issuedTokenType?: string;
};

/** A way to come by tokens. A new one is a file here and a line in the list. */
export type GrantType = {
  readonly name: GrantTypeName;
  /** Throws the error word of the RFC. */
  exchange(request: TokenRequest): Promise<TokenAnswer>;
};
