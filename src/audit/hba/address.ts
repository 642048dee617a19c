/**
 * The address column of pg_hba.conf: what it spells, how it is written in one way, and what part of the world it admits.
 *
 * An address admits IPv4 and IPv6 clients by separate parts, for neither family ever covers the other. Part A covers part B
 * when every client that B admits is admitted by A, whatever interfaces and name servers there are.
 */
import { parseIp } from "../../net/ip.ts";
import type { HbaAddress, HbaRule } from "./hba.ts";

/** What getaddrinfo takes for a number: one to four parts, decimal, octal or hexadecimal. */
const IPV4 = /^(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}$/i;

interface Numeric {
  family: 4 | 6;
  value: bigint;
}

/** The address that the server's resolver takes `text` for; undefined when it is a name to it. */
export function numericAddress(text: string): Numeric | undefined {
  // Brackets belong to URLs; the server takes what is in them for a name.
  return IPV4.test(text) || (text.includes(":") && !text.startsWith("[")) ? parseIp(text) : undefined;
}

const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);
const allOnes = (family: 4 | 6): bigint => (1n << BigInt(bitsOf(family))) - 1n;

/** The mask of a prefix: 24 -> 255.255.255.0. */
export function maskOfPrefix(family: 4 | 6, prefix: number): bigint {
  return allOnes(family) ^ ((1n << BigInt(bitsOf(family) - prefix)) - 1n);
}

/** Prefix length as strtol reads it, sign and blanks in front included; undefined when the server refuses it. */
export function prefixOf(text: string, family: 4 | 6): number | undefined {
  const match = /^[ \t\n\v\f\r]*([+-]?\d+)$/.exec(text);
  const prefix = match === null ? Number.NaN : Number(match[1]);
  return prefix >= 0 && prefix <= bitsOf(family) ? prefix : undefined;
}

/** A network of an address and a mask that may have gaps; bits of the address outside the mask do not count. */
export function networkAddress({ family, value }: Numeric, mask: bigint): HbaAddress {
  const prefix = leadingOnes(family, mask);
  const isPlain = mask === maskOfPrefix(family, prefix);
  const shown = formatIp({ family, value });
  return {
    kind: "network",
    network: { family, first: value & mask, prefix },
    mask,
    text: isPlain ? `${shown}/${prefix}` : `${shown} ${formatIp({ family, value: mask })}`,
  };
}

function leadingOnes(family: 4 | 6, mask: bigint): number {
  const bits = bitsOf(family);
  const written = mask.toString(2).padStart(bits, "0");
  const zero = written.indexOf("0");
  return zero < 0 ? bits : zero;
}

/** Bits that a client's address has to share with a network: 16 for 10.1.0.0/16. */
export function comparedBits(mask: bigint): number {
  return mask.toString(2).replaceAll("0", "").length;
}

/** An address in the one spelling that everybody knows: the longest run of zeros of IPv6 left out. */
export function formatIp({ family, value }: Numeric): string {
  if (family === 4) return dotted(value);
  if (value >> 32n === 0xffffn) return `::ffff:${dotted(value & 0xffff_ffffn)}`;
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(16 * (7 - index))) & 0xffffn);
  const run = longestZeros(groups);
  const written = groups.map((group) => group.toString(16));
  if (run.length < 2) return written.join(":");
  return `${written.slice(0, run.start).join(":")}::${written.slice(run.start + run.length).join(":")}`;
}

const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");

function longestZeros(groups: readonly bigint[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0n) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end);
  }
  return best;
}

/** As it stands in canonical text. */
export function formatAddress(address: HbaAddress): string {
  if (address.kind === "network") return address.text;
  return address.kind === "name" ? address.name : address.kind;
}

/** Only clients of the server's own machine get in by it. True for local rules. */
export function isLoopback({ address }: Pick<HbaRule, "address">): boolean {
  if (address === undefined || address.kind === "samehost") return true;
  // The server looks the name up both ways, and only its own machine is called so.
  if (address.kind === "name") return address.name.toLowerCase() === "localhost";
  if (address.kind !== "network") return false;
  const { family, first } = address.network;
  const loopback = family === 4 ? { first: 127n << 24n, mask: 0xffn << 24n } : { first: 1n, mask: allOnes(6) };
  return (address.mask & loopback.mask) === loopback.mask && (first & loopback.mask) === loopback.first;
}

/** Every address of the Internet gets in, of one family at least. */
export function isAnywhere({ address }: Pick<HbaRule, "address">): boolean {
  return address?.kind === "all" || (address?.kind === "network" && address.mask === 0n);
}

/** What an address admits of one family. */
export interface AddressPart {
  family: 4 | 6;
  address: HbaAddress;
  /** An IPv4 network as plain numbers: big integers take ten times as long, and rules are compared in pairs. */
  ipv4: { first: number; mask: number } | undefined;
}

/** The parts of an address: one of a network, two of everything else. */
export function partsOf(address: HbaAddress): readonly AddressPart[] {
  if (address.kind === "network") return [{ family: address.network.family, address, ipv4: ipv4Of(address) }];
  return [
    { family: 4, address, ipv4: undefined },
    { family: 6, address, ipv4: undefined },
  ];
}

function ipv4Of(address: HbaAddress): AddressPart["ipv4"] {
  if (address.kind !== "network" || address.network.family !== 4) return undefined;
  return { first: Number(address.network.first), mask: Number(address.mask) };
}

/** Answers whether every client of a part is also admitted by `cover`. */
export function coverer(cover: HbaAddress): (part: AddressPart) => boolean {
  const own = ipv4Of(cover);
  if (own === undefined) return (part) => coversPart(cover, part);
  const { first, mask } = own;
  return ({ family, ipv4 }) => {
    if (mask === 0 || ipv4 === undefined) return mask === 0 && family === 4;
    return (ipv4.mask & mask) >>> 0 === mask && (ipv4.first & mask) >>> 0 === first;
  };
}

function coversPart(cover: HbaAddress, part: AddressPart): boolean {
  if (cover.kind === "all") return true;
  if (cover.kind === "network") return coversByNetwork(cover, part);
  const { address } = part;
  if (cover.kind === "samehost") return address.kind === "samehost";
  if (cover.kind === "samenet") return address.kind === "samenet" || address.kind === "samehost";
  return address.kind === "name" && coversName(cover.name.toLowerCase(), address.name.toLowerCase());
}

function coversByNetwork(cover: HbaAddress & { kind: "network" }, { family, address }: AddressPart): boolean {
  if (cover.network.family !== family) return false;
  if (cover.mask === 0n) return true;
  if (address.kind !== "network") return false;
  if ((address.mask & cover.mask) !== cover.mask) return false;
  return (address.network.first & cover.mask) === cover.network.first;
}

/** `.example.com` covers every name that ends so. */
function coversName(cover: string, name: string): boolean {
  return cover === name || (cover.startsWith(".") && name.endsWith(cover) && name.length > cover.length);
}
