/**
 * The documents agree with the program: links lead somewhere, flags and commands exist, codes are real.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { referencePages, stalePages } from "../../scripts/reference.mjs";
import { ERRORS } from "../../src/base/errors.ts";
import { filesBelow, read } from "./repository.ts";

const TOP = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
const PAGES = [...TOP, ...filesBelow("docs", ".md"), ...filesBelow("examples", ".md")];

/** Text of a page without its code blocks. */
const proseOf = (path: string): string => read(path).replace(/^```[\s\S]*?^```/gm, "");

/** The anchor that renderers give a heading. */
function anchorOf(heading: string): string {
  const plain = heading.replace(/[`*]|\[|\]\([^)]*\)/g, "").toLowerCase();
  return plain
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");
}

function brokenLinks(path: string): string[] {
  const links = [...proseOf(path).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].map((match) => match[1] ?? "");
  return links
    .filter((link) => !/^[a-z]+:/.test(link))
    .filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      if (!existsSync(target)) return true;
      if (anchor === undefined || statSync(target).isDirectory()) return false;
      const headings = [...read(target).matchAll(/^#{1,6} (.+)$/gm)].map((match) => anchorOf(match[1] ?? ""));
      return !headings.includes(anchor);
    });
}

describe("documents", () => {
  it.each(PAGES)("%s links only to what exists", (path) => {
    expect(brokenLinks(path)).toEqual([]);
  });

  it.each(PAGES)("%s names only error codes that exist", (path) => {
    const areas = [...new Set(Object.keys(ERRORS).map((code) => code.split("_")[0]))].join("|");
    const codes = [...read(path).matchAll(new RegExp(`\\b(?:${areas})_[A-Z]+(?:_[A-Z]+)*\\b`, "g"))].map(
      (match) => match[0],
    );
    const known = new Set([...Object.keys(ERRORS)]);
    expect(
      [...new Set(codes)].filter((code) => !known.has(code) && !/^(CONFIG|DB)_[A-Z]+_PASSWORD$/.test(code)),
    ).toEqual([]);
  });

  it.each(PAGES)("%s speaks of no machine, registry or session of ours", (path) => {
    expect(read(path)).not.toMatch(/(^|[\s`("'])\/(work|farm|root)\//m);
    expect(read(path)).not.toMatch(/https?:\/\/(registry|deb|repo1?|proxy)\./);
  });

  it("generated pages are what the build would write", async () => {
    expect(
      (await stalePages()).map(([path]) => path),
      "run: npm run build && npm run reference",
    ).toEqual([]);
  });

  it("schemas/ holds the generated files and no others", async () => {
    const generated = Object.keys(await referencePages()).filter((path) => path.startsWith("schemas/"));
    expect(filesBelow("schemas", "").sort()).toEqual(generated.sort());
    expect(generated.length).toBeGreaterThan(20);
  });

  it("docs/reference/checks has a page for every check and no others", async () => {
    const generated = Object.keys(await referencePages()).filter((path) => path.startsWith("docs/reference/checks/"));
    expect(filesBelow("docs/reference/checks", "").sort()).toEqual(generated.sort());
    expect(generated.length).toBeGreaterThan(100);
  });

  it("decision records are numbered without gaps and say context, decision, consequences", () => {
    const records = filesBelow("docs/decisions", ".md").filter((path) => !path.endsWith("/README.md"));
    const numbers = records.map((path) => Number(/\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1]));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    for (const path of records) {
      for (const part of ["Context", "Decision", "Consequences"])
        expect(read(path), path).toMatch(new RegExp(`^## ${part}`, "m"));
    }
  });
});
