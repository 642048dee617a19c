/** Project directories for tests: made from a table of paths and contents, gone when the test ends. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PgkeepError } from "../../src/base/errors.ts";

export interface TemporaryDirectory extends Disposable {
  /** Absolute, links resolved. */
  path: string;
  /** Absolute path of something inside. */
  at(relative: string): string;
}

/** An empty directory, or one with `files` in it: path to content. */
export function temporaryDirectory(files: Readonly<Record<string, string | Uint8Array>> = {}): TemporaryDirectory {
  const path = realpathSync.native(mkdtempSync(join(tmpdir(), "pgkeep-project-")));
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
