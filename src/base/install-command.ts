/**
 * The command that installs an optional package where this copy of pgkeep finds it: in the project that has pgkeep among its
 * packages, or among the global ones when pgkeep is there itself. A package installed anywhere else changes nothing.
 */
import { existsSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";

const MODULES = `${sep}node_modules${sep}`;

/**
 * A command to paste. `packages` as npm takes them, `nats@^2.0.0`, behind any flags; `root` is the directory of pgkeep's own
 * package.
 */
export function installCommand(
  packages: readonly string[],
  root: string = fileURLToPath(new URL("../..", import.meta.url)),
): string {
  return ["npm i", ...(isGlobal(root) ? ["--global"] : []), ...packages].join(" ");
}

/** A project has a package.json beside its packages; what is installed globally belongs to no project. */
function isGlobal(root: string): boolean {
  // The first one on the way down: package managers nest further ones below it.
  const at = root.indexOf(MODULES);
  return at !== -1 && !existsSync(`${root.slice(0, at)}${sep}package.json`);
}
