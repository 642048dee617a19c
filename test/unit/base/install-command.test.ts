/** Optional packages are installed where pgkeep is. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { installCommand } from "../../../src/base/install-command.ts";

let prefix = "";
beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), "pgkeep-install-"));
});
afterEach(() => rmSync(prefix, { recursive: true, force: true }));

const rootBelow = (...folders: string[]) => {
  const root = join(prefix, ...folders, "pgkeep");
  mkdirSync(root, { recursive: true });
  return root;
};

it("is a project's where pgkeep is one of its packages", () => {
  writeFileSync(join(prefix, "package.json"), "{}");
  expect(installCommand(["mqtt@^5.16.0"], rootBelow("node_modules"))).toBe("npm i mqtt@^5.16.0");
  expect(installCommand(["mqtt"], rootBelow("node_modules", ".pnpm", "pgkeep@1.0.0", "node_modules"))).toBe(
    "npm i mqtt",
  );
});

it("is global where pgkeep is, because a project's packages are not found from there", () => {
  expect(installCommand(["--ignore-scripts", "a", "b"], rootBelow("lib", "node_modules"))).toBe(
    "npm i --global --ignore-scripts a b",
  );
});

it("is a project's in a clone", () => {
  expect(installCommand(["a"])).toBe("npm i a");
  expect(installCommand(["a"], rootBelow("projects"))).toBe("npm i a");
});
