/** pgmi.yaml: scalars as written, strictness with line and column, and no way to hurt the reader. */
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import { PGMI_SHAPE, readPgmiYaml } from "../../../src/config/pgmi-yaml.ts";
import { MAX_YAML_BYTES, readStrictYaml } from "../../../src/config/strict-yaml.ts";
import { MAX_ALIASES } from "../../../src/config/yaml-source.ts";
import { expectLinearTime, repeated } from "../../support/growth.ts";
import { failureOf, temporaryDirectory } from "../../support/project.ts";

const read = async (text: string) =>
  (await readStrictYaml(text, "pgmi.yaml", PGMI_SHAPE)).map(({ path, value }) => [path.join("."), value]);
const refusal = (text: string) => failureOf(() => read(text));

describe("[PM-06] [CL-08] pgmi.yaml", () => {
  it("[CL-08] gives connection, params and timeout with their lines", async () => {
    const text = "connection:\n  host: db\n  port: 5433\n  sslmode: verify-full\nparams:\n  Env: dev\ntimeout: 1h30m\n";
    expect(await readStrictYaml(text, "pgmi.yaml", PGMI_SHAPE)).toEqual([
      { path: ["connection", "host"], value: "db", line: 2 },
      { path: ["connection", "port"], value: "5433", line: 3 },
      { path: ["connection", "sslmode"], value: "verify-full", line: 4 },
      { path: ["params", "Env"], value: "dev", line: 6 },
      { path: ["timeout"], value: "1h30m", line: 7 },
    ]);
  });

  it.each(["", "\n", "# nothing\n", "connection:\nparams:\ntimeout:\n", "connection: {}\nparams: ~\n", "---\n...\n"])(
    "[CL-08] may be empty: %j",
    async (text) => expect(await read(text)).toEqual([]),
  );

  it.each([
    ["5", "5"],
    ["true", "true"],
    ["1.50", "1.50"],
    ["0x1F", "0x1F"],
    ["1e3", "1e3"],
    ["010", "010"],
    ["2020-01-01", "2020-01-01"],
    ["no", "no"],
    ['""', ""],
    ["''", ""],
    ["~", ""],
    ["null", ""],
    ["", ""],
    ['"null"', "null"],
    ['"a\\nb"', "a\nb"],
    ["'it''s'", "it's"],
    ["|\n    two\n    lines", "two\nlines\n"],
    ["plain # comment", "plain"],
    ["!!str 5", "5"],
  ])("[PM-06] keeps the parameter value %j as %j", async (written, value) => {
    expect(await read(`params:\n  a: ${written}\n`)).toEqual([["params.a", value]]);
  });

  it.each([
    [
      "an unknown key at the top",
      "conection:\n  host: x",
      /pgmi\.yaml:1:1 unknown key "conection"; did you mean "connection"\?/,
    ],
    [
      "an unknown key in a section",
      "connection:\n  hots: x",
      /pgmi\.yaml:2:3 unknown key "hots" in "connection"; did you mean "host"\?/,
    ],
    ["a password", "connection:\n  password: hunter2", /unknown key "password" in "connection"/],
    ["an sslpassword", "connection:\n  sslpassword: hunter2", /unknown key "sslpassword"/],
    ["a repeated key", "params:\n  a: 1\n  a: 2", /pgmi\.yaml:3:3 repeats the key "a"/],
    ["a repeated section", "timeout: 1m\ntimeout: 2m", /repeats the key "timeout"/],
    [
      "a port that is no number",
      "connection:\n  port: hunter2",
      /pgmi\.yaml:2:9 "connection\.port" must be a whole number/,
    ],
    ["a port in quotes", 'connection:\n  port: "5432"', /must be a number, without quotes/],
    ["port 0", "connection:\n  port: 0", /from 1 to 65535/],
    ["port 65536", "connection:\n  port: 65536", /from 1 to 65535/],
    ["an unknown sslmode", "connection:\n  sslmode: hunter2", /must be one of: disable, allow/],
    ["a timeout without unit", "timeout: 3", /must be a duration/],
    ["a negative timeout", "timeout: -3m", /must be a duration/],
    ["a list as a parameter", "params:\n  a: [hunter2]", /"params\.a" must be a single value/],
    ["a map as a parameter", "params:\n  a: {b: hunter2}", /"params\.a" must be a single value/],
    ["a list at the top", "- hunter2", /must be a mapping/],
    ["text at the top", "hunter2", /must be a mapping/],
    ["a section that is text", "connection: hunter2", /"connection" must be a mapping/],
    ["a mistake the parser reports twice, once", "connection:\n  host: [a\n password: x\n", /^pgmi\.yaml:3:2 is not/],
    ["a tab for indentation", "connection:\n\thost: hunter2", /not valid YAML here \(tab as indent\)/],
    ["an unclosed quote", 'params:\n  a: "hunter2', /not valid YAML/],
    ["two documents", "timeout: 1m\n---\ntimeout: hunter2", /not valid YAML here \(multiple docs\)/],
    ["a custom tag", "params:\n  a: !hunter2 x", /not valid YAML here \(tag resolve failed\)/],
    ["an alias without anchor", "params:\n  a: *hunter2", /pgmi\.yaml:2:6 is an alias without an anchor/],
    ["a merge key", "params: &p {a: 1}\nconnection:\n  <<: *p", /unknown key "<<"/],
  ])("[CL-08] refuses %s with exit 10, line and column, and repeats no value", async (_, text, message) => {
    const error = await refusal(text);
    expect(error).toMatchObject({ code: "CONFIG_FILE_INVALID", exit: 10 });
    expect(`${error.message}\n${error.parts.detail}`).toMatch(message);
    expect(JSON.stringify([error.message, error.parts])).not.toContain("hunter2");
  });

  it("[CL-08] reports all problems together, at most eight by name", async () => {
    const error = await refusal(Array.from({ length: 10 }, (_, index) => `key${index}: x`).join("\n"));
    expect(error.message).toBe("pgmi.yaml has 10 problems");
    expect(error.parts.detail?.split("\n")).toHaveLength(9);
  });

  it("may use aliases, up to a limit", async () => {
    expect(await read("params:\n  a: &x 1.50\n  b: *x\n")).toEqual([
      ["params.a", "1.50"],
      ["params.b", "1.50"],
    ]);
    const many = `params:\n  a: &x 1\n${Array.from({ length: MAX_ALIASES + 1 }, (_, index) => `  b${index}: *x\n`).join("")}`;
    expect((await refusal(many)).message).toMatch(/more than 100 aliases/);
  });

  it("[S-07] treats __proto__ and constructor as names like any other", async () => {
    expect(await read("params:\n  __proto__: x\n  constructor: y\n")).toEqual([
      ["params.__proto__", "x"],
      ["params.constructor", "y"],
    ]);
    expect((await refusal("__proto__:\n  host: x\n")).message).toMatch(/unknown key "__proto__"/);
    expect((await refusal("connection:\n  constructor: x\n")).message).toMatch(/unknown key "constructor"/);
    expect(Reflect.get({}, "host")).toBeUndefined();
  });

  it.each<[string, number, (size: number) => string]>([
    ["nesting", 100_000, repeated("[")],
    ["block nesting", 100_000, (size) => `${repeated("- ")(size)}x`],
    ["keys", 50_000, (size) => `params:\n${Array.from({ length: size }, (_, index) => ` k${index}: 1\n`).join("")}`],
    ["anchors", 10_000, repeated("a: &a [x]\n")],
  ])(
    "[S-07] [S-08] is read or refused in linear time with much %s",
    async (_, largest, input) => {
      await expectLinearTime({ input, work: read, refusal: PgkeepError, largest });
    },
    60_000,
  );

  it("fails with nothing but its own error, whatever the text", async () => {
    const pieces = fc.constantFrom(
      "connection",
      "params",
      ":",
      " ",
      "\n",
      "  ",
      "-",
      "&a",
      "*a",
      "!x",
      "'",
      '"',
      "{",
      "}",
      "[",
      "]",
      "|",
      "#",
      "?",
      "a",
      "\t",
      "---",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { maxLength: 30 }), async (parts) => {
        await read(parts.join("")).catch((error: unknown) => expect(error).toBeInstanceOf(PgkeepError));
      }),
      { numRuns: 500 },
    );
  });
});

describe("the file", () => {
  it("is optional", async () => {
    using directory = temporaryDirectory();
    expect(await readPgmiYaml(directory.path)).toBeUndefined();
  });

  it("[D-06] is refused when it is a link, a pipe, too large or not UTF-8", async () => {
    const makers: ((path: string) => void)[] = [
      (path) => symlinkSync("/etc/passwd", path),
      (path) => execFileSync("mkfifo", [path]),
    ];
    for (const make of makers) {
      using directory = temporaryDirectory();
      make(directory.at("pgmi.yaml"));
      expect(await failureOf(() => readPgmiYaml(directory.path))).toMatchObject({
        code: "CONFIG_FILE_INVALID",
        exit: 10,
      });
    }
    using large = temporaryDirectory({ "pgmi.yaml": Buffer.alloc(MAX_YAML_BYTES + 1, "#") });
    expect((await failureOf(() => readPgmiYaml(large.path))).message).toMatch(/over the cap/);
    using latin = temporaryDirectory({ "pgmi.yaml": Buffer.from("params:\n  a: caf\xe9", "latin1") });
    expect((await failureOf(() => readPgmiYaml(latin.path))).message).toMatch(/not valid UTF-8/);
  });
});
