/** Project directories for tests: made from a table of paths and contents, gone when the test ends. */
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PgkeepError } from "../../src/base/errors.ts";

export interface TemporaryDirectory extends Disposable {
  /** Absolute, links resolved. */
  path: string;
  /** Absolute path of something inside. */
  at(relative: string): string;
}

/** An empty directory, or one with `files` in it: path to content. `parent` is where it is made. */
export function temporaryDirectory(
  files: Readonly<Record<string, string | Uint8Array>> = {},
  parent = tmpdir(),
): TemporaryDirectory {
  const path = realpathSync.native(mkdtempSync(join(parent, "pgkeep-project-")));
  for (const [relative, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, relative)), { recursive: true });
    writeFileSync(join(path, relative), content);
  }
  return {
    path,
    at: (relative) => join(path, relative),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Memory where the system has a file system in it: thousands of files are made there even while the disk is busy. */
export function fastDirectory(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

/** A project with a deploy.sql that does nothing, and `files`. */
export function temporaryProject(files: Readonly<Record<string, string | Uint8Array>> = {}): TemporaryDirectory {
  return temporaryDirectory({ "deploy.sql": "select 1;\n", ...files });
}

/** The PgkeepError that `run` fails with. Fails itself when there is none. */
export async function failureOf(run: () => unknown): Promise<PgkeepError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof PgkeepError) return error;
    throw error;
  }
  throw new Error("it was expected to fail");
}
