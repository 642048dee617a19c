/** Embedded servers of the product in tests: a directory of their own, and everything ended and removed afterwards. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { resetEmbedded } from "../../src/pg/embedded/control.ts";
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
