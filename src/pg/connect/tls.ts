/**
 * What the six TLS modes mean, as options of Node's TLS client.
 *
 * disable, allow, prefer, require: encrypt or not, and believe any certificate; require with a root certificate checks
 * it like verify-ca. verify-ca: signed by a known authority. verify-full: and for this host. Every option is set on
 * the connection itself, so that neither NODE_TLS_REJECT_UNAUTHORIZED nor any other default of the process counts.
 *
 * Source: PostgreSQL 18 manual, section 32.19 "SSL Support".
 */
import { X509Certificate } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import type { ConnectionOptions } from "node:tls";
import { errorCodeOf, messageOf, PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import type { ConnectionSettings, HostAddress } from "../session.ts";

/** Whether the server's certificate has to verify under these settings. */
export function verifiesServer(settings: ConnectionSettings): boolean {
  const { sslMode, tlsFiles } = settings;
  if (sslMode === "verify-ca" || sslMode === "verify-full") return true;
  return sslMode === "require" && (tlsFiles.rootCert ?? tlsFiles.rootPem) !== undefined;
}

/** Options for tls.connect to `address`. Reads the files anew, so that a renewed certificate is used. Throws CONNECT_TLS_FILE. */
export async function tlsOptions(settings: ConnectionSettings, address: HostAddress): Promise<ConnectionOptions> {
  const { sslMode, tlsFiles, tlsVersions } = settings;
  const isVerified = verifiesServer(settings);
  const checksName = sslMode === "verify-full" || tlsFiles.rootCert === "system";
  const sendsName = settings.serverNameIndication !== false && isIP(address.host) === 0;
  return {
    // `host` is the name to find in the certificate; `servername` is the name to send, which may not be an address.
    host: address.host,
    ...(sendsName ? { servername: address.host } : {}),
    rejectUnauthorized: isVerified,
    ...(checksName ? {} : { checkServerIdentity: () => undefined }),
    minVersion: tlsVersions?.min ?? "TLSv1.2",
    ...(tlsVersions?.max ? { maxVersion: tlsVersions.max } : {}),
    ...(isVerified ? await trustedAuthorities(settings) : {}),
    ...(await clientCertificate(settings)),
    ALPNProtocols: ["postgresql"],
  };
}

async function trustedAuthorities({ tlsFiles, sslMode }: ConnectionSettings): Promise<ConnectionOptions> {
  const { rootCert, rootPem, systemBundle, crl, crlDirectory } = tlsFiles;
  if ((rootCert ?? rootPem) === undefined && sslMode !== "verify-full") {
    throw new PgkeepError("CONNECT_TLS_FILE", `sslmode ${sslMode} needs a root certificate`, {
      detail: "There is no sslrootcert and no ~/.postgresql/root.crt.",
      state: "not connected",
      hint: "Name the authority's file with --sslrootcert, or use --sslmode verify-full.",
    });
  }
  const bundle = rootCert === undefined || rootCert === "system" ? systemBundle : rootCert;
  const lists = [...(crl ? [crl] : []), ...(crlDirectory ? await filesOf(crlDirectory) : [])];
  return {
    ...(rootPem === undefined && bundle !== undefined ? { ca: await readTlsFile(bundle, "root certificate") } : {}),
    ...(rootPem === undefined ? {} : { ca: rootPem }),
    ...(lists.length > 0 ? { crl: await Promise.all(lists.map((file) => readTlsFile(file, "revocation list"))) } : {}),
  };
}

async function filesOf(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).map((name) => join(directory, name));
  } catch (error) {
    throw unusable(directory, "revocation list directory", error);
  }
}

async function clientCertificate({ tlsFiles, tlsKeyPassphrase }: ConnectionSettings): Promise<ConnectionOptions> {
  const { cert, key } = tlsFiles;
  if (cert === undefined && key === undefined) return {};
  if (cert === undefined || key === undefined) {
    const [present, absent] = cert === undefined ? ["sslkey", "sslcert"] : ["sslcert", "sslkey"];
    throw new PgkeepError("CONNECT_TLS_FILE", "a client certificate needs a certificate file and a key file", {
      detail: `${present} is set, ${absent} is not.`,
      state: "not connected",
      hint: `Set --${absent} too.`,
    });
  }
  const passphrase = tlsKeyPassphrase ? { passphrase: tlsKeyPassphrase.expose() } : {};
  return { cert: await readCertificate(cert), key: await readPrivateKey(key), ...passphrase };
}

