/**
 * The embedded server's data directory, and what lies in it of ours: who may connect and with which certificate.
 *
 * It is made aside and then renamed, so that a half-made one never counts. Only who holds the start lock comes here.
 */
import { randomBytes, X509Certificate } from "node:crypto";
import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PgkeepError } from "../../base/errors.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import { Secret } from "../../base/secrets.ts";
import { createServerCertificate } from "./certificate.ts";
import {
  exists,
  readGuarded,
  refuseUnsafeDirectory,
  removeDataDirectory,
  replacePrivateFile,
  writePrivateFile,
} from "./guarded-files.ts";
import type { Installation } from "./installation.ts";
import { initializeDataDirectory } from "./launcher.ts";
import type { Place } from "./place.ts";
import { removeStalePostmasterFile, SERVER_VERSION, SUPERUSER } from "./running-server.ts";
import type { ServerAccount } from "./server-account.ts";

interface DataDirectoryWork {
  dataDir: string;
  account: ServerAccount;
  installation: Installation;
  signal: AbortSignal | undefined;
  report: (event: ProgressEvent) => void;
}

/** Makes the data directory when there is none; refuses one of another major or another account. */
export async function makeDataDirectory(
  place: Place,
  { dataDir, account, installation, signal, report }: DataDirectoryWork,
): Promise<void> {
  await removeUnfinished(dataDir, account);
  if (await exists(dataDir)) {
    await refuseUnsafeDirectory(dataDir, [account.uid]);
    await refuseOtherMajor(dataDir);
    return removeStalePostmasterFile(dataDir);
  }
  report({ type: "db.initializing", data_dir: dataDir });
  const password = new Secret(randomBytes(24).toString("base64url"));
  const unfinished = `${dataDir}${UNFINISHED}${randomBytes(6).toString("hex")}`;
  try {
    await initializeDataDirectory({
      installation,
      account,
      dataDir: unfinished,
      superuser: SUPERUSER,
      password,
      signal,
    });
    // The password first: a data directory whose password nobody knows would be lost.
    await replacePrivateFile(place.passwordFile, `*:*:*:${SUPERUSER}:${password.expose()}\n`);
    await rename(unfinished, dataDir);
  } catch (error) {
    // The failure is what the person has to hear of; what cannot be removed now, the next start removes.
    await removeUnfinished(dataDir, account).catch(() => undefined);
    throw error;
  }
}

const UNFINISHED = ".unfinished-";

/** What a start that failed or was killed in the middle left behind: a directory, its password file. Nobody else makes one: we hold the lock. */
async function removeUnfinished(dataDir: string, account: ServerAccount): Promise<void> {
  const parent = dirname(dataDir);
  for (const entry of await readdir(parent, { withFileTypes: true })) {
    if (!entry.name.startsWith(basename(dataDir) + UNFINISHED)) continue;
    const path = join(parent, entry.name);
    if (entry.isDirectory()) await removeDataDirectory(path, account);
    else await rm(path, { force: true });
  }
}

async function refuseOtherMajor(dataDir: string): Promise<void> {
  const major = (await readGuarded(join(dataDir, "PG_VERSION")))?.trim();
  if (major === SERVER_VERSION.split(".")[0]) return;
  throw new PgkeepError("DB_START_FAILED", "cannot use the embedded server's data directory", {
    detail: major ? `It was made by PostgreSQL ${major}, this is ${SERVER_VERSION}.` : "It is not a data directory.",
    hint: "Make a new database with pgkeep db reset.",
    state: "nothing was started",
  });
}

/** SCRAM everywhere, and over TCP only inside TLS. */
const HBA = [
  "local   all         all                scram-sha-256",
  "local   replication all                scram-sha-256",
  "hostssl all         all 127.0.0.1/32   scram-sha-256",
  "hostssl replication all 127.0.0.1/32   scram-sha-256",
  "host    all         all all            reject",
  "",
].join("\n");

/** Two years; renewed at a start in its last month. */
const CERTIFICATE_DAYS = 730;
const RENEWAL_MS = 30 * 24 * 3_600_000;

/** Who may connect, and the certificate that the server shows. */
export async function writeAccessFiles(
  place: Place,
  { dataDir, account, now }: { dataDir: string; account: ServerAccount; now: Date },
): Promise<void> {
  await writePrivateFile(join(dataDir, "pg_hba.conf"), HBA, account);
  if (await isCertificateFresh(place, dataDir, now)) return;
  const { authority, certificate, key } = createServerCertificate({ now, days: CERTIFICATE_DAYS });
  await writePrivateFile(join(dataDir, "server.key"), key, account);
  await writePrivateFile(join(dataDir, "server.crt"), certificate, account);
  await replacePrivateFile(place.authorityFile, authority);
}

async function isCertificateFresh({ authorityFile }: Place, dataDir: string, now: Date): Promise<boolean> {
  try {
    const read = async (path: string) => new X509Certificate((await readGuarded(path)) ?? "");
    const [authority, leaf] = await Promise.all([read(authorityFile), read(join(dataDir, "server.crt"))]);
    const isOfAuthority = leaf.verify(authority.publicKey);
    return isOfAuthority && Date.parse(leaf.validTo) - now.getTime() > RENEWAL_MS;
  } catch {
    return false;
  }
}
