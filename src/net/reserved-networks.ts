/**
 * Networks and names that lead into somebody's inside, or nowhere, with the word for each that a refusal uses.
 *
 * IPv6 is the other way round: only 2000::/3 is given out, so everything else is refused, and the list holds what is
 * special within it and what deserves its own word.
 *
 * Sources: RFC 6890 and the IANA registries of special-purpose addresses for IPv4 and IPv6 that continue it; RFC 6052
 * and RFC 8215 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo), RFC 4291 (compatible and mapped), RFC 9637, RFC 9602.
 */
import { type IpAddress, isWithin, type Network, parseIp, parseNetwork } from "./ip.ts";

const RESERVED: readonly (readonly [network: string, is: string])[] = [
  ["0.0.0.0/8", "this host"],
  ["10.0.0.0/8", "private"],
  ["100.64.0.0/10", "shared by a carrier"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local"],
  ["172.16.0.0/12", "private"],
  ["192.0.0.0/24", "reserved for protocols"],
  ["192.0.2.0/24", "documentation"],
  ["192.31.196.0/24", "AS112"],
  ["192.52.193.0/24", "multicast tunnelling"],
  ["192.88.99.0/24", "6to4 relay"],
  ["192.168.0.0/16", "private"],
  ["192.175.48.0/24", "AS112"],
  ["198.18.0.0/15", "benchmarking"],
  ["198.51.100.0/24", "documentation"],
  ["203.0.113.0/24", "documentation"],
  ["224.0.0.0/4", "multicast"],
  ["255.255.255.255/32", "broadcast"],
  ["240.0.0.0/4", "reserved"],
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["::ffff:0:0/96", "IPv4-mapped"],
  ["::ffff:0:0:0/96", "IPv4-translated"],
  ["::/96", "IPv4-compatible"],
  ["64:ff9b::/96", "NAT64"],
  ["64:ff9b:1::/48", "NAT64"],
  ["100::/64", "discard"],
  ["2001::/32", "Teredo"],
  ["2001::/23", "reserved for protocols"],
  ["2001:db8::/32", "documentation"],
  ["2002::/16", "6to4"],
  ["2620:4f:8000::/48", "AS112"],
  ["3fff::/20", "documentation"],
  ["5f00::/16", "segment routing"],
  ["fc00::/7", "unique local"],
  ["fe80::/10", "link-local"],
  ["fec0::/10", "site-local"],
  ["ff00::/8", "multicast"],
];

/** Where clouds answer questions about the machine, credentials included. Some of these addresses are public. */
const METADATA = [
  "169.254.169.254",
  "169.254.170.2",
  "169.254.170.23",
  "100.100.100.200",
  "192.0.0.192",
  "168.63.129.16",
]
  .concat(["fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"])
  .map((text) => parseIp(text));

const METADATA_NAMES = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "metadata.tencentyun.com",
  "metadata.packet.net",
  "metadata.platformequinix.com",
  "instance-data",
  "instance-data.ec2.internal",
]);

const LOCAL_NAMES = new Set(["localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "broadcasthost"]);

const networks = RESERVED.flatMap(([text, is]) => {
  const network = parseNetwork(text);
  return network ? [{ network, is }] : [];
});
const GLOBAL_IPV6: Network = { family: 6, first: 0x2000n << 112n, prefix: 3 };

/** What an address is when it is not a public one ("loopback", "private"); undefined for public addresses. */
export function reservedAs(address: IpAddress): string | undefined {
  if (isMetadataAddress(address)) return "a cloud's metadata service";
  const found = networks.find(({ network }) => isWithin(address, network));
  if (found) return found.is;
  return address.family === 6 && !isWithin(address, GLOBAL_IPV6) ? "not a public address" : undefined;
}

export function isMetadataAddress({ family, value }: IpAddress): boolean {
  return METADATA.some((metadata) => metadata?.family === family && metadata.value === value);
}

/** `name` in lower case, without a dot at its end. */
export function isMetadataName(name: string): boolean {
  return METADATA_NAMES.has(name);
}

/** Names that mean this machine wherever they are asked. */
export function isLocalName(name: string): boolean {
  return LOCAL_NAMES.has(name) || name.endsWith(".localhost");
}
