/**
 * Makes a fresh clone ready to run: installs what the lock file says, then builds. Each only when needed.
 *
 * "Needed" is decided by hashes, never by clocks: the hash of package-lock.json that the last installation left in
 * node_modules, and the hash of the sources that the last build left in dist. Install scripts of packages never run.
 *
 *   node scripts/bootstrap.mjs
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isBuilt } from "./build.mjs";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
const INSTALLED = join(ROOT, "node_modules/.pgkeep-lock");
/** The oldest Node that every dependency supports; package.json says the same. */
const OLDEST_NODE = [20, 19];

/** Ends the process with a hint when a step fails; returns otherwise. */
export function bootstrap() {
  requireNode();
  if (isInstalled()) say("packages: as the lock file says");
  else install();
  if (isBuilt()) say("build: up to date");
  else build();
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  fail(`Node ${OLDEST_NODE.join(".")} or newer is needed, this is ${process.versions.node}.`);
}

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
}

/** npm's own record counts too: whoever ran `npm ci` by hand need not install twice. */
function isInstalled() {
  if (!existsSync(join(ROOT, "node_modules/.package-lock.json"))) return false;
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, "utf8") === lockHash()) return true;
  if (!matchesLock()) return false;
  writeFileSync(INSTALLED, lockHash());
  return true;
}

/** Whether node_modules holds every package of the lock file, in its version; optional ones may be absent. */
function matchesLock() {
  const packagesOf = (path) => JSON.parse(readFileSync(join(ROOT, path), "utf8")).packages;
  const installed = packagesOf("node_modules/.package-lock.json");
  return Object.entries(packagesOf("package-lock.json")).every(
    ([path, wanted]) => path === "" || wanted.optional || wanted.peer || installed[path]?.version === wanted.version,
  );
}

function install() {
  say("packages: npm ci --ignore-scripts (about half a minute with a warm cache)");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: ROOT,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) fail("npm ci failed; its own message is above.");
  writeFileSync(INSTALLED, lockHash());
}

function build() {
  say("build: npm run build");
  const { status } = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (status !== 0) fail("the build failed; the compiler's messages are above.");
}

function say(line) {
  process.stderr.write(`bootstrap: ${line}\n`);
}

function fail(line) {
  process.stderr.write(`bootstrap: ${line}\n`);
  process.exit(1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) bootstrap();
