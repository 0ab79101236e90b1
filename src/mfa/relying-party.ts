/** Who passkeys are made for, and where they may be used (WebAuthn L3 §5.11). */
export type RelyingParty = {
  readonly rpId: string;
  readonly origins: readonly string[];
  /** Models of authenticators that may be registered; empty: any. */
  readonly allowedAaguids: readonly string[];
};

type Settings = {
  readonly issuer: string;
  readonly rpId: string | undefined;
  readonly origins: readonly string[];
  readonly aaguids: readonly string[];
};

type Fault = {
  readonly ok: false;
  readonly setting: "rpId" | "origins" | "aaguids";
  readonly reason: string;
};

/** Browsers ask for a file of related origins that is short; more than this is a mistake. */
const originsMax = 20;

/** Answers what is wrong as the end of a sentence that begins with the variable's name, without its value. */
export function parseRelyingParty({
  issuer,
  rpId,
  origins,
  aaguids,
}: Settings): ({ ok: true } & { party: RelyingParty }) | Fault {
  const fault = (setting: Fault["setting"], reason: string): Fault => ({ ok: false, setting, reason });
  if (origins.length > originsMax) return fault("origins", `must hold at most ${originsMax} origins`);
  for (const origin of origins) {
    const url = URL.canParse(origin) ? new URL(origin) : null;
    if (url?.origin !== origin)
      return fault("origins", "must hold origins like https://auth.example.com, without path or slash");
    if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal(url.hostname)))
      return fault("origins", "must hold https origins only, except on localhost");
  }
  if (!aaguids.every((text) => /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)))
    return fault("aaguids", "must hold UUIDs: 8, 4, 4, 4 and 12 hexadecimal digits with - between them");

  const accepted = origins.length === 0 ? [issuer] : [...new Set(origins)];
  const issuerHost = new URL(issuer).hostname;
  if (rpId !== undefined) {
    if (!isDomain(rpId))
      return fault("rpId", "must be a host name in lower case, neither an address nor a top-level domain");
    const hosts = accepted.map((origin) => new URL(origin).hostname);
    if (!isWithin(issuerHost, rpId) && !hosts.every((host) => isWithin(host, rpId)))
      return fault("rpId", "must be the issuer's host, or a domain above it or above every passkey origin");
  }
  const allowedAaguids = aaguids.map((text) => text.toLowerCase());
  return { ok: true, party: { rpId: rpId ?? issuerHost, origins: accepted, allowedAaguids } };
}

const isLocal = (host: string): boolean => host === "localhost" || host.endsWith(".localhost");

/** Browsers refuse addresses and public suffixes (WebAuthn L3 §5.1.3); of the suffixes only those of one label are known here. */
const isDomain = (host: string): boolean =>
  isLocal(host) ||
  (host.length <= 253 &&
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(host));

const isWithin = (host: string, domain: string): boolean => host === domain || host.endsWith(`.${domain}`);