async function readCertificate(file: string): Promise<Buffer> {
  const content = await readTlsFile(file, "client certificate");
  try {
    new X509Certificate(content);
  } catch (error) {
    throw unusable(file, "client certificate", error);
  }
  return content;
}

/**
 * A key that others can read is not secret any more. libpq's rule: no access for group and others, except that
 * a key of root may be readable by its group.
 */
async function readPrivateKey(path: string): Promise<Buffer> {
  const file = await openTlsFile(path, "private key");
  try {
    const { mode, uid } = await file.stat();
    const forbidden = uid === 0 ? 0o037 : 0o077;
    if (process.platform !== "win32" && (mode & forbidden) !== 0) {
      throw new PgkeepError("CONNECT_TLS_FILE", `private key file "${path}" can be read by other users`, {
        detail: `Its mode is ${(mode & 0o777).toString(8).padStart(4, "0")}.`,
        state: "not connected",
        hint: `chmod 0600 ${path}`,
      });
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function openTlsFile(path: string, what: string) {
  try {
    return await open(path, "r");
  } catch (error) {
    throw unusable(path, what, error);
  }
}

async function readTlsFile(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unusable(path, what, error);
  }
}

function unusable(path: string, what: string, error: unknown): PgkeepError {
  const reason = errorCodeOf(error) === "ENOENT" ? "It does not exist." : "It cannot be read as what it should be.";
  return new PgkeepError("CONNECT_TLS_FILE", `could not use ${what} file "${path}"`, {
    detail: reason,
    state: "not connected",
    hint: "Check the path and the file's owner, mode and content (PEM).",
    cause: error,
  });
}

/** Why TLS failed, in a sentence, and what to do where that is known. */
export interface TlsReason {
  detail: string;
  hint?: string;
}

const UNTRUSTED: TlsReason = {
  detail: "The server's certificate comes from an authority that is not among the trusted ones.",
  hint: "Name the certificate of the server's authority: --sslrootcert FILE",
};
const DATES_HINT = "Have the server's certificate renewed, and check the clock of this machine.";

/** The library's reasons that people meet. */
const TLS_REASONS: Readonly<Record<string, TlsReason>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    detail: "The server's certificate is self-signed and not among the trusted ones.",
    hint: "Get that certificate from whoever runs the server, and name it: --sslrootcert FILE",
  },
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  CERT_HAS_EXPIRED: { detail: "The server's certificate has expired.", hint: DATES_HINT },
  CERT_NOT_YET_VALID: { detail: "The server's certificate is not valid yet.", hint: DATES_HINT },
  CERT_REVOKED: { detail: "The server's certificate has been revoked." },
  UNABLE_TO_GET_CRL: { detail: "The revocation list does not cover the server's certificate." },
  ERR_OSSL_BAD_DECRYPT: { detail: "The private key could not be decrypted: sslpassword is missing or wrong." },
  ERR_MISSING_PASSPHRASE: { detail: "The private key is encrypted and there is no sslpassword." },
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: {
    detail: "The client certificate and the private key do not belong together.",
  },
};

/** The reason in words; the library's own code for those that nobody meets. */
export function tlsReason(cause: unknown): TlsReason {
  const code = errorCodeOf(cause) ?? "";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return wrongName(cause);
  const detail = `The TLS library says: ${tameLine(code === "" ? messageOf(cause) : code)}.`;
  return TLS_REASONS[code] ?? { detail };
}

/** 300 characters of names: certificates of large hosters hold hundreds. */
const MAX_NAMES_LENGTH = 300;

function wrongName(cause: unknown): TlsReason {
  const names = tameLine(namesOf(cause)).slice(0, MAX_NAMES_LENGTH);
  return {
    detail: `The server's certificate is for another host name${names === "" ? "" : ` (${names})`}.`,
    hint: "Connect by a name that the certificate holds; with another address, add hostaddr to the connection string.",
  };
}

/** The certificate's alternative names as the TLS library writes them, "DNS:db.example.org, IP Address:10.0.0.5". */
function namesOf(cause: unknown): string {
  const certificate = typeof cause === "object" && cause !== null && "cert" in cause ? cause.cert : undefined;
  if (typeof certificate !== "object" || certificate === null || !("subjectaltname" in certificate)) return "";
  return typeof certificate.subjectaltname === "string" ? certificate.subjectaltname : "";
}
