/**
 * ClientHello messages of SSL 3.0 to TLS 1.2, written by hand: they may offer what no library offers any more.
 *
 * Sources: RFC 6101 section 5.6.1, RFC 5246 section 7.4.1, RFC 8422 section 5.1, RFC 6066 section 3, RFC 7301.
 */
import { randomBytes } from "node:crypto";

export const OLD_VERSIONS = { SSLv3: 0x0300, TLSv1: 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303 } as const;
export type OldVersion = keyof typeof OLD_VERSIONS;
export const OLD_VERSION_NAMES = ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"] as const;

export interface Offer {
  version: OldVersion;
  /** Codes of suites. */
  suites: readonly number[];
  /** Codes of groups for elliptic curves. Default: the usual ones and every small one. */
  groups?: readonly number[] | undefined;
  serverName?: string | undefined;
}

/** Curves below 256 bits, by their code. */
export const SMALL_CURVES: ReadonlyMap<number, string> = new Map([
  [1, "sect163k1"],
  [2, "sect163r1"],
  [3, "sect163r2"],
  [4, "sect193r1"],
  [5, "sect193r2"],
  [6, "sect233k1"],
  [7, "sect233r1"],
  [8, "sect239k1"],
  [15, "secp160k1"],
  [16, "secp160r1"],
  [17, "secp160r2"],
  [18, "secp192k1"],
  [19, "secp192r1"],
  [20, "secp224k1"],
  [21, "secp224r1"],
]);

/** X25519, the NIST and Brainpool curves, secp256k1, X448. */
export const USUAL_CURVES = [29, 23, 24, 25, 26, 27, 28, 22, 30, 9, 10, 11, 12, 13, 14] as const;

const RECORD_HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Says that renegotiation is safe, as a suite; old servers stumble over the extension. */
const RENEGOTIATION_SCSV = 0x00ff;

const EXTENSION = { serverName: 0, groups: 10, pointFormats: 11, signatures: 13 };

/** Hash and signature pairs of TLS 1.2, SHA-1 and MD5 included, and those of TLS 1.3 that it may use. */
const SIGNATURES = [
  0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
  0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0302, 0x0202, 0x0101,
];

/** The record that begins a handshake. */
export function clientHello(offer: Offer): Buffer {
  const version = OLD_VERSIONS[offer.version];
  const body = Buffer.concat([
    uint16(version),
    randomBytes(32),
    Buffer.from([0]),
    vector16([...offer.suites, RENEGOTIATION_SCSV].map(uint16)),
    Buffer.from([1, 0]),
    offer.version === "SSLv3" ? Buffer.alloc(0) : extensions(offer),
  ]);
  const handshake = Buffer.concat([Buffer.from([CLIENT_HELLO, 0]), uint16(body.length), body]);
  // Records of a first message say TLS 1.0, which every later server accepts there.
  const record = Math.min(version, OLD_VERSIONS.TLSv1);
  return Buffer.concat([Buffer.from([RECORD_HANDSHAKE]), uint16(record), uint16(handshake.length), handshake]);
}

function extensions({ version, groups = [...USUAL_CURVES, ...SMALL_CURVES.keys()], serverName }: Offer): Buffer {
  const list = [
    ...(serverName === undefined ? [] : [extension(EXTENSION.serverName, nameList(serverName))]),
    extension(EXTENSION.groups, vector16(groups.map(uint16))),
    extension(EXTENSION.pointFormats, Buffer.from([3, 0, 1, 2])),
    ...(version === "TLSv1.2" ? [extension(EXTENSION.signatures, vector16(SIGNATURES.map(uint16)))] : []),
  ];
  return vector16(list);
}

function nameList(name: string): Buffer {
  const bytes = Buffer.from(name, "latin1");
  return vector16([Buffer.from([0]), uint16(bytes.length), bytes]);
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([uint16(type), uint16(content.length), content]);
}

/** The parts, with their length before them. */
function vector16(parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([uint16(content.length), content]);
}

function uint16(value: number): Buffer {
  return Buffer.from([(value >> 8) & 0xff, value & 0xff]);
}
