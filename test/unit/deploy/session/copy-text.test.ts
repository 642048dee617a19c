/** COPY text, and how much of it is in memory at once. */
import { describe, expect, it } from "vitest";
import { copyChunks } from "../../../../src/deploy/session/copy-text.ts";

const copied = (rows: Parameters<typeof copyChunks>[0]) => Buffer.concat([...copyChunks(rows)]).toString("utf8");

describe("COPY text", () => {
  it("escapes what has a meaning in the format", () => {
    expect(copied([["a\tb", "c\\d", "e\r\nf", "\\N", ""]])).toBe("a\\tb\tc\\\\d\te\\r\\nf\t\\\\N\t\n");
  });

  it("writes nulls, numbers, booleans and arrays", () => {
    expect(copied([[null, 7, true, false, [1, 2], ['a"b', "c\\d", "{,}", "NULL", ""], []]])).toBe(
      '\\N\t7\tt\tf\t{1,2}\t{"a\\\\"b","c\\\\\\\\d","{,}","NULL",""}\t{}\n',
    );
  });

  it("makes one chunk of many small rows and asks for rows only as it goes", () => {
    let made = 0;
    function* rows() {
      for (; made < 10_000; made++) yield [`./file/${made}.sql`, "x".repeat(100)];
    }
    const chunks = copyChunks(rows());
    expect(chunks.next().value?.length).toBeGreaterThan(60_000);
    expect(made).toBeLessThan(1_000);
    expect([...chunks].length).toBeLessThan(25);
  });

  it("cuts a large text into chunks, never inside a character", () => {
    const text = `${"x".repeat(65_535)}😀\t${"é\n".repeat(100_000)}`;
    const chunks = [...copyChunks([["before", text, "after"]])];
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(300_000);
    const line = Buffer.concat(chunks).toString("utf8");
    expect(line).toBe(`before\t${text.replaceAll("\t", "\\t").replaceAll("\n", "\\n")}\tafter\n`);
  });

  it("has nothing to send for no rows", () => {
    expect([...copyChunks([])]).toEqual([]);
  });
});
