import { createRedemption, type RedemptionRooms } from "../redemption.ts";
import { authorizationCode } from "./authorization-code.ts";
import { clientCredentials } from "./client-credentials.ts";
import { deviceCode } from "./device-code.ts";
import type { GrantType } from "./grant.ts";
import { jwtBearer } from "./jwt-bearer.ts";
import { createRefreshGrant, type RefreshGrantRooms } from "./refresh-token.ts";
import { tokenExchange } from "./token-exchange.ts";

/** Every way to come by tokens at the token endpoint. */
export const grantTypes = (
  rooms: Parameters<typeof clientCredentials>[0] &
    RedemptionRooms &
    RefreshGrantRooms &
    Parameters<typeof tokenExchange>[0] &
    Parameters<typeof jwtBearer>[0] &
    Omit<Parameters<typeof deviceCode>[0], "redemption">,
): readonly GrantType[] => {
  const redemption = createRedemption(rooms);
  return [
    authorizationCode({ redemption }),
    deviceCode({ ...rooms, redemption }),
    createRefreshGrant(rooms),
    clientCredentials(rooms),
    tokenExchange(rooms),
    jwtBearer(rooms),
  ];
};
