/** Files that somebody else placed: links, pipes, closed directories, and the end of long ones. */
import { spawnSync } from "node:child_process";
import { chmodSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Unanswered } from "../../../../src/audit/answers.ts";
import {
  filesBelow,
  headOf,
  isReachableByOthers,
  namesIn,
  ownStatusOf,
  statusOf,
  tailOf,
} from "../../../../src/audit/facts/files.ts";
import { temporaryDirectory } from "../../../support/project.ts";

describe("looking at a file", () => {
  it("tells what is there, what is not, and follows a link for the modes alone", () => {
    using directory = temporaryDirectory({ "secret.conf": "x" });
    chmodSync(directory.at("secret.conf"), 0o640);
    symlinkSync("secret.conf", directory.at("link"));
    expect(statusOf(directory.at("secret.conf"))).toMatchObject({ kind: "file", mode: 0o640, bytes: 1 });
    expect(statusOf(directory.at("link"))).toMatchObject({ kind: "file", mode: 0o640 });
    expect(ownStatusOf(directory.at("link"))).toMatchObject({ kind: "link" });
    expect(statusOf(directory.at("none"))).toBeUndefined();
    expect(statusOf(directory.at("secret.conf/none"))).toBeUndefined();
    expect(namesIn(directory.at("none"))).toBeUndefined();
  });

  it("reads through no link and waits for no pipe", () => {
    using directory = temporaryDirectory({ real: "secret" });
    symlinkSync(directory.at("real"), directory.at("link"));
    spawnSync("mkfifo", [directory.at("pipe")]);
    expect(() => headOf(directory.at("link"), 10)).toThrow(Unanswered);
    expect(() => headOf(directory.at("pipe"), 10)).toThrow(Unanswered);
    expect(() => tailOf(directory.at(""), 10)).toThrow(Unanswered);
    expect(headOf(directory.at("real"), 3)?.toString()).toBe("sec");
  });

  it("takes whole lines from the end of a long file, and all of a short one with its lines numbered", () => {
    using directory = temporaryDirectory({ log: "first line\nsecond line\nthird line\n" });
    expect(tailOf(directory.at("log"), 1_000)).toMatchObject({ firstLine: 1, text: expect.stringMatching(/^first/) });
    expect(tailOf(directory.at("log"), 15)).toEqual({ firstLine: undefined, text: "third line\n" });
    expect(tailOf(directory.at("none"), 15)).toBeUndefined();
  });

  it("stays within a directory and within its bounds", () => {
    using directory = temporaryDirectory({ "a/1": "", "a/b/2": "", "a/b/c/3": "", "4": "" });
    symlinkSync("/", directory.at("root"));
    expect(filesBelow(directory.path, { files: 10, depth: 5 })).toHaveLength(4);
    expect(filesBelow(directory.path, { files: 10, depth: 1 })).toHaveLength(2);
    expect(() => filesBelow(directory.path, { files: 3, depth: 5 })).toThrow(/more than 3 files/);
  });

  it("knows whether others get as far as the file", () => {
    using directory = temporaryDirectory({ "open/file": "" });
    chmodSync(directory.path, 0o755);
    chmodSync(directory.at("open"), 0o755);
    expect(isReachableByOthers(directory.at("open/file"))).toBe(true);
    chmodSync(directory.at("open"), 0o750);
    expect(isReachableByOthers(directory.at("open/file"))).toBe(false);
  });
});
