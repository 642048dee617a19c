/** What `--ascii` makes of text. */
import { describe, expect, it } from "vitest";
import { asciiText } from "../../../src/cli/ascii.ts";

describe("[5.3] text for --ascii", () => {
  it("keeps ASCII as it is, line breaks and tabs included", () => {
    const text = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).join("");
    expect(asciiText(text)).toBe(text);
  });

  it("has words for our signs", () => {
    expect(asciiText("✓ a⏎b… ✗")).toBe("ok a\\nb... FAILED");
  });

  it("shows every other character by its number, beyond the first plane too", () => {
    expect(asciiText("größe 🐘")).toBe("gr\\u{f6}\\u{df}e \\u{1f418}");
  });
});
