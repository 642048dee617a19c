/** A plan as a script: runnable as it stands, each database entered by name, nothing foreign outside of quotes. */
import { describe, expect, it } from "vitest";
import { confSnippet, fixScript, type ScriptStep, undoScript } from "../../../../src/audit/fix/script.ts";

const step = (parts: Partial<ScriptStep>): ScriptStep => ({
  group: "statements",
  database: undefined,
  cures: [{ check: "A-1", title: "wrong", severity: "high", object: "thing", fingerprint: "f" }],
  sql: [],
  conf: [],
  lines: [],
  file: undefined,
  effect: "at once",
  risk: "low",
  riskReason: undefined,
  ...parts,
});
const TAIL = [
  "reset role;",
  "reset search_path;",
  "reset standard_conforming_strings;",
  "reset lock_timeout;",
  "reset statement_timeout;",
];
const all = (script: string): string[] => script.split("\n").filter((line) => line !== "" && !line.startsWith("--"));
/** All but the end, which is the same everywhere. */
const lines = (script: string): string[] => all(script).slice(0, -TAIL.length);

describe("a script", () => {
  it("enters each database, in one transaction each, and the cluster's where it begins", () => {
    const script = fixScript(
      [
        step({ sql: ["revoke a"], database: "one" }),
        step({ sql: ["alter b"] }),
        step({ sql: ["grant c"], database: "one" }),
      ],
      "main",
    );
    expect(lines(script).filter((line) => !/^(?:set |\\set )/.test(line))).toEqual([
      `\\connect -reuse-previous=on "dbname='main'"`,
      `\\connect -reuse-previous=on "dbname='one'"`,
      "begin read write;",
      "revoke a;",
      "grant c;",
      "commit;",
      `\\connect -reuse-previous=on "dbname='main'"`,
      "begin read write;",
      "alter b;",
      "commit;",
      `\\connect -reuse-previous=on "dbname='main'"`,
    ]);
  });

  it("writes settings outside of transactions and reloads once", () => {
    const settings = ["a", "b"].map((name) => step({ group: "settings", sql: [`alter system set ${name} = '1'`] }));
    expect(lines(fixScript(settings, undefined)).slice(-3)).toEqual([
      "alter system set a = '1';",
      "alter system set b = '1';",
      "select pg_catalog.pg_reload_conf();",
    ]);
  });

  it("keeps out of transactions what the server refuses there", () => {
    const script = fixScript(
      [step({ sql: ["alter database x set tablespace y"] }), step({ sql: ["alter role z"] })],
      "m",
    );
    expect(lines(script).slice(-4)).toEqual([
      "begin read write;",
      "alter role z;",
      "commit;",
      "alter database x set tablespace y;",
    ]);
  });

  it.each([
    ["it's", `\\connect -reuse-previous=on "dbname='it\\'s'"`],
    ['say "hi"', `\\connect -reuse-previous=on "dbname='say ""hi""'"`],
    ["a=b host=evil", `\\connect -reuse-previous=on "dbname='a=b host=evil'"`],
    ["back\\slash", `\\connect -reuse-previous=on "dbname='back\\\\slash'"`],
  ])("enters database %s and no other", (name, expected) => {
    expect(fixScript([step({ sql: ["x"], database: name })], undefined)).toContain(`${expected}\n`);
  });

  it("never holds a line that an object's, a file's or a database's name began", () => {
    const evil = "x\n\\! touch /tmp/owned\ndrop table a;\u2028\u001b[2J";
    const script = fixScript(
      [
        step({
          sql: ["x"],
          database: evil,
          cures: [{ check: "A", title: evil, severity: "low", object: evil, fingerprint: "" }],
        }),
        step({ group: "files", lines: [evil], file: { name: evil, how: evil }, riskReason: evil }),
      ],
      evil,
    );
    for (const line of lines(script)) expect(line).not.toMatch(/^(?:\\!|drop)/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not be there.
    expect(script.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u2028]/);
  });

  it("has what is not SQL as comments", () => {
    const script = fixScript([step({ lines: ["ask somebody"], group: "decisions" })], undefined);
    expect(script).toContain("-- Not for psql:\n-- A-1 thing: wrong");
    expect(script).toContain("\n--   ask somebody\n");
  });
});

describe("the session that a script was run in", () => {
  it("has its own role and settings again", () => {
    const undo = undoScript([{ database: "one", sql: ["grant a"], isSetting: false }], "one");
    for (const script of [fixScript([step({ sql: ["x"] })], "one"), undo]) {
      expect(all(script).slice(-TAIL.length)).toEqual(TAIL);
    }
  });

  it("is in the database in which the script began", () => {
    const script = fixScript([step({ sql: ["x"], database: "other" })], "main");
    expect(lines(script).at(-1)).toBe(`\\connect -reuse-previous=on "dbname='main'"`);
  });
});

describe("lines for postgresql.conf", () => {
  it("are the settings, each with what it cures, and other files as comments", () => {
    const text = confSnippet([
      step({ group: "settings", conf: ["ssl = 'on'"], effect: "after a restart", risk: "medium", riskReason: "slow" }),
      step({ group: "files", file: { name: "pg_hba.conf", how: "replace line 3 by" }, lines: ["local all all peer"] }),
    ]);
    expect(text.split("\n")).toEqual([
      "# pgkeep audit fix: for postgresql.conf",
      "# A-1 thing: wrong; risk medium: slow; after a restart",
      "ssl = 'on'",
      "# A-1 thing: wrong; risk low",
      "#   pg_hba.conf: replace line 3 by",
      "#   local all all peer",
      "",
    ]);
  });
});

describe("the script that undoes", () => {
  it("goes backwards, in the databases where things were done, and reloads at last", () => {
    const script = undoScript(
      [
        { database: undefined, sql: ["alter system reset a"], isSetting: true },
        { database: "one", sql: ["grant first", "set role none", "grant second", "set role r"], isSetting: false },
        { database: "two", sql: ["grant third"], isSetting: false },
      ],
      "one",
    );
    expect(lines(script).filter((line) => !/^(?:set (?!role )|\\set )/.test(line))).toEqual([
      `\\connect -reuse-previous=on "dbname='one'"`,
      "set role none;",
      `\\connect -reuse-previous=on "dbname='two'"`,
      "set role none;",
      "begin read write;",
      "grant third;",
      "commit;",
      `\\connect -reuse-previous=on "dbname='one'"`,
      "set role none;",
      "begin read write;",
      "set role r;",
      "grant second;",
      "set role none;",
      "grant first;",
      "commit;",
      "alter system reset a;",
      "select pg_catalog.pg_reload_conf();",
    ]);
  });
});
