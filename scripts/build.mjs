/**
 * Builds `dist`: compiles the sources, takes away what no source stands for any more, writes the command
 * table and packs the command line.
 *
 * The hash of everything that was compiled goes into `dist/.stamp`, so that scripts/bootstrap.mjs can tell whether a
 * build is needed without looking at clocks.
 *
 *   npm run build
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".stamp");

/** Files below `folder`, relative to it, sorted, "/" as separator. */
function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
}

/** Hash of every input of the build, and of nothing else. */
export function sourcesHash() {
  const hash = createHash("sha256");
  const inputs = [
    "tsconfig.json",
    "package.json",
    "scripts/build.mjs",
    "scripts/manifest.mjs",
    "scripts/bundle.mjs",
  ].concat(
    ["src", "scripts/manifest"].flatMap((folder) => filesBelow(join(ROOT, folder)).map((path) => `${folder}/${path}`)),
  );
  for (const path of inputs)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(ROOT, path)))
      .update("\0");
  return hash.digest("hex");
}

export function isBuilt() {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8").trim() === sourcesHash();
}

/** Removes compiled files whose source is gone, so that they are neither run nor published. */
function removeOrphans() {
  for (const path of filesBelow(DIST)) {
    const module = /^(.*?)(?:\.d\.ts|\.js)(?:\.map)?$/.exec(path)?.[1];
    if (module !== undefined && !existsSync(join(ROOT, "src", `${module}.ts`))) rmSync(join(DIST, path));
  }
}

function run(...command) {
  const { status } = spawnSync(process.execPath, command, { cwd: ROOT, stdio: "inherit" });
  return status ?? 1;
}

function build() {
  const before = sourcesHash();
  const status = run("node_modules/typescript/bin/tsc", "-p", ".");
  if (status !== 0) return status;
  removeOrphans();
  for (const step of ["scripts/manifest.mjs", "scripts/bundle.mjs"]) {
    const done = run(step);
    if (done !== 0) return done;
  }
  mkdirSync(DIST, { recursive: true });
  // The hash of before: an edit made while the compiler ran must not count as built.
  writeFileSync(STAMP, `${before}\n`);
  return 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = build();
