/** What passes for JSON before it is published or comes out of an envelope. */
import { describe, expect, it } from "vitest";
import { isJson } from "../../../../src/relay/json/is-json.ts";

describe("a text", () => {
  it.each(['{"id": 1}', "[]", "null", '"text"', "1e400", " \n true \t"])("is JSON: %j", (text) => {
    expect(isJson(text)).toBe(true);
  });

  it.each(["", " ", "{id: 1}", '{"id": 1}, {"id": 2}', '{"id": 1} more', "undefined", "01", "\ufeff{}", '{"a": 1'])(
    "is none: %j",
    (text) => {
      expect(isJson(text)).toBe(false);
    },
  );
});
