/** Which pager, and when a text is long. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isLong, page, pagerOf } from "../../../src/cli/pager.ts";
import { temporaryDirectory } from "../../support/project.ts";

describe("the pager", () => {
  it.each([
    [{}, "linux", "less -R"],
    [{}, "win32", "more"],
    [{ PAGER: "most" }, "linux", "most"],
    [{ PAGER: "most", PGMI_PAGER: "less -S" }, "linux", "less -S"],
    [{ PAGER: "most", PGMI_PAGER: "cat" }, "linux", undefined],
    [{ PAGER: "cat" }, "linux", undefined],
    [{ PAGER: "" }, "linux", "less -R"],
  ])("of %j on %s is %s", (environment, platform, command) => {
    expect(pagerOf(environment, platform)).toBe(command);
  });

  it("that cannot be started leaves the text to be printed", () => {
    expect(page("text", "no-such-pager-here -R")).toBe(false);
    expect(page("text", "grep -q text")).toBe(true);
  });

  it("is started without a shell, so that nothing in its command runs beside it", () => {
    using folder = temporaryDirectory();
    expect(page("text", `true ; touch ${folder.at("made")}`)).toBe(true);
    expect(existsSync(folder.at("made"))).toBe(false);
  });

  it("that is left before the end has shown the text all the same", () => {
    expect(page("x".repeat(5_000_000), "true")).toBe(true);
  });
});

describe("a text", () => {
  it.each([
    ["", 24, false],
    ["a\n".repeat(23), 24, false],
    ["a\n".repeat(24), 24, true],
    ["a\n".repeat(1000), undefined, false],
    ["a\n".repeat(1000), 0, false],
  ])("of %j with %j rows is long: %s", (text, rows, expected) => {
    expect(isLong(text, rows)).toBe(expected);
  });
});
