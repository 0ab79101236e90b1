import { clientCredentials } from "./client-credentials.ts";
import type { GrantType } from "./grant.ts";

/** Every way to come by tokens at the token endpoint. */
export const grantTypes = (rooms: Parameters<typeof clientCredentials>[0]): readonly GrantType[] => [
  clientCredentials(rooms),
];
