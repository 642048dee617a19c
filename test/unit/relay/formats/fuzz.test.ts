/** Whatever arrives: a decoder answers with rows that can be stored, or refuses with FormatFailure. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { type FormatDefinition, FormatFailure } from "../../../../src/relay/formats/format.ts";
import { index } from "../../../../src/relay/formats/index.ts";
import { names } from "../../../../src/relay/formats/names.ts";

/** Documents that are nearly right: known names with anything in them. */
const NAMES = [
  "op",
  "type",
  "data",
  "payload",
  "before",
  "after",
  "source",
  "old",
  "database",
  "table",
  "isDdl",
  "es",
  "ts",
];
const MORE_NAMES = [
  "xid",
  "xoffset",
  "id",
  "specversion",
  "dedup_key",
  "headers",
  "subject",
  "lsn",
  "__proto__",
  "constructor",
];
const WORDS = ["insert", "INSERT", "c", "d", "r", "1.0", "bootstrap-insert", "\0", "x".repeat(600)];

const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...WORDS),
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.constantFrom(null, true, 0, -1, 1e308, 12345678901234567000, 1.5),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...NAMES, ...MORE_NAMES), tie("value"), { maxKeys: 8 }),
  ),
})).value;

const bodies = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ maxLength: 64 }).map((text) => Buffer.from(text)),
  anything.map((value) => Buffer.from(JSON.stringify(value) ?? "")),
  anything.map((value) =>
    Buffer.from((JSON.stringify(value) ?? "").replace("1.5", "1e999").replace("true", "9007199254740993")),
  ),
);

describe.each(names)("decoding %s", (name) => {
  it("never throws anything but FormatFailure, and gives only what jsonb and text can hold", async () => {
    const format: FormatDefinition = (await index[name]()).default;
    const options = format.options(z).parse({});
    fc.assert(
      fc.property(bodies, (body) => {
        let decoded: ReturnType<NonNullable<FormatDefinition["decode"]>>;
        try {
          decoded = format.decode?.(body, options, "subject") ?? [];
        } catch (error) {
          expect(error).toBeInstanceOf(FormatFailure);
          return;
        }
        for (const { eventId = "", payload, headers, subject = "" } of decoded) {
          JSON.parse(payload);
          for (const text of [eventId, subject, JSON.stringify(headers), payload])
            expect(text).not.toMatch(/\0|\\u0000/);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
