/** What `scrub` recognises: a value in every form that a program or server may give it, in any number and size. */
import { randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { redactCredentials } from "../../../src/base/credentials.ts";
import { forgetSecretsForTests, registerSecret, SECRET_TEXT, scrub } from "../../../src/base/secrets.ts";
import { tameLine, tameText } from "../../../src/base/tame.ts";
import { expectLinearTime } from "../../support/growth.ts";

afterEach(forgetSecretsForTests);

const VALUES = {
  "letters and signs": "Can4ry-simple!x",
  "quotes and backslashes": `Can4ry'q\\bs"dq`,
  markup: 'Can4ry&<amp>"x',
  "beyond ASCII": "Can4ry%20$&é ü(1)",
  "several lines": "Can4ry\nmulti-line\nlast-line-key",
  "control and direction characters": "Can4ry\u200bzw\u202eq",
  "words of CI systems": "::Can4ry##[x",
  "blanks after an equals sign": "Can4ry with blanks ok",
};

const bytes = (text: string) => Buffer.from(text, "utf8");
const sqlLiteral = (text: string) => text.replace(/['\\]/g, "$&$&");
const wrapped = (text: string) => (text.match(/.{1,76}/g) ?? []).join("\n");
const strictPercent = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const FORMS: Record<string, (value: string) => string> = {
  plain: (value) => value,
  JSON: (value) => JSON.stringify(value),
  "JSON in JSON": (value) => JSON.stringify(JSON.stringify(value)),
  "SQL literal": (value) => `E'${sqlLiteral(value)}'`,
  "SQL literal in an SQL literal": (value) => `E'E''${sqlLiteral(sqlLiteral(value))}'''`,
  "SQL identifier": (value) => `"${value.replaceAll('"', '""')}"`,
  "SQL row": (value) => `("${value.replace(/["\\]/g, "$&$&")}")`,
  "XML text": (value) => value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
  URL: encodeURIComponent,
  "strict URL": strictPercent,
  "strict URL in lower case": (value) => strictPercent(value).replace(/%../g, (code) => code.toLowerCase()),
  form: (value) => strictPercent(value).replaceAll("%20", "+"),
  hexadecimal: (value) => bytes(value).toString("hex"),
  "upper-case hexadecimal": (value) => bytes(value).toString("hex").toUpperCase(),
  "base64, first place": (value) => bytes(`abc${value}xyz`).toString("base64"),
  "base64, second place": (value) => bytes(`a${value}xyz`).toString("base64"),
  "base64, third place": (value) => bytes(`ab${value}xyz`).toString("base64"),
  "base64 in lines": (value) => wrapped(bytes(`${"#".repeat(51)}${value}${"#".repeat(99)}`).toString("base64")),
  "hexadecimal in lines": (value) => wrapped(bytes(`${"#".repeat(34)}${value}`).toString("hex")),
};

describe("[D-02] a secret is recognised", () => {
  for (const [kind, value] of Object.entries(VALUES)) {
    test.each(Object.entries(FORMS))(`${kind} as %s`, (_, form) => {
      const text = `before ${form(value)} after`;
      expect(scrub(text), "without a registered secret nothing is hidden").toBe(text);
      registerSecret(value);
      const shown = scrub(text);
      expect(shown).toContain(SECRET_TEXT);
      expect(shown).not.toMatch(/can4ry|43616e347279|Q2FuNH|NhbjRy|DYW40c/i);
      expect(shown.startsWith("before ")).toBe(true);
      expect(shown.endsWith(" after")).toBe(true);
    });

    test(`${kind}: before a text is tamed, cut or redacted`, () => {
      registerSecret(value);
      const texts = [
        tameLine(value),
        tameText(`first\n${value}`),
        tameText(`${"x".repeat(1_992)}${value}`),
        redactCredentials(`password=${value}`),
        redactCredentials(`postgres://u:${value}@h/d`),
      ];
      expect(texts.join("\n")).not.toMatch(/can4ry|multi|blanks|zw|last-line/i);
    });
  }

  test("by its first bytes, where the server shows no more of a long value", () => {
    const value = `${"ä".repeat(31)}€${"z".repeat(40)}`;
    registerSecret(value);
    expect(scrub(`Failing row contains (1, ${"ä".repeat(31)}...).`)).toBe(
      `Failing row contains (1, ${SECRET_TEXT}...).`,
    );
  });

  test("when the text holds line breaks and the value does not", () => {
    registerSecret("abcdefghijkl");
    expect(scrub("one abcdef\n  ghijkl two\nthree abcdefghijkl")).toBe(`one ${SECRET_TEXT} two\nthree ${SECRET_TEXT}`);
    expect(scrub("nothing\nto see")).toBe("nothing\nto see");
  });

  test("the longer one first when one is part of another", () => {
    registerSecret("secret-1");
    registerSecret("my secret-1 is long");
    expect(scrub("my secret-1 is long, secret-1")).toBe(`${SECRET_TEXT}, ${SECRET_TEXT}`);
  });

  test("once: what stands for it stays as it is", () => {
    registerSecret("secret");
    registerSecret("[secret");
    expect(scrub(scrub("a secret here"))).toBe(`a ${SECRET_TEXT} here`);
  });

  test("with 6 characters and not with 5", () => {
    registerSecret("12345");
    registerSecret("abcdef");
    expect(scrub("12345 abcdef")).toBe(`12345 ${SECRET_TEXT}`);
  });

  test.each(["canary-of-12", "canary-of-13?", "canary-of-14~~", "ünïcödé~?>>"])(
    "to its last character where base64 ends with it: %s",
    (value) => {
      registerSecret(value);
      for (const before of ["", "u:", "x"]) {
        const encoded = bytes(`${before}${value}`);
        for (const text of [encoded.toString("base64"), encoded.toString("base64url")]) {
          expect(scrub(`(${text})`)).toMatch(/^\(.{0,3}\[secret\]\)$/);
        }
      }
    },
  );
});

describe("[S-08] scrubbing stays fast", () => {
  test("with values of several megabytes, whose text appears in no error", () => {
    const values = Array.from({ length: 10 }, () => randomBytes(400_000).toString("base64"));
    for (const value of values) registerSecret(value);
    expect(scrub(`x ${values[3]} y`)).toBe(`x ${SECRET_TEXT} y`);
  });

  test("with 1,000 values in a text of 1 MB: all values are looked for at once", async () => {
    const input = (size: number) => ({
      values: Array.from({ length: size }, () => randomBytes(18).toString("base64")),
      text: randomBytes(size * 500).toString("hex"),
    });
    const work = ({ values, text }: ReturnType<typeof input>) => {
      forgetSecretsForTests();
      for (const value of values) registerSecret(value);
      return scrub(text);
    };
    const { values, text } = input(1_000);
    expect(work({ values, text: `${text}${values[500]}` })).toBe(`${text}${SECRET_TEXT}`);
    await expectLinearTime({ input, work, largest: 1_000 });
  });
});
