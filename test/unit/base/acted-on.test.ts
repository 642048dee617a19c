/** Characters that act on a reader or show nothing: every writer of foreign text writes them as escapes. */
import { describe, expect, it } from "vitest";
import { yamlText } from "../../../src/access/model/yaml-text.ts";
import { html } from "../../../src/base/html-page.ts";
import { tameJson, tameLine, tameText } from "../../../src/base/tame.ts";
import { xmlText } from "../../../src/base/xml-text.ts";
import { logLine } from "../../../src/cli/log-line.ts";
import { ident } from "../../../src/pg/identifiers.ts";

const SAMPLES = [0x7f, 0x9b, 0xad, 0x61c, 0x180e, 0x200b, 0x200f, 0x2028, 0x202e, 0x2060, 0x2066, 0xfeff, 0xe0041];

const WRITERS: Readonly<Record<string, (text: string) => string>> = {
  tameLine,
  tameText,
  tameJson: (text) => tameJson(JSON.stringify(text)),
  xmlText,
  html: (text) => html`${text}`.text,
  ident,
  yaml: (text) => yamlText([], [{ key: "name", value: text }]),
  log: (text) => logLine(new Date(0), "info", { type: "deploy.notice", text }),
};

describe.each(Object.entries(WRITERS))("[D-16] %s", (_name, write) => {
  it.each(SAMPLES.map((code) => [code.toString(16), String.fromCodePoint(code)]))(
    "does not write U+%s",
    (_code, character) => {
      expect(write(`a${character}b`)).not.toContain(character);
      expect(write("ab")).toContain("ab");
    },
  );
});

it("yaml and JSON of a tag are read back as the tag", async () => {
  const tag = String.fromCodePoint(0xe0041);
  const { parse } = await import("yaml");
  expect(parse(yamlText([], [{ key: "name", value: `a${tag}##[x]` }]))).toEqual({ name: `a${tag}##[x]` });
  expect(JSON.parse(tameJson(JSON.stringify(tag)))).toBe(tag);
});
