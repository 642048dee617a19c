/** Foreign text on its way to a terminal or the log of a CI system. */
import { describe, expect, it, test } from "vitest";
import { tameJson, tameLine, tameText } from "../../../src/base/tame.ts";
import { xmlText } from "../../../src/base/xml-text.ts";
import { jsonText } from "../../../src/cli/output.ts";
import { index } from "../../../src/deploy/reporters/index.ts";
import { ident } from "../../../src/pg/identifiers.ts";

const HARMFUL = [
  "\u001b[31mred",
  "\u009b31mred",
  "\u001b]52;c;ZXZpbA==\u0007",
  "x\u202egpj.sql",
  "\u2066a\u2069",
  "\u200bhidden",
  "a\u2028b",
  "\ufeffmark",
  "##vso[task.setvariable variable=PATH]/tmp",
  "text ##[error]forged",
  "##teamcity[buildStatus]",
  "\u007f",
];
const OBEYED =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are exactly the characters that must not appear.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]|##(?:\[|vso|team)/;

test.each(HARMFUL)("[D-16] %j is shown and not obeyed, as text and as JSON", (text) => {
  expect(text, "the check itself sees it").toMatch(OBEYED);
  expect(tameLine(text)).not.toMatch(OBEYED);
  expect(tameText(text)).not.toMatch(OBEYED);
  const json = tameJson(JSON.stringify({ [text]: [text] }, null, 2));
  expect(json).not.toMatch(OBEYED);
  expect(JSON.parse(json)).toEqual({ [text]: [text] });
  expect(jsonText({ text })).not.toMatch(OBEYED);
});

test.each(["tap", "junit"] as const)("[D-16] %s on stdout holds no command of a CI system", async (format) => {
  const { default: reporter } = await index[format]();
  const text = reporter.render({ status: "failed", exitCode: 13, error: "a ##vso[task.prependpath]/tmp b" });
  expect(text).toContain("task.prependpath");
  expect(text).not.toMatch(OBEYED);
});

test("[D-16] GitHub's commands count at the start of a line only", () => {
  expect(tameText("::error::a\n  ::warning::b\nc::d")).toBe(":\\:error::a\n  :\\:warning::b\nc::d");
});

test("[D-08] one value is shown up to 2,000 characters, and the rest is counted", () => {
  expect(tameLine("x".repeat(2_000))).toBe("x".repeat(2_000));
  expect(tameLine("x".repeat(2_001))).toBe(`${"x".repeat(2_000)}… (1 more characters)`);
});

describe("characters that show nothing", () => {
  const HIDDEN = ["\u{e0041}", "\u{e007f}", "\u00ad", "\u061c", "\u180e", "\u2060", "\u2064", "\u2069"];

  it.each(HIDDEN)("are shown in human text and escaped in JSON and XML (%j)", (hidden) => {
    const code = (hidden.codePointAt(0) ?? 0).toString(16);
    expect(tameLine(`a${hidden}b`)).toBe(`a\\u{${code}}b`);
    const json = tameJson(JSON.stringify(`a${hidden}b`));
    expect([json.includes(hidden), JSON.parse(json)]).toEqual([false, `a${hidden}b`]);
    expect(xmlText(`a${hidden}b`)).toBe(`a&#x${code};b`);
    expect(ident(`a${hidden}b`)).toMatch(/^U&"a\\(?:[0-9a-f]{4}|\+[0-9a-f]{6})b"$/);
  });
});
