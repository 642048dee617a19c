/**
 * SCRAM-SHA-256 as a client, with and without channel binding.
 *
 * Both sides prove that they know the password, neither sends it. An impostor that asks for fewer iterations than any
 * server uses wants a proof that is cheap to guess from; one that asks for very many wants our time: both are refused.
 *
 * Sources: RFC 5802, RFC 7677, RFC 5929 section 4 (tls-server-end-point), RFC 4013 (SASLprep).
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { PgkeepError } from "../../base/errors.ts";
import type { Secret } from "../../base/secrets.ts";

/** 4,096: the protocol's minimum and PostgreSQL's default. */
export const MIN_SCRAM_ITERATIONS = 4_096;

/** 100,000: about 0.1 s of work here; more is a server that spends our time. */
export const MAX_SCRAM_ITERATIONS = 100_000;

export type ScramMechanism = "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS";

export interface ScramOptions {
  mechanism: ScramMechanism;
  /** The server's certificate (DER) for -PLUS. */
  certificate?: Buffer | undefined;
  /** We could bind the channel and the server did not offer it; tells a server that it was tampered with. */
  couldBind: boolean;
  password: Secret;
  nonce?: string;
}

const derive = promisify(pbkdf2);

/** One exchange: `first()`, then `final(answer)`, then `verify(answer)`. */
export class ScramExchange {
  readonly #options: ScramOptions;
  readonly #nonce: string;
  readonly #header: string;
  #serverSignature: Buffer | undefined;

  constructor(options: ScramOptions) {
    this.#options = options;
    this.#nonce = options.nonce ?? randomBytes(18).toString("base64");
    this.#header = gs2Header(options);
  }

  /** client-first-message. The user's name is that of the startup packet, so it stays empty here. */
  first(): string {
    return `${this.#header}n=,r=${this.#nonce}`;
  }

  /** client-final-message. Throws CONNECT_AUTH_REFUSED when the server's part is not acceptable. */
  async final(serverFirst: string): Promise<string> {
    const { nonce, salt, iterations } = parseServerFirst(serverFirst, this.#nonce);
    const withoutProof = `c=${this.#bindingData().toString("base64")},r=${nonce}`;
    const authMessage = `n=,r=${this.#nonce},${serverFirst},${withoutProof}`;
    const password = saslPrepare(this.#options.password.expose());
    const salted = await derive(password, salt, iterations, 32, "sha256");
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), authMessage);
    const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
    this.#serverSignature = hmac(hmac(salted, "Server Key"), authMessage);
    return `${withoutProof},p=${Buffer.from(proof).toString("base64")}`;
  }

  /** Checks that the server knows the password too. Throws CONNECT_AUTH_REFUSED. */
  verify(serverFinal: string): void {
    const given = Buffer.from(attribute(serverFinal, "v") ?? "", "base64");
    const expected = this.#serverSignature;
    if (expected && given.length === expected.length && timingSafeEqual(given, expected)) return;
    throw refused("it does not know the password itself, as an impostor would not");
  }

  #bindingData(): Buffer {
    const header = Buffer.from(this.#header);
    const { mechanism, certificate } = this.#options;
    if (mechanism === "SCRAM-SHA-256" || !certificate) return header;
    return Buffer.concat([header, endPointHash(certificate)]);
  }
}

function gs2Header({ mechanism, couldBind }: ScramOptions): string {
  if (mechanism === "SCRAM-SHA-256-PLUS") return "p=tls-server-end-point,,";
  return couldBind ? "y,," : "n,,";
}

function parseServerFirst(text: string, ourNonce: string): { nonce: string; salt: Buffer; iterations: number } {
  const nonce = attribute(text, "r") ?? "";
  const salt = attribute(text, "s") ?? "";
  const iterations = Number(attribute(text, "i"));
  if (!nonce.startsWith(ourNonce) || nonce.length === ourNonce.length || !/^[!-+\--~]+$/.test(nonce)) {
    throw refused("its part of the exchange does not continue ours");
  }
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(salt)) throw refused("it sent no usable salt");
  if (!(iterations >= MIN_SCRAM_ITERATIONS && iterations <= MAX_SCRAM_ITERATIONS)) {
    throw refused(
      `it asks for ${iterations} iterations; ${MIN_SCRAM_ITERATIONS} to ${MAX_SCRAM_ITERATIONS} are accepted`,
    );
  }
  return { nonce, salt: Buffer.from(salt, "base64"), iterations };
}

