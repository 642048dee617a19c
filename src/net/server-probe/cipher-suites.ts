/**
 * The cipher suites of SSL 3.0 to TLS 1.2, with what is wrong with each.
 *
 * Node's own TLS library was built without most of the bad ones, so it cannot ask a server for them; this list is what
 * our ClientHello offers. Codes run in the order in which the registry gave them out: by blocks of key exchanges under one
 * cipher, or of ciphers under one key exchange. What a suite lacks is read from its name.
 *
 * Sources: IANA registry "TLS Cipher Suites"; RFC 6101 (SSL 3.0), draft-ietf-tls-56-bit-ciphersuites (0x0060 to 0x0066).
 */
export interface CipherSuite {
  /** Two bytes of the registry: 0xc02f. */
  code: number;
  /** "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256". */
  name: string;
}

const SIX = ["RSA", "DH_DSS", "DH_RSA", "DHE_DSS", "DHE_RSA", "DH_anon"];
const SIX_OF_GCM = ["RSA", "DHE_RSA", "DH_RSA", "DHE_DSS", "DH_DSS", "DH_anon"];
const ECDH = ["ECDH_ECDSA", "ECDHE_ECDSA", "ECDH_RSA", "ECDHE_RSA", "ECDH_anon"];
const SIGNED_ECDH = ["ECDHE_ECDSA", "ECDH_ECDSA", "ECDHE_RSA", "ECDH_RSA"];
const PSK = ["PSK", "DHE_PSK", "RSA_PSK"];

/** A run of codes: under each key exchange all ciphers. */
function perExchange(first: number, exchanges: readonly string[], ciphers: readonly string[]): CipherSuite[] {
  const names = exchanges.flatMap((exchange) => ciphers.map((cipher) => `TLS_${exchange}_WITH_${cipher}`));
  return numbered(first, names);
}

/** A run of codes: for each cipher all key exchanges. */
function perCipher(first: number, ciphers: readonly string[], exchanges: readonly string[]): CipherSuite[] {
  const names = ciphers.flatMap((cipher) => exchanges.map((exchange) => `TLS_${exchange}_WITH_${cipher}`));
  return numbered(first, names);
}

function numbered(first: number, names: readonly string[]): CipherSuite[] {
  return names.map((name, index) => ({ code: first + index, name }));
}

const named = (first: number, names: readonly string[]) =>
  numbered(
    first,
    names.map((name) => `TLS_${name}`),
  );

const DES_LADDER = ["EXPORT_WITH_DES40_CBC_SHA", "WITH_DES_CBC_SHA", "WITH_3DES_EDE_CBC_SHA"];

