import { type CodeGrantRooms, createCodeGrant } from "./authorization-code.ts";
import { clientCredentials } from "./client-credentials.ts";
import type { GrantType } from "./grant.ts";
import { jwtBearer } from "./jwt-bearer.ts";
import { createRefreshGrant, type RefreshGrantRooms } from "./refresh-token.ts";
import { tokenExchange } from "./token-exchange.ts";

/** Every way to come by tokens at the token endpoint. */
export const grantTypes = (
  rooms: Parameters<typeof clientCredentials>[0] &
    CodeGrantRooms &
    RefreshGrantRooms &
    Parameters<typeof tokenExchange>[0] &
    Parameters<typeof jwtBearer>[0],
): readonly GrantType[] => [
  createCodeGrant(rooms),
  createRefreshGrant(rooms),
  clientCredentials(rooms),
  tokenExchange(rooms),
  jwtBearer(rooms),
];
