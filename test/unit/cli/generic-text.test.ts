/** Results without a look of their own, and what foreign names can do to a terminal: nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tameLine, tameText } from "../../../src/base/tame.ts";
import { columns, genericText } from "../../../src/cli/generic-text.ts";

const VIEW = {
  colour: false,
  ascii: false,
  width: 80,
  isTerminal: false,
  isFitted: false,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
} as const;

describe("a result without a renderer", () => {
  it("shows names beside values and lists as columns", () => {
    const text = genericText(
      {
        data_dir: "/tmp/x",
        ready: true,
        pid: null,
        roles: [
          { name: "app", can_login: true },
          { name: "ops", can_login: false },
        ],
      },
      VIEW,
    );
    expect(text).toBe(
      [
        "data dir  /tmp/x",
        "ready     yes",
        "pid       -",
        "roles",
        "  name  can login",
        "  app   yes",
        "  ops   no",
        "",
      ].join("\n"),
    );
  });

  it("makes a table fit where it has to, by its widest columns", () => {
    const rows = [{ order: 1, file: "migrations/a/long/path/to/010_customers.sql", kind: "sql" }];
    const whole = genericText({ rows }, { ...VIEW, width: 30 });
    expect(whole).toContain("migrations/a/long/path/to/010_customers.sql");
    const lines = genericText({ rows }, { ...VIEW, width: 30, isFitted: true })
      .trimEnd()
      .split("\n");
    expect(Math.max(...lines.map(columns))).toBeLessThanOrEqual(30);
    expect(lines.at(-1)).toMatch(/^ {2}1 +migratio.*…mers\.sql +sql$|^ {2}1 +\S+…\S+\.sql +sql$/);
  });

  it("aligns by the columns a terminal uses", () => {
    expect(columns("日本e\u0301😀")).toBe(7);
    const [, first = "", second = ""] = genericText(
      {
        rows: [
          { a: "日本", b: 1 },
          { a: "x", b: 2 },
        ],
      },
      VIEW,
    )
      .split("\n")
      .slice(1);
    expect(columns(first.slice(0, first.indexOf("1")))).toBe(columns(second.slice(0, second.indexOf("2"))));
  });

  it("says that a list is empty", () => {
    expect(genericText({ items: [] }, VIEW)).toBe("items  none\n");
  });

  it("shortens long values in the middle on a terminal only", () => {
    const long = `${"a".repeat(200)}END`;
    expect(genericText({ name: long }, VIEW)).toContain(long);
    const shown = genericText({ name: long }, { ...VIEW, isFitted: true });
    expect(shown).toMatch(/^name {2}a+…a+END\n$/);
    expect(shown.length).toBeLessThan(100);
  });
});

/** C0 without tab and line feed, DEL, C1, direction marks, zero-width characters, separators, lone surrogates. */
const HARMFUL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not come out.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/u;

describe("[D-07] foreign text", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    fc
      .array(
        fc.constantFrom(
          "\u001b[2J",
          "\r",
          "\n",
          "\u202e",
          "::error::",
          "##[group]",
          "\u009b",
          "\ufeff",
          "\ud800",
          "a",
          " ",
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join("")),
  );

  it("comes out harmless, for 10,000 names in values, keys and lists", () => {
    fc.assert(
      fc.property(hostile, (name) => {
        for (const text of [tameLine(name), genericText({ [name]: name, list: [{ [name]: name }] }, VIEW)])
          expect(HARMFUL.test(text)).toBe(false);
        expect(tameLine(name)).not.toContain("\n");
        expect(tameText(name)).not.toMatch(/^\s*::/m);
        expect(tameLine(name)).not.toMatch(/##\[|##vso\[|##teamcity\[/);
      }),
      { numRuns: 10_000 },
    );
  });
});
