import ipaddr from "ipaddr.js";

/** The canonical CIDR of an address or a range; null when it is neither. `10` or `10.1/16` are refused as ambiguous. */
export function parseRange(text: string): string | null {
  const [host = "", length = host.includes(":") ? "128" : "32", ...rest] = text.split("/");
  if (text.length > 64 || rest.length > 0 || !/^\d{1,3}$/.test(length)) return null;
  const range = `${host}/${Number(length)}`;
  if (host.includes(":"))
    return ipaddr.IPv6.isValidCIDR(range) ? canonical(ipaddr.IPv6.parseCIDR(range)) : null;
  if (!ipaddr.IPv4.isValidFourPartDecimal(host)) return null;
  return ipaddr.IPv4.isValidCIDR(range) ? canonical(ipaddr.IPv4.parseCIDR(range)) : null;
}

const canonical = ([address, length]: [ipaddr.IPv4 | ipaddr.IPv6, number]): string =>
  `${address.toString()}/${length}`;

/** IPv4-mapped IPv6 addresses are the IPv4 address they carry (RFC 4291 §2.5.5.2): both spellings are one caller. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  return ipaddr.isValid(text) ? ipaddr.process(text) : null;
}

/** No ranges: every address may. An address that cannot be read may not. */
export function isAddressAllowed(address: string, ranges: readonly string[]): boolean {
  if (ranges.length === 0) return true;
  const caller = parseAddress(address);
  if (!caller) return false;
  return ranges.some((range) => {
    const [network, length] = ipaddr.parseCIDR(range);
    return network.kind() === caller.kind() && caller.match([network, length]);
  });
}