/** Every suite below TLS 1.3, by code. TLS_NULL_WITH_NULL_NULL is left out: it is the state before a handshake. */
export const CIPHER_SUITES: readonly CipherSuite[] = [
  ...named(0x0001, [
    "RSA_WITH_NULL_MD5",
    "RSA_WITH_NULL_SHA",
    "RSA_EXPORT_WITH_RC4_40_MD5",
    "RSA_WITH_RC4_128_MD5",
    "RSA_WITH_RC4_128_SHA",
    "RSA_EXPORT_WITH_RC2_CBC_40_MD5",
    "RSA_WITH_IDEA_CBC_SHA",
    ...["RSA", "DH_DSS", "DH_RSA", "DHE_DSS", "DHE_RSA"].flatMap((key) => DES_LADDER.map((rest) => `${key}_${rest}`)),
    "DH_anon_EXPORT_WITH_RC4_40_MD5",
    "DH_anon_WITH_RC4_128_MD5",
    ...DES_LADDER.map((rest) => `DH_anon_${rest}`),
  ]),
  ...perCipher(
    0x001e,
    ["SHA", "MD5"].flatMap((hash) =>
      ["DES_CBC", "3DES_EDE_CBC", "RC4_128", "IDEA_CBC"].map((cipher) => `${cipher}_${hash}`),
    ),
    ["KRB5"],
  ),
  ...perCipher(
    0x0026,
    ["SHA", "MD5"].flatMap((hash) => ["DES_CBC_40", "RC2_CBC_40", "RC4_40"].map((cipher) => `${cipher}_${hash}`)),
    ["KRB5_EXPORT"],
  ),
  ...perExchange(0x002c, PSK, ["NULL_SHA"]),
  ...perCipher(0x002f, ["AES_128_CBC_SHA", "AES_256_CBC_SHA"], SIX),
  ...perExchange(0x003b, ["RSA"], ["NULL_SHA256", "AES_128_CBC_SHA256", "AES_256_CBC_SHA256"]),
  ...perExchange(0x003e, ["DH_DSS", "DH_RSA", "DHE_DSS"], ["AES_128_CBC_SHA256"]),
  ...perExchange(0x0041, SIX, ["CAMELLIA_128_CBC_SHA"]),
  ...named(0x0060, [
    "RSA_EXPORT1024_WITH_RC4_56_MD5",
    "RSA_EXPORT1024_WITH_RC2_CBC_56_MD5",
    "RSA_EXPORT1024_WITH_DES_CBC_SHA",
    "DHE_DSS_EXPORT1024_WITH_DES_CBC_SHA",
    "RSA_EXPORT1024_WITH_RC4_56_SHA",
    "DHE_DSS_EXPORT1024_WITH_RC4_56_SHA",
    "DHE_DSS_WITH_RC4_128_SHA",
    "DHE_RSA_WITH_AES_128_CBC_SHA256",
  ]),
  ...perExchange(0x0068, ["DH_DSS", "DH_RSA", "DHE_DSS", "DHE_RSA"], ["AES_256_CBC_SHA256"]),
  ...perExchange(0x006c, ["DH_anon"], ["AES_128_CBC_SHA256", "AES_256_CBC_SHA256"]),
  ...perExchange(0x0084, SIX, ["CAMELLIA_256_CBC_SHA"]),
  ...perExchange(0x008a, PSK, ["RC4_128_SHA", "3DES_EDE_CBC_SHA", "AES_128_CBC_SHA", "AES_256_CBC_SHA"]),
  ...perExchange(0x0096, SIX, ["SEED_CBC_SHA"]),
  ...perExchange(0x009c, [...SIX_OF_GCM, ...PSK], ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384"]),
  ...perExchange(0x00ae, PSK, ["AES_128_CBC_SHA256", "AES_256_CBC_SHA384", "NULL_SHA256", "NULL_SHA384"]),
  ...perCipher(0x00ba, ["CAMELLIA_128_CBC_SHA256", "CAMELLIA_256_CBC_SHA256"], SIX),
  ...perExchange(0xc001, ECDH, ["NULL_SHA", "RC4_128_SHA", "3DES_EDE_CBC_SHA", "AES_128_CBC_SHA", "AES_256_CBC_SHA"]),
  ...perCipher(
    0xc01a,
    ["3DES_EDE_CBC_SHA", "AES_128_CBC_SHA", "AES_256_CBC_SHA"],
    ["SRP_SHA", "SRP_SHA_RSA", "SRP_SHA_DSS"],
  ),
  ...perExchange(0xc023, SIGNED_ECDH, ["AES_128_CBC_SHA256", "AES_256_CBC_SHA384"]),
  ...perExchange(0xc02b, SIGNED_ECDH, ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384"]),
  ...perExchange(
    0xc033,
    ["ECDHE_PSK"],
    [
      "RC4_128_SHA",
      "3DES_EDE_CBC_SHA",
      "AES_128_CBC_SHA",
      "AES_256_CBC_SHA",
      "AES_128_CBC_SHA256",
      "AES_256_CBC_SHA384",
      "NULL_SHA",
      "NULL_SHA256",
      "NULL_SHA384",
    ],
  ),
  ...perExchange(0xc03c, [...SIX, ...SIGNED_ECDH], ["ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384"]),
  ...perExchange(0xc050, [...SIX_OF_GCM, ...SIGNED_ECDH], ["ARIA_128_GCM_SHA256", "ARIA_256_GCM_SHA384"]),
  ...perExchange(0xc064, PSK, ["ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384"]),
  ...perExchange(0xc06a, PSK, ["ARIA_128_GCM_SHA256", "ARIA_256_GCM_SHA384"]),
  ...perExchange(0xc070, ["ECDHE_PSK"], ["ARIA_128_CBC_SHA256", "ARIA_256_CBC_SHA384"]),
  ...perExchange(0xc072, SIGNED_ECDH, ["CAMELLIA_128_CBC_SHA256", "CAMELLIA_256_CBC_SHA384"]),
  ...perExchange(
    0xc07a,
    [...SIX_OF_GCM, ...SIGNED_ECDH, ...PSK],
    ["CAMELLIA_128_GCM_SHA256", "CAMELLIA_256_GCM_SHA384"],
  ),
  ...perExchange(0xc094, [...PSK, "ECDHE_PSK"], ["CAMELLIA_128_CBC_SHA256", "CAMELLIA_256_CBC_SHA384"]),
  ...perExchange(0xc09c, ["RSA", "DHE_RSA"], ["AES_128_CCM", "AES_256_CCM"]),
  ...perExchange(0xc0a0, ["RSA", "DHE_RSA"], ["AES_128_CCM_8", "AES_256_CCM_8"]),
  ...perExchange(0xc0a4, ["PSK", "DHE_PSK"], ["AES_128_CCM", "AES_256_CCM"]),
  ...perExchange(0xc0a8, ["PSK", "PSK_DHE"], ["AES_128_CCM_8", "AES_256_CCM_8"]),
  ...perExchange(0xc0ac, ["ECDHE_ECDSA"], ["AES_128_CCM", "AES_256_CCM", "AES_128_CCM_8", "AES_256_CCM_8"]),
  ...perExchange(
    0xcca8,
    ["ECDHE_RSA", "ECDHE_ECDSA", "DHE_RSA", "PSK", "ECDHE_PSK", "DHE_PSK", "RSA_PSK"],
    ["CHACHA20_POLY1305_SHA256"],
  ),
  ...perExchange(0xd001, ["ECDHE_PSK"], ["AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "AES_128_CCM_8_SHA256"]),
  ...perExchange(0xd005, ["ECDHE_PSK"], ["AES_128_CCM_SHA256"]),
  ...named(0xfefe, ["RSA_FIPS_WITH_DES_CBC_SHA", "RSA_FIPS_WITH_3DES_EDE_CBC_SHA"]),
];

const BY_CODE = new Map(CIPHER_SUITES.map((suite) => [suite.code, suite]));

/** The suite of a code; undefined: none below TLS 1.3 has it. */
export function suiteOf(code: number): CipherSuite | undefined {
  return BY_CODE.get(code);
}

/** Suites that exist only since TLS 1.2: their hash is part of the handshake. */
export function isSince12({ name }: CipherSuite): boolean {
  return /_(SHA256|SHA384|CCM|CCM_8)$/.test(name);
}

export function usesEllipticCurves({ name }: CipherSuite): boolean {
  return /^TLS_ECDH/.test(name);
}

/** Diffie-Hellman over a group that the server sends along. */
export function usesSentGroup({ name }: CipherSuite): boolean {
  return /^TLS_(DHE_(RSA|DSS)|DH_anon)_/.test(name);
}

/** No certificate, or no encryption: whoever is on the way can read and change everything. */
export function isOpen(name: string): boolean {
  return /_anon_|_WITH_NULL_/.test(name);
}

/** The cipher or hash that is broken: "RC4", "3DES"; undefined: none. */
export function brokenPart(name: string): string | undefined {
  if (/_EXPORT(1024)?_/.test(name)) return "EXPORT";
  return /3DES|DES|RC4|RC2|IDEA|SEED|MD5/.exec(name.replace("FIPS", ""))?.[0];
}

/** Whether a key that is stolen later opens what was recorded today. */
export function lacksForwardSecrecy(name: string): boolean {
  return !/^TLS_((EC)?DHE_|(EC)?DH_anon_|PSK_DHE_|SRP_|(AES|CHACHA20)_)/.test(name);
}
