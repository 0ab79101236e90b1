import { type CodeGrantRooms, createCodeGrant } from "./authorization-code.ts";
import { clientCredentials } from "./client-credentials.ts";
import type { GrantType } from "./grant.ts";
import { createRefreshGrant, type RefreshGrantRooms } from "./refresh-token.ts";

/** Every way to come by tokens at the token endpoint. */
export const grantTypes = (
  rooms: Parameters<typeof clientCredentials>[0] & CodeGrantRooms & RefreshGrantRooms,
): readonly GrantType[] => [createCodeGrant(rooms), createRefreshGrant(rooms), clientCredentials(rooms)];
