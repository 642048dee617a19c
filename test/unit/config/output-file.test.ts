/** Output files: private, whole or not at all, and never through what somebody else put there. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { forgetSecretsForTests, registerSecret } from "../../../src/base/secrets.ts";
import { checkOutputFile, writeOutputFile } from "../../../src/config/output-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-output-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  forgetSecretsForTests();
});

const failed = expect.objectContaining({ code: "FILE_WRITE_FAILED" });

describe("an output file", () => {
  it("can be read by its owner only, and replaces a regular file that was there", () => {
    const path = join(folder, "report.json");
    writeFileSync(path, "old");
    chmodSync(path, 0o644);
    writeOutputFile(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["report.json"]);
  });

  it("is never written through a symbolic link", () => {
    const target = join(folder, "target");
    const link = join(folder, "link");
    symlinkSync(target, link);
    expect(() => writeOutputFile(link, "x")).toThrow(failed);
    expect(existsSync(target)).toBe(false);
  });

  it("is never written over a directory", () => {
    mkdirSync(join(folder, "d"));
    expect(() => writeOutputFile(join(folder, "d"), "x")).toThrow(failed);
  });

  it("fails on a full device instead of passing for written", () => {
    expect(() => writeOutputFile("/dev/full", "x")).toThrow(failed);
  });

  it("[D-02] holds no secret", () => {
    registerSecret("canary-in-a-file");
    const path = join(folder, "report.txt");
    writeOutputFile(path, "the canary-in-a-file leaked");
    expect(readFileSync(path, "utf8")).toBe("the [secret] leaked");
  });

  it("in a directory that is not there is refused with what to do", () => {
    const hint = expect.stringContaining("directory");
    expect(() => checkOutputFile(join(folder, "missing/report"))).toThrow(
      expect.objectContaining({ parts: expect.objectContaining({ hint }) }),
    );
  });

  it("is checked before the work is done, and leaves nothing by that", () => {
    symlinkSync(join(folder, "target"), join(folder, "link"));
    for (const path of [join(folder, "missing/report"), join(folder, "link"), folder])
      expect(() => checkOutputFile(path)).toThrow(failed);
    checkOutputFile(join(folder, "fine"));
    expect(readdirSync(folder)).toEqual(["link"]);
  });
});
