/** Embedded servers of the product in tests: a directory of their own, and everything ended and removed afterwards. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { EMBEDDED_VERSION } from "../../src/pg/embedded/checksums.ts";
import { resetEmbedded } from "../../src/pg/embedded/control.ts";
import { exists } from "../../src/pg/embedded/guarded-files.ts";
import { type EmbeddedServer, type StartOptions, startEmbedded } from "../../src/pg/embedded/start.ts";

/** Copies of the binaries are shared by all tests of one user, apart from the real cache. */
export const TEST_CACHE = join(tmpdir(), `pgkeep-test-${process.getuid?.() ?? 0}`);

/** A directory that any account may pass through; gone, with its server, when the test ends. */
export function projectDirectory({ mode = 0o755 }: { mode?: number } = {}): string {
  const directory = mkdtempSync(join(tmpdir(), "pgkeep-project-"));
  chmodSync(directory, mode);
  onTestFinished(async () => {
    await resetEmbedded({ directory, clock: systemClock });
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/**
 * As `projectDirectory`, with a data directory already made: a copy of one that all tests share, which saves initdb.
 * For tests that are not about the first start.
 */
export async function seededDirectory(): Promise<string> {
  const template = join(TEST_CACHE, `embedded-${EMBEDDED_VERSION}`);
  if (!(await exists(template))) await buildTemplate(template);
  const directory = projectDirectory();
  execFileSync("cp", ["-a", "--reflink=auto", join(template, ".pgkeep"), directory]);
  return directory;
}

async function buildTemplate(template: string): Promise<void> {
  const directory = `${template}.${process.pid}`;
  mkdirSync(directory, { recursive: true });
  const server = await startEmbedded({
    directory,
    background: false,
    clock: systemClock,
    cacheDirectories: [TEST_CACHE],
  });
  await server.stop();
  // Another worker may have been faster; then its template is used.
  await rename(directory, template).catch(() => rmSync(directory, { recursive: true, force: true }));
}

/** Starts one with the defaults of the tests; a foreground server is stopped when the test ends. */
export async function start(directory: string, options: Partial<StartOptions> = {}): Promise<EmbeddedServer> {
  const server = await startEmbedded({
    directory,
    background: false,
    clock: systemClock,
    cacheDirectories: [TEST_CACHE],
    ...options,
  });
  // Stops run last to first: the server ends before its directory is removed.
  onTestFinished(() => server.stop());
  return server;
}
