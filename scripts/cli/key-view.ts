import type { KeyShown, LastUse } from "./management-api.ts";
import { fields, listOf, span, table, time } from "./presentation.ts";

export const lastUseOf = ({ still_in_use: use }: { still_in_use: LastUse }): string =>
  use ? `It was last used ${use.at} from ${use.address}.` : "No use of it is on record.";

const ownerOf = ({ owner }: KeyShown): string => `${owner.type}:${owner.id}`;

export const keyTable = (keys: readonly KeyShown[]): string =>
  table(
    ["ID", "NAME", "OWNER", "ENV", "STATUS", "BEGINS", "SCOPES", "EXPIRES", "LAST USED"],
    keys.map((key) => [
      key.id,
      key.name,
      ownerOf(key),
      key.environment,
      key.exposed_at ? `${key.status}, exposed` : key.status,
      key.prefix,
      listOf(key.scopes),
      time(key.expires_at),
      time(key.last_used?.at ?? null),
    ]),
  );

export const keyFields = (key: KeyShown): string =>
  fields({
    id: key.id,
    name: key.name,
    owner: ownerOf(key),
    environment: key.environment,
    status: key.status,
    begins: key.prefix,
    scopes: listOf(key.scopes) || "none",
    "allowed from": listOf(key.allowed_addresses) || "anywhere",
    limits: listOf(key.limits.map((one) => `${one.name}=${one.limit}/${span(one.window_seconds)}`)) || "none",
    metadata: Object.keys(key.metadata).length > 0 ? JSON.stringify(key.metadata) : null,
    replaces: key.replaces,
    "replaced by": key.replaced_by,
    created: `${time(key.created_at)} by ${key.created_by}${key.imported ? " (imported)" : ""}`,
    expires: time(key.expires_at) || "never",
    revoked: key.revoked_at && time(key.revoked_at),
    deleted: key.deleted_at && time(key.deleted_at),
    exposed: key.exposed_at && `${time(key.exposed_at)}: it was seen where no key may be; rotate it`,
    "last used": key.last_used ? `${time(key.last_used.at)} from ${key.last_used.address}` : "never",
  });
