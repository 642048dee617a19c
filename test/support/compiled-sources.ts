/**
 * The sources as plain JavaScript, for tests that need them in a process of its own: one that gets killed, or one that
 * runs as another user. Lies below node_modules so that the packages are found from there.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));

/** Compiles once and returns the directory; the caller removes it. */
export function compileSources(): string {
  const cache = join(REPOSITORY, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const target = mkdtempSync(join(cache, "pgkeep-sources-"));
  // Another account runs it in one of the tests.
  chmodSync(target, 0o755);
  // Type errors elsewhere do not matter here: the type check is its own step.
  const flags = [
    "-p",
    ".",
    "--outDir",
    target,
    "--declaration",
    "false",
    "--sourceMap",
    "false",
    "--noEmitOnError",
    "false",
  ];
  const { stdout, stderr } = spawnSync(join(REPOSITORY, "node_modules/.bin/tsc"), flags, {
    cwd: REPOSITORY,
    encoding: "utf8",
  });
  writeFileSync(join(target, "package.json"), '{"type":"module"}', { mode: 0o644 });
  if (/error TS5\d\d\d/.test(stdout)) throw new Error(`could not compile: ${stdout}${stderr}`);
  return target;
}