function attribute(text: string, name: string): string | undefined {
  return text
    .split(",")
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(2);
}

function refused(reason: string): PgkeepError {
  return new PgkeepError("CONNECT_AUTH_REFUSED", "the server's SCRAM authentication is not acceptable", {
    detail: `The exchange was stopped because ${reason}.`,
    hint: "Check that host and port name your server; use --sslmode verify-full to be sure of it.",
  });
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** SASLprep without its checks of prohibited characters: PostgreSQL takes such passwords as they are. */
export function saslPrepare(password: string): string {
  // biome-ignore lint/suspicious/noMisleadingCharacterClass: RFC 3454 table B.1 lists exactly these single characters.
  const mappedToNothing = /[\u00AD\u034F\u1806\u180B-\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/gu;
  const otherSpaces = /[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/g;
  return password.replace(otherSpaces, " ").replace(mappedToNothing, "").normalize("NFKC");
}

/** Hash of the certificate by its own signature's hash; MD5 and SHA-1 are replaced by SHA-256. */
export function endPointHash(certificate: Buffer): Buffer {
  return createHash(endPointHashName(certificate)).update(certificate).digest();
}

const SIGNATURE_HASHES: Readonly<Record<string, string>> = {
  "2a864886f70d010104": "sha256", // md5WithRSA
  "2a864886f70d010105": "sha256", // sha1WithRSA
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a864886f70d01010e": "sha224",
  "2a8648ce3d0401": "sha256", // ecdsa-with-SHA1
  "2a8648ce3d040301": "sha224",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
};
const RSA_PSS = "2a864886f70d01010a";
const PSS_HASHES: Readonly<Record<string, string>> = {
  "608648016503040201": "sha256",
  "608648016503040202": "sha384",
  "608648016503040203": "sha512",
};

function endPointHashName(certificate: Buffer): string {
  const outer = derChildren(derContent(certificate));
  const algorithm = derChildren(derContent(outer[1] ?? EMPTY));
  const oid = derContent(algorithm[0] ?? EMPTY).toString("hex");
  const name = oid === RSA_PSS ? pssHash(algorithm[1] ?? EMPTY) : SIGNATURE_HASHES[oid];
  if (name !== undefined) return name;
  throw new PgkeepError("CONNECT_AUTH_REFUSED", "channel binding is not possible with the server's certificate", {
    detail: "Its signature algorithm has no hash that the protocol defines for binding (Ed25519 and Ed448 have none).",
    hint: "Use --channel-binding disable with --sslmode verify-full, or a certificate signed with RSA or ECDSA.",
  });
}

/** The hash named inside RSASSA-PSS parameters: [0] { SEQUENCE { OID } }. Absent means SHA-1, replaced by SHA-256. */
function pssHash(parameters: Buffer): string | undefined {
  const tagged = derChildren(derContent(parameters)).find((child) => child[0] === 0xa0);
  if (!tagged) return "sha256";
  const [oid] = derChildren(derContent(derContent(tagged)));
  return PSS_HASHES[derContent(oid ?? EMPTY).toString("hex")];
}

const EMPTY = Buffer.alloc(0);

/** Content of the first DER element of `data`. */
function derContent(data: Buffer): Buffer {
  const { start, end } = derBounds(data);
  return data.subarray(start, end);
}

/** The DER elements that `content` is made of. */
function derChildren(content: Buffer): Buffer[] {
  const children: Buffer[] = [];
  let rest = content;
  while (rest.length >= 2) {
    const { end } = derBounds(rest);
    children.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return children;
}

function derBounds(data: Buffer): { start: number; end: number } {
  const first = data[1] ?? 0;
  if (first < 0x80) return { start: 2, end: 2 + first };
  const lengthBytes = Math.min(first & 0x7f, 4);
  if (data.length < 2 + lengthBytes || lengthBytes === 0) return { start: data.length, end: data.length };
  const start = 2 + lengthBytes;
  return { start, end: start + data.readUIntBE(2, lengthBytes) };
}
