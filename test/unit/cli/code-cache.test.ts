/** Where compiled code may be kept, by system. What is done with it there: test/system/cli/code-cache.test.ts. */
import { describe, expect, it } from "vitest";
import { codeDirectory } from "../../../src/cli/code-cache.ts";
import { temporaryDirectory } from "../../support/project.ts";

describe("the place of compiled code", () => {
  it.each([
    ["linux", ".cache/pgkeep/code"],
    ["freebsd", ".cache/pgkeep/code"],
    ["darwin", "Library/Caches/pgkeep/code"],
  ] as const)("on %s is %s of the home", (platform, expected) => {
    using home = temporaryDirectory();
    expect(codeDirectory({ HOME: home.path }, platform)).toBe(home.at(expected));
  });

  it("is below XDG_CACHE_HOME when that is absolute", () => {
    using home = temporaryDirectory();
    const place = (XDG_CACHE_HOME: string) => codeDirectory({ HOME: home.path, XDG_CACHE_HOME }, "linux");
    expect(place("/c")).toBe("/c/pgkeep/code");
    expect(place("relative")).toBe(home.at(".cache/pgkeep/code"));
    expect(place("")).toBe(home.at(".cache/pgkeep/code"));
  });

  it("on Windows is the profile's own directory for what stays on the machine", () => {
    expect(codeDirectory({ LOCALAPPDATA: "/profile/local" }, "win32")).toBe("/profile/local/pgkeep/code");
    expect(codeDirectory({ HOME: "/home" }, "win32")).toBeUndefined();
  });

  it("is nowhere without a home, with a relative one, or when it is turned off", () => {
    using home = temporaryDirectory();
    expect(codeDirectory({}, "linux")).toBeUndefined();
    expect(codeDirectory({ XDG_CACHE_HOME: "/c" }, "linux")).toBeUndefined();
    expect(codeDirectory({ HOME: "home" }, "linux")).toBeUndefined();
    expect(codeDirectory({ HOME: home.path, PGKEEP_NO_CODE_CACHE: "1" }, "linux")).toBeUndefined();
    expect(codeDirectory({ LOCALAPPDATA: "/l", PGKEEP_NO_CODE_CACHE: "1" }, "win32")).toBeUndefined();
  });
});
