/** Certificate authorities, server and client certificates and revocation lists for tests, in the variants that can be wrong. */
import "reflect-metadata";
import { createPrivateKey, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

x509.cryptoProvider.set(webcrypto);

type SigningAlgorithm = Parameters<typeof x509.X509CertificateGenerator.create>[0]["signingAlgorithm"];

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const rsa = (modulusLength: number) => ({
  name: "RSASSA-PKCS1-v1_5",
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength,
  hash: "SHA-256",
});
const KEYS = { "P-256": ALGORITHM, "RSA-1024": rsa(1024), "RSA-2048": rsa(2048) };
export type KeyKind = keyof typeof KEYS;
const DAY_MS = 86_400_000;

export interface Authority {
  name: string;
  /** Of which kind `keys` are. */
  kind: KeyKind;
  keys: webcrypto.CryptoKeyPair;
  certificate: x509.X509Certificate;
  pem: string;
}

export interface Issued {
  certificate: string;
  key: string;
  serialNumber: string;
}

export interface CertificateRequest {
  commonName: string;
  /** DNS names and IP addresses. */
  names?: string[];
  /** Days from now; negative has expired. */
  days?: number;
  /** Days from now at which it begins; default: a day ago. */
  from?: number;
  usage?: "server" | "client";
  key?: KeyKind;
  /** Of the signature. Default SHA-256. */
  hash?: "SHA-1" | "SHA-256";
  /** Signed by itself, and an authority as well: what `openssl req -x509` makes. */
  isAuthority?: boolean;
}

/** An authority of its own, or one below `parent`. */
export async function createAuthority(
  name: string,
  { parent, kind = "P-256", hash = "SHA-256" }: { parent?: Authority; kind?: KeyKind; hash?: "SHA-1" | "SHA-256" } = {},
): Promise<Authority> {
  const keys = await generateKeys(kind);
  const common = {
    serialNumber: "01",
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 30 * DAY_MS),
    signingAlgorithm: signing(parent?.kind ?? kind, hash),
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  };
  const certificate = parent
    ? await x509.X509CertificateGenerator.create({
        ...common,
        subject: `CN=${name}`,
        issuer: parent.certificate.subject,
        publicKey: keys.publicKey,
        signingKey: parent.keys.privateKey,
      })
    : await x509.X509CertificateGenerator.createSelfSigned({ ...common, name: `CN=${name}`, keys });
  return { name, kind, keys, certificate, pem: certificate.toString("pem") };
}

/** The algorithm of a signature made with a key of `kind`. */
function signing(kind: KeyKind, hash: string): SigningAlgorithm {
  return { ...KEYS[kind], hash };
}

/** A certificate by `authority`, or signed by itself. */
export async function issue(request: CertificateRequest, authority?: Authority): Promise<Issued> {
  const kind = request.key ?? "P-256";
  const keys = await generateKeys(kind);
  const notAfter = new Date(Date.now() + (request.days ?? 30) * DAY_MS);
  const serialNumber = Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
    .toString("hex")
    .replace(/^./, "1");
  const common = {
    serialNumber,
    notBefore:
      request.from === undefined
        ? new Date(Math.min(Date.now(), notAfter.getTime()) - DAY_MS)
        : new Date(Date.now() + request.from * DAY_MS),
    notAfter,
    signingAlgorithm: signing(authority?.kind ?? kind, request.hash ?? "SHA-256"),
    extensions: extensionsOf(request),
  };
  const certificate = authority
    ? await x509.X509CertificateGenerator.create({
        ...common,
        subject: `CN=${request.commonName}`,
        issuer: authority.certificate.subject,
        publicKey: keys.publicKey,
        signingKey: authority.keys.privateKey,
      })
    : await x509.X509CertificateGenerator.createSelfSigned({ ...common, name: `CN=${request.commonName}`, keys });
  return { certificate: certificate.toString("pem"), key: await privateKeyPem(keys), serialNumber };
}

function extensionsOf({ names = [], usage = "server", isAuthority = false }: CertificateRequest): x509.Extension[] {
  const isAddress = (name: string) => /^[\d.]+$|:/.test(name);
  const alternatives = names.map((value) => ({ type: isAddress(value) ? ("ip" as const) : ("dns" as const), value }));
  const purpose = usage === "server" ? "1.3.6.1.5.5.7.3.1" : "1.3.6.1.5.5.7.3.2";
  return [
    ...(isAuthority ? [new x509.BasicConstraintsExtension(true, undefined, true)] : []),
    new x509.ExtendedKeyUsageExtension([purpose]),
    ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
  ];
}

/** A revocation list of `authority` with the given serial numbers. */
export async function revocationList(authority: Authority, revoked: string[]): Promise<string> {
  const list = await x509.X509CrlGenerator.create({
    issuer: authority.certificate.subject,
    thisUpdate: new Date(Date.now() - DAY_MS),
    nextUpdate: new Date(Date.now() + 30 * DAY_MS),
    entries: revoked.map((serialNumber) => ({ serialNumber, revocationDate: new Date(Date.now() - DAY_MS / 2) })),
    signingAlgorithm: signing(authority.kind, "SHA-256"),
    signingKey: authority.keys.privateKey,
  });
  const lines = Buffer.from(list.rawData).toString("base64").replace(/.{64}/g, "$&\n");
  return `-----BEGIN X509 CRL-----\n${lines}\n-----END X509 CRL-----\n`;
}

/** The same key, encrypted with `passphrase`. */
export function encryptKey(key: string, passphrase: string): string {
  return createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString();
}

async function generateKeys(kind: KeyKind): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEYS[kind], true, ["sign", "verify"]);
}

async function privateKeyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const bytes = await webcrypto.subtle.exportKey("pkcs8", keys.privateKey);
  return createPrivateKey({ key: Buffer.from(bytes), format: "der", type: "pkcs8" })
    .export({ type: "pkcs8", format: "pem" })
    .toString();
}
