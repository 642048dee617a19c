/** Lines of the JSON log: exact for whoever parses them, harmless for whatever else reads them. */
import { describe, expect, it } from "vitest";
import { isShown, levelOf, logLine } from "../../../src/cli/log-line.ts";

const AT = new Date("2026-01-02T03:04:05.678Z");

describe("a log line", () => {
  it("holds time, level and event first, then the event's fields", () => {
    const line = logLine(AT, "info", { type: "deploy.files_loaded", count: 3 });
    expect(line).toBe('{"t":"2026-01-02T03:04:05.678Z","level":"info","event":"deploy.files_loaded","count":3}');
  });

  it.each([
    "::error::x",
    "a\n::error::x",
    "##vso[task.setvariable]x",
    "##[error]x",
    "\u001b[31mred\u009b0m",
    "\u202egnp.exe \u2066 \u200b\ufeff\u2028",
  ])("keeps %j exact and lets no terminal or pipeline act on it", (message) => {
    const line = logLine(AT, "warn", { type: "warning", message });
    expect(JSON.parse(line).message).toBe(message);
    expect(line).not.toMatch(/##|^::/m);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point.
    expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/);
  });
});

describe("levels", () => {
  it("of events are warn, debug or info", () => {
    expect(levelOf({ type: "warning" })).toBe("warn");
    expect(levelOf({ type: "deploy.verbose" })).toBe("debug");
    expect(levelOf({ type: "deploy.notice" })).toBe("info");
  });

  it.each([
    ["error", ["error"]],
    ["warn", ["error", "warn"]],
    ["info", ["error", "warn", "info"]],
    ["debug", ["error", "warn", "info", "debug"]],
  ] as const)("at %s show %j", (limit, shown) => {
    expect((["error", "warn", "info", "debug"] as const).filter((level) => isShown(level, limit))).toEqual(shown);
  });
});
