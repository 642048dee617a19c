/** Messages out of any cutting of the byte stream, within the memory that each kind may take. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  Framer,
  type Keeping,
  MAX_BYTES_BEFORE_AUTHENTICATION,
  MAX_MESSAGE_BYTES,
  MAX_REPORT_BYTES,
} from "../../../../src/pg/connect/frames.ts";
import { message } from "../../../support/fake-server.ts";

function receive(chunks: Buffer[], keeping: Keeping = "keep", trusted = true) {
  const got: { type: string; body: string }[] = [];
  const framer = new Framer({
    keeping: () => keeping,
    message: (type, body) => got.push({ type: String.fromCharCode(type), body: body.toString("latin1") }),
  });
  if (trusted) framer.allowLargeMessages();
  for (const chunk of chunks) framer.push(chunk);
  return got;
}

/** `bytes` cut at every `step`. */
const cut = (bytes: Buffer, step: number) =>
  Array.from({ length: Math.ceil(bytes.length / step) }, (_, index) =>
    bytes.subarray(index * step, (index + 1) * step),
  );

describe("the framer", () => {
  it("finds the same messages however the stream is cut", () => {
    const bodies = fc.array(fc.string({ unit: "binary-ascii", maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(bodies, fc.integer({ min: 1, max: 60 }), (texts, step) => {
        const stream = Buffer.concat(texts.map((text) => message("D", text)));
        expect(receive(cut(stream, step))).toEqual(texts.map((body) => ({ type: "D", body })));
      }),
    );
  });

  it("hands on a skipped message without its body", () => {
    const stream = Buffer.concat([message("D", "x".repeat(1_000)), message("C", "done")]);
    expect(receive(cut(stream, 7), "skip")).toEqual([
      { type: "D", body: "" },
      { type: "C", body: "" },
    ]);
  });

  it("[D-08] keeps the beginning of a report that is longer than its bound, and loses nothing after it", () => {
    const at = message("E", "x".repeat(MAX_REPORT_BYTES));
    const over = message("E", "x".repeat(MAX_REPORT_BYTES + 1));
    const got = receive([at, over, message("Z", "I")], "shorten");
    expect(got.map(({ type, body }) => [type, body.length])).toEqual([
      ["E", MAX_REPORT_BYTES],
      ["E", MAX_REPORT_BYTES],
      ["Z", 1],
    ]);
  });

  const header = (length: number) => {
    const buffer = Buffer.from("D\0\0\0\0");
    buffer.writeInt32BE(length, 1);
    return buffer;
  };

  it.each([
    [true, MAX_MESSAGE_BYTES],
    [false, MAX_BYTES_BEFORE_AUTHENTICATION],
  ])("[T-06] bounds a message (trusted: %s) at %i bytes", (trusted, limit) => {
    expect(() => receive([header(limit)], "skip", trusted)).not.toThrow();
    expect(() => receive([header(limit + 1)], "skip", trusted)).toThrow(
      expect.objectContaining({ code: "CONNECT_PROTOCOL" }),
    );
  });

  it.each([-1, 0, 3])("[T-06] refuses the length %i", (length) => {
    expect(() => receive([header(length)])).toThrow(expect.objectContaining({ code: "CONNECT_PROTOCOL" }));
  });
});
