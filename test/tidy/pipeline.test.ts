/**
 * Continuous integration does what everybody does: it runs the repository's own test command, with nothing to steal.
 */
import { statSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { filesBelow, read } from "./repository.ts";

describe("the pipeline", () => {
  it("is one script that runs the test command", () => {
    expect(statSync(".ci/run").mode & 0o111).toBe(0o111);
    expect(read(".ci/run")).toMatch(/^exec node scripts\/test\.mjs "\$@"$/m);
    expect(JSON.parse(read("package.json")).scripts.test).toBe("node scripts/test.mjs");
  });

  it("[S-03] fetches nothing but packages of the lock file and of the distribution, and knows no secret", () => {
    const scripts = [".ci/run", ...filesBelow("scripts", ".mjs")].map((path) => ({ path, text: read(path) }));
    const fetches =
      /\b(curl|wget)\b|\bfetch\s*\(|https?:\/\/(?!keepachangelog|127\.0\.0\.1:)|npm (publish|install|i)\b/;
    const secrets = /\b(process\.)?env\b[.["']+[A-Z_]*(TOKEN|SECRET|PASSWORD|CREDENTIAL)/;
    expect(scripts.filter(({ text }) => fetches.test(text)).map(({ path }) => path)).toEqual([]);
    expect(scripts.filter(({ text }) => secrets.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it("[S-03] installs exactly what is locked, with install scripts off", () => {
    const install = read("scripts/bootstrap.mjs");
    expect(install).toContain('["ci", "--ignore-scripts"');
  });

  it("[S-03] shown to users asks for no more than reading, and never runs foreign changes with rights", () => {
    const page = read("docs/how-to/deploy-from-github-actions.md");
    expect(page).toMatch(/^permissions:\n {2}contents: read$/m);
    for (const path of filesBelow("docs", ".md")) expect(read(path), path).not.toContain("pull_request_target");
  });
});
