/** The project's .env: its dialect, its rank, and that a broken one contributes nothing and is never quoted. */
import { execFileSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { forgetSecretsForTests, scrub } from "../../../src/base/secrets.ts";
import { parseDotenv, readDotenv } from "../../../src/config/dotenv.ts";
import { FileRefusal } from "../../../src/config/regular-file.ts";
import { expectLinearTime, repeated } from "../../support/growth.ts";
import { temporaryDirectory } from "../../support/project.ts";

const parse = (text: string) => Object.fromEntries(parseDotenv(text));

afterEach(() => forgetSecretsForTests());

describe(".env", () => {
  it.each([
    ["A=1", { A: "1" }],
    ["A = 1 ", { A: "1" }],
    ["A: 1", { A: "1" }],
    ["export A=1", { A: "1" }],
    ["export=1", { export: "1" }],
    ["A=", { A: "" }],
    ["A=\nB=2", { A: "", B: "2" }],
    ["A=x # note", { A: "x" }],
    ["A= # note", { A: "" }],
    ["A=#x", { A: "#x" }],
    ["A=x#y", { A: "x#y" }],
    ["# note\n\nA=1\n", { A: "1" }],
    ["A='x # y' # note", { A: "x # y" }],
    ['A="x\ny"\nB=2', { A: "x\ny", B: "2" }],
    ["A='x\ny'", { A: "x\ny" }],
    ['A="x\\ny"', { A: "x\ny" }],
    ["A='x\\ny'", { A: "x\\ny" }],
    ["A=x\\ny", { A: "x\\ny" }],
    ['A="say \\"hi\\""', { A: 'say "hi"' }],
    ["A=1\nB=$A-${A}", { A: "1", B: "1-1" }],
    ['A=1\nB="${A}"', { A: "1", B: "1" }],
    ["A=1\nB='$A'", { A: "1", B: "$A" }],
    ['A=1\nB="\\$A"', { A: "1", B: "$A" }],
    ["A=pa$$word$5", { A: "pa$$word$5" }],
    ["A=${UNSET}x", { A: "x" }],
    ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ["\ufeffA=1", { A: "1" }],
    ["A=1\nA=2", { A: "2" }],
    ["A.B_1=x", { "A.B_1": "x" }],
  ])("[CL-23] reads %j", (text, variables) => expect(parse(text)).toEqual(variables));

  it.each(["A", "=x", "A B", "A\n=1", "A='x", 'A="x\n', "A-B=1"])(
    "[CL-23] is refused whole when it holds %j",
    (text) => {
      expect(() => parseDotenv(`OK=1\n${text}`)).toThrow(FileRefusal);
    },
  );

  it.each(["A=", "'", '"', "\\", "$", "${", " #", " ", "\n", "A=1\n", "export "])(
    "[S-08] is read or refused in linear time when it repeats %j",
    async (piece) => {
      const input = (size: number) => `A=${repeated(piece)(size)}`;
      await expectLinearTime({ input, work: parseDotenv, refusal: FileRefusal, largest: 200_000 });
      const between = (size: number) => `A=x${repeated(piece)(size)}x`;
      await expectLinearTime({ input: between, work: parseDotenv, refusal: FileRefusal, largest: 200_000 });
    },
  );

  it("[S-08] fails with nothing but its own error", () => {
    const pieces = fc.constantFrom("A", "=", ":", " ", "\n", "'", '"', "\\", "$", "{", "}", "#", "export ", "é", "\0");
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        try {
          parseDotenv(parts.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(FileRefusal);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the project's .env", () => {
  it("[CL-23] ranks below the real environment", async () => {
    using project = temporaryDirectory({ ".env": "PGHOST=file\nPGPORT=1" });
    const { environment, names } = await readDotenv(project.path, { PGHOST: "real" });
    expect(environment).toEqual({ PGHOST: "real", PGPORT: "1" });
    expect([...names]).toEqual(["PGPORT"]);
  });

  it("cannot copy the runner's variables into its own", async () => {
    using project = temporaryDirectory({ ".env": "PGPASSWORD=${CI_TOKEN}x" });
    const { environment } = await readDotenv(project.path, { CI_TOKEN: "runner-secret" });
    expect(environment.PGPASSWORD).toBe("x");
  });

  it("[CL-23] that is broken contributes nothing and gives two lines that do not quote it", async () => {
    using project = temporaryDirectory({ ".env": "A=1\nhunter2 secret\n" });
    const { environment, warnings } = await readDotenv(project.path, { B: "2" });
    expect(environment).toEqual({ B: "2" });
    expect(warnings).toEqual([
      `${project.at(".env")} cannot be used: line 2 is not KEY=VALUE`,
      "None of its variables is used; the command goes on without them.",
    ]);
  });

  it("[D-06] is not followed out of the project, nor waited for", async () => {
    using outside = temporaryDirectory({ env: "PGPASSWORD=runner-secret" });
    using linked = temporaryDirectory();
    symlinkSync(outside.at("env"), linked.at(".env"));
    const through = await readDotenv(linked.path, {});
    expect(through.environment).toEqual({});
    expect(through.warnings[0]).toMatch(/leads out of the project/);
    using piped = temporaryDirectory();
    execFileSync("mkfifo", [piped.at(".env")]);
    expect((await readDotenv(piped.path, {})).warnings[0]).toMatch(/named pipe/);
    using inside = temporaryDirectory({ ".env.shared": "A=1" });
    symlinkSync(".env.shared", inside.at(".env"));
    expect((await readDotenv(inside.path, {})).environment).toEqual({ A: "1" });
  });

  it("[D-04] has its credentials registered for redaction", async () => {
    using project = temporaryDirectory({
      ".env": "PGPASSWORD=dotenv-canary\nDATABASE_URL=postgres://u:url-canary@h/d",
    });
    await readDotenv(project.path, {});
    expect(scrub("dotenv-canary url-canary")).toBe("[secret] [secret]");
  });

  it("is optional, and so is the project", async () => {
    using project = temporaryDirectory();
    expect((await readDotenv(project.path, { A: "1" })).warnings).toEqual([]);
    expect((await readDotenv(project.at("nowhere"), { A: "1" })).warnings).toEqual([]);
  });
});
