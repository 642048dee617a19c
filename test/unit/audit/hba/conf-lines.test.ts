/** Lines and words of configuration files, and what a hostile file may cost. The servers' own reading: test/pg/audit/hba. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Unanswered } from "../../../../src/audit/answers.ts";
import {
  MAX_FILE_BYTES,
  MAX_LINES,
  MAX_READS,
  MAX_WORDS,
  readConfLines,
} from "../../../../src/audit/hba/conf-files.ts";
import { logicalLines } from "../../../../src/audit/hba/conf-lines.ts";
import { parseEntries } from "../../../../src/audit/hba/ident-entries.ts";
import { parseRules, sorted } from "../../../../src/audit/hba/rules.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { memoryFiles } from "../../../support/memory-files.ts";

const MAIN = "/etc/pg/pg_hba.conf";

async function read(main: string | Buffer, { others = {}, major = 18 }: Reading = {}) {
  return await readConfLines(MAIN, memoryFiles({ [MAIN]: main, ...others }), major);
}

interface Reading {
  others?: Record<string, string>;
  major?: number;
}

describe("a hostile pg_hba.conf", () => {
  it("of any bytes is read to its end, on every major, without another error than that there is no answer", async () => {
    const major = fc.constantFrom(14, 15, 16, 17, 18);
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 800 }), major, async (bytes, version) => {
      const lines = await read(Buffer.from(bytes), { major: version });
      const { rules, problems } = sorted(parseRules(lines, version));
      expect(rules.length + problems.length).toBe(lines.length);
      expect(parseEntries(lines, version).entries.length).toBeLessThanOrEqual(lines.length);
      for (const { line } of lines) expect(line).toBeGreaterThan(0);
    });
    await fc.assert(property, { numRuns: 1000 });
  });

  it.each([
    "\0",
    "\n",
    "\r",
    "\\\n",
    "a\\\n",
    "\\\r\n",
    '"',
    '""',
    '" ',
    "#",
    ",",
    "a,",
    "@",
    "/(",
    "a ",
    "a\0",
    " \0\n",
    "é",
    "=",
    "\\",
    "local all all md5 x=1,",
  ])("of up to a megabyte takes time in proportion to its size when it repeats %j", async (piece) => {
    const work = async (file: Buffer) => parseRules(await read(file), 18);
    const input = (size: number) => Buffer.alloc(size, piece);
    await expectLinearTime({ input, work, refusal: Unanswered, largest: MAX_FILE_BYTES });
  });

  it("that is larger than the limit is not judged", async () => {
    const atLimit = Buffer.alloc(MAX_FILE_BYTES, "#");
    expect(await read(atLimit)).toEqual([]);
    await expect(read(Buffer.concat([atLimit, Buffer.from("#")]))).rejects.toThrow(Unanswered);
  });

  it("with more lines than the limit is not judged", async () => {
    expect(await read("local all all md5\n".repeat(MAX_LINES))).toHaveLength(MAX_LINES);
    await expect(read("local all all md5\n".repeat(MAX_LINES + 1))).rejects.toThrow(/more than 5000 lines/);
  });

  it("with more words than the limit is not judged", async () => {
    const words = (count: number): string =>
      `local ${Array(count - 3)
        .fill("a")
        .join(",")} all md5\n`;
    expect(await read(words(MAX_WORDS))).toHaveLength(1);
    await expect(read(words(MAX_WORDS + 1))).rejects.toThrow(/more than 200000 words/);
  });

  it("that takes in more files than the limit is not judged", async () => {
    const others = { "/etc/pg/one": "a" };
    const main = (count: number): string => `local ${Array(count).fill("@one").join(",")} all md5\n`;
    expect(await read(main(MAX_READS - 1), { others })).toHaveLength(1);
    await expect(read(main(MAX_READS), { others })).rejects.toThrow(/more than 1000 files/);
  });

  it("whose files take in each other ends at ten levels, and a fan of them at the limit", async () => {
    const loop = await read("include pg_hba.conf\n");
    expect(loop).toMatchObject([{ problem: expect.stringContaining("maximum nesting depth exceeded") }]);
    const fan = Object.fromEntries(
      Array.from({ length: 9 }, (_, level) => [
        `/etc/pg/f${level}`,
        Array(5)
          .fill(level < 8 ? `@f${level + 1}` : "a")
          .join(" "),
      ]),
    );
    await expect(read("local @f0 all md5", { others: fan })).rejects.toThrow(/more than 1000 files/);
    await expect(read("local @pg_hba.conf all md5", { major: 14 })).rejects.toThrow(Unanswered);
  });

  it("does not climb out of what its source has", async () => {
    const lines = await read("local @../../../../../etc/shadow all md5\n");
    expect(lines).toMatchObject([{ problem: 'could not open file "/etc/shadow": No such file or directory' }]);
  });
});

describe("lines", () => {
  it("count from one, by the first physical line", () => {
    const lines = [...logicalLines(Buffer.from("a\nb\\\nc\\\nd\n\ne"))];
    expect(lines.map(({ line, text }) => [line, text])).toEqual([
      [1, "a"],
      [2, "bcd"],
      [5, ""],
      [6, "e"],
    ]);
  });
});

describe("includes", () => {
  it("are rules of their own files, in their order; hidden files and other names are left out", async () => {
    const others = {
      "/etc/pg/d/b.conf": "local b b md5\n",
      "/etc/pg/d/a.conf": "local a a md5\n",
      "/etc/pg/d/.c.conf": "local c c md5\n",
      "/etc/pg/d/a.conf~": "local d d md5\n",
    };
    const lines = await read("include_dir d\nlocal z z md5\n", { others });
    expect(lines.map(({ file, line }) => [file, line])).toEqual([
      ["/etc/pg/d/a.conf", 1],
      ["/etc/pg/d/b.conf", 1],
      [MAIN, 2],
    ]);
  });
});
