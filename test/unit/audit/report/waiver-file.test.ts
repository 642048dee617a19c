/** The file of waivers: what may stand in it, and how mistakes are told. */
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadWaivers, readWaivers, requireExpiry, withWaiver } from "../../../../src/audit/report/waiver-file.ts";
import { PgkeepError } from "../../../../src/base/errors.ts";

const OPTIONS = { name: "pgkeep-waivers.yaml", now: new Date("2026-11-21T12:00:00Z"), checks: ["ROL-001", "NET-012"] };

const WHOLE = `# reviewed on Mondays
waivers:
  - check: rol-001
    object: break*
    database: shop
    reason: "break-glass account: sealed"
    owner: dba@example.org
    expires: 2027-01-31
`;

async function problemsOf(text: string): Promise<string> {
  const error = await readWaivers(text, OPTIONS).catch((thrown: unknown) => thrown);
  if (!(error instanceof PgkeepError)) throw new Error("it was accepted");
  expect(error.code).toBe("CONFIG_FILE_INVALID");
  return `${error.message}\n${error.parts.detail ?? ""}`;
}

/** The whole file with one line replaced. */
const having = (from: string, to: string): string => WHOLE.replace(from, to);

describe("the file of waivers", () => {
  it("is read whole, ids in any case", async () => {
    expect(await readWaivers(WHOLE, OPTIONS)).toEqual([
      {
        check: "ROL-001",
        object: "break*",
        database: "shop",
        reason: "break-glass account: sealed",
        owner: "dba@example.org",
        expires: "2027-01-31",
        line: 3,
      },
    ]);
  });

  it.each(["", "waivers:\n", "waivers: []\n", "# nothing yet\n"])("may hold none: %j", async (text) => {
    expect(await readWaivers(text, OPTIONS)).toEqual([]);
  });

  it.each([
    ["an unknown key", having("owner:", "ownr:"), '7:5 unknown key "ownr"; did you mean "owner"?'],
    ["a missing key", having("    owner: dba@example.org\n", ""), '3:5 a waiver needs "owner"'],
    ["an unknown check", having("rol-001", "ROL-0O1"), '3:12 "check" names no check; did you mean ROL-001?'],
    ["a day that is none", having("2027-01-31", "2027-02-30"), '8:14 "expires" must be a day such as 2027-01-31'],
    ["a moment instead of a day", having("2027-01-31", "soon"), '"expires" must be a day'],
    ["a day too far away", having("2027-01-31", "2027-11-22"), '"expires" must be at most 365 days from now'],
    ["an empty reason", having('"break-glass account: sealed"', '" "'), '6:5 "reason" must be a text'],
    ["a list for a text", having("dba@example.org", "[a, b]"), '"owner" must be a text'],
    ["a list without its key", "- check: ROL-001\n", "must be a mapping with the key waivers"],
    ["another key beside it", `version: 1\n${WHOLE}`, '1:1 unknown key "version"'],
    ["one waiver without a list", "waivers:\n  check: ROL-001\n", '"waivers" must be a list'],
    ["a repeated key", having("    owner:", "    check: NET-012\n    owner:"), 'repeats the key "check"'],
    ["no YAML", "waivers: [", "is not valid YAML"],
  ])("refuses %s, with its place", async (_, text, problem) => {
    expect(await problemsOf(text)).toContain(problem);
  });

  it("may name the 365th day, and a day that is over, which the report tells", async () => {
    expect(await readWaivers(having("2027-01-31", "2027-11-21"), OPTIONS)).toHaveLength(1);
    expect(await readWaivers(having("2027-01-31", "2020-01-31"), OPTIONS)).toHaveLength(1);
  });

  it("names all mistakes at once and repeats no value", async () => {
    const text = having("rol-001", "hunter2-is-a-secret")
      .replace("2027-01-31", "another-secret")
      .replace("owner:", "o:");
    const problems = await problemsOf(text);
    expect(problems).toContain("has 4 problems");
    expect(problems).not.toMatch(/hunter2|another-secret/);
  });
});

describe("a waiver that is added", () => {
  const NEW = {
    check: "NET-012",
    object: "a: b # c",
    database: undefined,
    reason: "'x' \"y\"\nz",
    owner: "me",
    expires: "2027-01-01",
  };

  it.each([
    ["to nothing", "", 0],
    ["to an empty list", "waivers: []\n", 0],
    ["to others, whose comments stay", WHOLE, 1],
  ])("goes %s and is read back as it was meant", async (_, text, before) => {
    const after = await withWaiver(text, NEW);
    const waivers = await readWaivers(after, OPTIONS);
    expect(waivers).toHaveLength(before + 1);
    expect(waivers.at(-1)).toMatchObject(NEW);
    if (before > 0) expect(after).toContain("# reviewed on Mondays");
  });
});

describe("a day that a waiver cannot have", () => {
  it.each(["2026-11-21", "2027-02-01", "2040-06-30"])("is refused on %s with one that can be pasted", (today) => {
    const now = new Date(`${today}T12:00:00Z`);
    const refused = (day: string): PgkeepError | undefined => {
      try {
        requireExpiry(day, now);
      } catch (error) {
        if (error instanceof PgkeepError) return error;
      }
      return undefined;
    };
    for (const day of ["2026-11-20", "2099-12-31", "soon"]) {
      const pasted = /--expires (\S+)$/.exec(refused(day)?.parts.hint ?? "")?.[1] ?? "";
      expect(refused(pasted), pasted).toBeUndefined();
    }
  });
});

describe("the place of the file", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "pgkeep-waivers-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("may be empty: then there are no waivers", async () => {
    expect(await loadWaivers(join(folder, "none.yaml"), OPTIONS)).toBeUndefined();
  });

  it("is refused when others may write it, because they would silence findings", async () => {
    const file = join(folder, "open.yaml");
    writeFileSync(file, WHOLE);
    chmodSync(file, 0o666);
    await expect(loadWaivers(file, OPTIONS)).rejects.toMatchObject({ code: "CONFIG_FILE_UNSAFE" });
    chmodSync(file, 0o644);
    expect(await loadWaivers(file, OPTIONS)).toHaveLength(1);
  });

  it("is not followed when it is a link", async () => {
    symlinkSync(join(folder, "open.yaml"), join(folder, "link.yaml"));
    await expect(loadWaivers(join(folder, "link.yaml"), OPTIONS)).rejects.toMatchObject({
      code: "CONFIG_FILE_INVALID",
    });
  });
});
