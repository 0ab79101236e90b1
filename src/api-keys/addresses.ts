import ipaddr from "ipaddr.js";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** The canonical CIDR of an address or a range; null when it is neither. `10` or `10.1/16` are refused as ambiguous. */
export function parseRange(text: string): string | null {
  const [host = "", length, ...rest] = text.split("/");
  if (text.length > 64 || rest.length > 0 || !/^\d{1,3}$/.test(length ?? "0")) return null;
  const read = readAddress(host);
  if (!read) return null;
  const bits = read.kind() === "ipv6" ? 128 : 32;
  const bitsKept = length === undefined ? bits : Number(length);
  if (bitsKept > bits) return null;
  // Below 96 a range holds more than IPv4-mapped addresses, and stays one of IPv6.
  return isMapped(read) && bitsKept >= 96
    ? `${read.toIPv4Address().toString()}/${bitsKept - 96}`
    : `${read.toString()}/${bitsKept}`;
}

/** One spelling, one address: no octal, hexadecimal or shortened IPv4, no zone, and not the retired `::192.0.2.1`. */
function readAddress(text: string): Address | null {
  if (!text.includes(":")) return ipaddr.IPv4.isValidFourPartDecimal(text) ? ipaddr.IPv4.parse(text) : null;
  const tailAt = text.lastIndexOf(":") + 1;
  const tail = text.slice(tailAt);
  const isMixed = tail.includes(".");
  if (isMixed && (text.slice(0, tailAt) === "::" || !ipaddr.IPv4.isValidFourPartDecimal(tail))) return null;
  return !text.includes("%") && ipaddr.IPv6.isValid(text) ? ipaddr.IPv6.parse(text) : null;
}

/** IPv4-mapped IPv6 addresses are the IPv4 address they carry (RFC 4291 §2.5.5.2): both spellings are one caller. */
const isMapped = (address: Address): address is ipaddr.IPv6 =>
  address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress();

/** No ranges: every address may. An address that cannot be read may not. */
export function isAddressAllowed(address: string, ranges: readonly string[]): boolean {
  if (ranges.length === 0) return true;
  const read = readAddress(address);
  if (!read) return false;
  const caller = isMapped(read) ? read.toIPv4Address() : read;
  return ranges.some((range) => {
    const [network, length] = ipaddr.parseCIDR(range);
    return network.kind() === caller.kind() && caller.match([network, length]);
  });
}

/** What limits count as one caller: an IPv4 address, or the /64 that every IPv6 host has to itself. */
export function networkOf(address: string): string {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(address)) return address;
  const read = readAddress(address);
  if (!read) return "unknown";
  if (isMapped(read)) return read.toIPv4Address().toString();
  return read instanceof ipaddr.IPv6
    ? `${read.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(":")}::/64`
    : read.toString();
}

/**
 * The address that limits and allow-lists speak of: what the edge saw, or, when that is a proxy the operator named,
 * the nearest address before it in X-Forwarded-For that is not one.
 */
export function callerAddress(headers: Headers, trustedProxies: readonly string[]): string {
  const connecting = headers.get("cf-connecting-ip") ?? "unknown";
  if (trustedProxies.length === 0 || !isAddressAllowed(connecting, trustedProxies)) return connecting;
  const chain = (headers.get("x-forwarded-for") ?? "").split(",").map((one) => one.trim());
  return (
    chain.findLast((one) => one !== "" && one !== connecting && !isAddressAllowed(one, trustedProxies)) ??
    connecting
  );
}
