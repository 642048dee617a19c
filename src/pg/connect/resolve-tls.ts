/**
 * The TLS part of a connection's settings: mode, files, versions.
 *
 * Source: PostgreSQL 18 manual, section 32.19 "SSL Support", and the descriptions of the ssl* key words in 32.1.2.
 */
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { PgkeepError } from "../../base/errors.ts";
import { Secret } from "../../base/secrets.ts";
import type { Environment } from "../../config/environment.ts";
import type { ConnectionSettings, SslMode, TlsFiles, TlsVersion } from "../session.ts";
import type { Layers, Sourced } from "./layers.ts";
import { badValue, choice, zeroOrOne } from "./values.ts";

type TlsPart = Pick<
  ConnectionSettings,
  "sslMode" | "sslNegotiation" | "tlsFiles" | "tlsKeyPassphrase" | "tlsVersions" | "serverNameIndication"
>;

interface Sources {
  environment: Environment;
  workingDirectory: string;
}

/** Throws CONFIG_VALUE_INVALID and CONFIG_CONFLICT. Files are looked for, not read. */
export async function resolveTls(layers: Layers, sources: Sources): Promise<TlsPart> {
  const sslMode = resolveMode(layers);
  const negotiation = choice(layers.get("sslnegotiation"), ["postgres", "direct"], "sslnegotiation") ?? "postgres";
  if (negotiation === "direct" && ["disable", "allow", "prefer"].includes(sslMode)) {
    throw conflict("sslnegotiation=direct needs sslmode require, verify-ca or verify-full");
  }
  const passphrase = layers.get("sslpassword");
  return {
    sslMode,
    sslNegotiation: negotiation,
    tlsFiles: sslMode === "disable" ? {} : await resolveFiles(layers, sources),
    tlsKeyPassphrase: passphrase && new Secret(passphrase.value),
    tlsVersions: {
      min: tlsVersion(layers.get("ssl_min_protocol_version"), "ssl_min_protocol_version"),
      max: tlsVersion(layers.get("ssl_max_protocol_version"), "ssl_max_protocol_version"),
    },
    serverNameIndication: zeroOrOne(layers.get("sslsni"), "sslsni") ?? true,
  };
}

const MODES: readonly SslMode[] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

function resolveMode(layers: Layers): SslMode {
  const asked = choice(layers.get("sslmode"), MODES, "sslmode");
  const isSystem = layers.get("sslrootcert")?.value === "system";
  if (isSystem && asked !== undefined && asked !== "verify-full") {
    throw conflict(
      "sslrootcert=system needs sslmode verify-full: any certificate that the system trusts would do otherwise",
    );
  }
  if (isSystem) return "verify-full";
  const isRequired = zeroOrOne(layers.get("requiressl"), "requiressl");
  return asked ?? (isRequired ? "require" : "prefer");
}

function conflict(message: string): PgkeepError {
  return new PgkeepError("CONFIG_CONFLICT", message, {
    hint: "Change one of the two settings.",
    state: "nothing was started",
  });
}

async function resolveFiles(layers: Layers, { environment, workingDirectory }: Sources): Promise<TlsFiles> {
  const home = defaultFolder(environment);
  const named = (keyword: string) => absolute(layers.get(keyword)?.value, workingDirectory);
  const usual = async (name: string) => (home === undefined ? undefined : existing(join(home, name)));
  const sendsCertificate =
    choice(layers.get("sslcertmode"), ["disable", "allow", "require"], "sslcertmode") !== "disable";
  const cert = sendsCertificate ? (named("sslcert") ?? (await usual("postgresql.crt"))) : undefined;
  const rootCert =
    layers.get("sslrootcert")?.value === "system" ? "system" : (named("sslrootcert") ?? (await usual("root.crt")));
  return {
    rootCert,
    cert,
    key: sendsCertificate ? (named("sslkey") ?? (cert ? await usual("postgresql.key") : undefined)) : undefined,
    crl: named("sslcrl") ?? (layers.get("sslcrldir") ? undefined : await usual("root.crl")),
    crlDirectory: named("sslcrldir"),
    systemBundle: await systemBundle(environment),
  };
}

function absolute(path: string | undefined, workingDirectory: string): string | undefined {
  return path === undefined ? undefined : resolve(workingDirectory, path);
}

function defaultFolder(environment: Environment): string | undefined {
  if (process.platform === "win32") return environment.APPDATA ? join(environment.APPDATA, "postgresql") : undefined;
  return environment.HOME ? join(environment.HOME, ".postgresql") : undefined;
}

/** Where distributions keep the authorities that they trust, most common first. */
const SYSTEM_BUNDLES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

async function systemBundle(environment: Environment): Promise<string | undefined> {
  if (environment.SSL_CERT_FILE) return environment.SSL_CERT_FILE;
  for (const path of SYSTEM_BUNDLES) if (await existing(path)) return path;
  return undefined;
}

async function existing(path: string): Promise<string | undefined> {
  return access(path).then(
    () => path,
    () => undefined,
  );
}

function tlsVersion(source: Sourced | undefined, name: string): TlsVersion | undefined {
  const versions = {
    tlsv1: "TLSv1",
    "tlsv1.0": "TLSv1",
    "tlsv1.1": "TLSv1.1",
    "tlsv1.2": "TLSv1.2",
    "tlsv1.3": "TLSv1.3",
  } as const;
  if (!source) return undefined;
  const found = Object.entries(versions).find(([version]) => version === source.value.toLowerCase());
  if (found) return found[1];
  throw badValue(source, `${name} is not a TLS version`, "Use TLSv1.2 or TLSv1.3.");
}
