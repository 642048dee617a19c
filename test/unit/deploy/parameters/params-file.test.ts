/** The dialect of params files, line by line. */
import { execFileSync, spawn } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import {
  MAX_PARAMS_FILE_BYTES,
  parseParamsFile,
  readParamsFile,
} from "../../../../src/deploy/parameters/params-file.ts";
import { expectLinearTime, repeated } from "../../../support/growth.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

const signal = new AbortController().signal;
const pairs = (text: string) => parseParamsFile(text, "app.params").map(({ key, value }) => [key, value]);

describe("a params file", () => {
  it.each([
    ["a=1", "a", "1"],
    ["  a  =  1  ", "a", "1"],
    ["a=1\r", "a", "1"],
    ["a=", "a", ""],
    ["a=b=c", "a", "b=c"],
    ["a=v # c", "a", "v # c"],
    ['a="v"', "a", "v"],
    ["a='v'", "a", "v"],
    ["a='v\"", "a", "'v\""],
    ['a="', "a", '"'],
    ['a=""', "a", ""],
    ['a=" v "', "a", " v "],
    ["a=\"'v'\"", "a", "'v'"],
    ["a=x\\ny", "a", "x\\ny"],
    ["a=$HOME", "a", "$HOME"],
    ["export a=1", "export a", "1"],
    ["\u00a0a\u2003=\u30001\u0085", "a", "1"],
  ])("[PM-02] reads %j", (line, key, value) => expect(pairs(line)).toEqual([[key, value]]));

  it("[PM-02] skips blank lines and lines that start with #, and starts after a byte order mark", () => {
    expect(pairs("\ufeffa=1\n\n  \n# b=2\n  # c=3\nd=4")).toEqual([
      ["a", "1"],
      ["d", "4"],
    ]);
  });

  it("[PM-02] keeps repeated keys in order, with their lines", () => {
    expect(parseParamsFile("a=1\n\na=2", "x")).toEqual([
      { key: "a", value: "1", line: 1 },
      { key: "a", value: "2", line: 3 },
    ]);
  });

  it.each([
    ["without an equals sign", "ok=1\nhunter2secret", "app.params:2 is not key=value"],
    ["with an empty key", "= hunter2secret", "app.params:1 has no key before its equals sign"],
    ["with a NUL character", "a=hunter2\0secret", "app.params:1 holds a NUL character"],
    ["of 64 KiB", `a=${"x".repeat(65_534)}`, "app.params:1 is 64 KiB long or longer"],
    ["of 64 KiB in bytes", `a=${"é".repeat(32_767)}`, "app.params:1 is 64 KiB long or longer"],
  ])("[PM-03] refuses a line %s, naming the line and not its text", async (_, text, message) => {
    const error = await failureOf(() => parseParamsFile(text, "app.params"));
    expect(error).toMatchObject({ code: "DEPLOY_PARAMS_FILE_INVALID", exit: 10, message });
    expect(JSON.stringify([error.message, error.parts])).not.toContain("hunter2");
  });

  it("[PM-03] takes a line one byte under 64 KiB", () => {
    expect(pairs(`a=${"x".repeat(65_533)}`)[0]?.[1]).toHaveLength(65_533);
  });

  it("never fails with anything but its own error, whatever the text", () => {
    const text = fc.array(fc.constantFrom("a", "=", "\n", "\r", "#", '"', "'", " ", "\0", "é", "\ud800"), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(text, (parts) => {
        try {
          for (const { key, value } of parseParamsFile(parts.join(""), "x")) {
            expect(key).not.toBe("");
            expect(`${key}${value}`).not.toMatch(/[\n\0]/);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(PgkeepError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([" ", "\n", "=", '"', "a= \n"])(
    "[S-08] is read or refused in linear time when it repeats %j",
    async (piece) => {
      const work = (text: string) => parseParamsFile(text, "x");
      await expectLinearTime({ input: repeated(piece), work, refusal: PgkeepError, largest: 1_000_000 });
    },
  );
});

describe("reading a params file", () => {
  it.each([
    ["a missing one", "nowhere.params", /does not exist/],
    ["a directory", ".", /is a directory/],
    ["one that is not UTF-8", "latin1.params", /not valid UTF-8/],
    ["one over the cap", "huge.params", /larger than/],
  ])("[PM-03] refuses %s with exit 10", async (_, name, message) => {
    using directory = temporaryDirectory({
      "latin1.params": Buffer.from("a=caf\xe9", "latin1"),
      "huge.params": Buffer.alloc(MAX_PARAMS_FILE_BYTES + 1, "#"),
    });
    const error = await failureOf(() => readParamsFile({ path: name, absolutePath: directory.at(name) }, signal));
    expect(error).toMatchObject({ code: "DEPLOY_PARAMS_FILE_INVALID", exit: 10 });
    expect(error.message).toMatch(message);
  });

  it("takes a pipe, so that a secret need never be in a file", async () => {
    using directory = temporaryDirectory();
    execFileSync("mkfifo", [directory.at("pipe")]);
    const writer = spawn("sh", ["-c", 'printf "a=1\\nb=2\\n" > "$1"', "sh", directory.at("pipe")]);
    const entries = await readParamsFile({ path: "pipe", absolutePath: directory.at("pipe") }, signal);
    writer.kill();
    expect(entries.map(({ key, value }) => `${key}=${value}`)).toEqual(["a=1", "b=2"]);
  });

  it("takes a pipe whose writer is slow", async () => {
    using directory = temporaryDirectory();
    execFileSync("mkfifo", [directory.at("pipe")]);
    const script = 'exec 3> "$1"; sleep 0.1; printf "a=1\\nb" >&3; sleep 0.1; printf "=2\\n" >&3';
    const writer = spawn("sh", ["-c", script, "sh", directory.at("pipe")]);
    const entries = await readParamsFile({ path: "pipe", absolutePath: directory.at("pipe") }, signal);
    writer.kill();
    expect(entries.map(({ key, value }) => `${key}=${value}`)).toEqual(["a=1", "b=2"]);
  });

  it("[D-06] ends with the signal's reason when nobody writes to the pipe", async () => {
    using directory = temporaryDirectory();
    execFileSync("mkfifo", [directory.at("pipe")]);
    const controller = new AbortController();
    const reason = new Error("enough");
    const reading = readParamsFile({ path: "pipe", absolutePath: directory.at("pipe") }, controller.signal);
    setTimeout(() => controller.abort(reason), 50);
    await expect(reading).rejects.toBe(reason);
  });

  it("[D-06] stops at the cap when the file never ends", async () => {
    const error = await failureOf(() => readParamsFile({ path: "zero", absolutePath: "/dev/zero" }, signal));
    expect(error.message).toMatch(/larger than/);
  });
});
