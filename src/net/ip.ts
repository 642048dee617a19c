/**
 * IP addresses as numbers: every spelling that some resolver or library takes for an address, and networks in CIDR form.
 *
 * IPv4 is read as inet_aton reads it, because getaddrinfo does: one to four parts, each decimal, octal (0…) or hexadecimal
 * (0x…), the last one filling the bytes that are left. "2130706433", "0x7f.1" and "0177.0.0.1" are all 127.0.0.1.
 */
import { isIPv6 } from "node:net";

export interface IpAddress {
  family: 4 | 6;
  value: bigint;
}

export interface Network {
  family: 4 | 6;
  first: bigint;
  prefix: number;
}

/** The address that `text` spells, brackets and zone of IPv6 left out; undefined when it is a name. */
export function parseIp(text: string): IpAddress | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  if (isIPv6(bare)) return { family: 6, value: parseIpv6(bare) };
  const value = parseIpv4(bare.replace(/\.$/, ""));
  return value === undefined ? undefined : { family: 4, value };
}

function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  const numbers = parts.map(parsePart);
  const last = numbers.pop();
  if (last === undefined || numbers.some((number) => number === undefined || number > 255n)) return undefined;
  const bitsLeft = BigInt(8 * (4 - numbers.length));
  if (last >= 1n << bitsLeft) return undefined;
  return numbers.reduce<bigint>((sum, number, index) => sum + ((number ?? 0n) << BigInt(24 - 8 * index)), last);
}

function parsePart(part: string): bigint | undefined {
  if (/^0x[0-9a-f]*$/i.test(part)) return BigInt(part.length === 2 ? "0" : part);
  if (/^0[0-7]*$/.test(part)) return BigInt(`0o${part}`);
  return /^[1-9]\d*$/.test(part) ? BigInt(part) : undefined;
}

/** `text` is an IPv6 address without zone. */
function parseIpv6(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => 0n);
  return [...front, ...zeros, ...back].reduce((sum, group) => (sum << 16n) | group, 0n);
}

function groupsOf(text: string): bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    const dotted = group.includes(".") ? parseIpv4(group) : undefined;
    return dotted === undefined ? [BigInt(`0x${group}`)] : [dotted >> 16n, dotted & 0xffffn];
  });
}

/** "10.0.0.0/8", "fd00::/8", or one address; undefined when it is neither, or has bits set below its prefix. */
export function parseNetwork(text: string): Network | undefined {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim());
  const address = parseIp(match?.[1] ?? "");
  if (!address) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  const prefix = match?.[2] === undefined ? bits : Number(match[2]);
  if (prefix > bits) return undefined;
  const network = { family: address.family, first: address.value, prefix };
  return address.value === maskOf(network) ? network : undefined;
}

export function isWithin(address: IpAddress, network: Network): boolean {
  return address.family === network.family && maskOf({ ...network, first: address.value }) === network.first;
}

function maskOf({ family, first, prefix }: Network): bigint {
  const shift = BigInt((family === 4 ? 32 : 128) - prefix);
  return (first >> shift) << shift;
}

/** 96 bits of ::ffff:0:0. */
const MAPPED = 0xffff_0000_0000n;

/** The IPv4 address that an IPv4-mapped IPv6 address stands for; other addresses as they are. */
export function unmapped(address: IpAddress): IpAddress {
  if (address.family === 4 || address.value >> 32n !== MAPPED >> 32n) return address;
  return { family: 4, value: address.value & 0xffff_ffffn };
}
