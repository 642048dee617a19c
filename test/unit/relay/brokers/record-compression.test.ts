/** Compressed record batches: the formats' own examples, and batches that lie. Whole batches of a broker: test/system/relay. */
import * as zlib from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readLz4, readSnappy, readZstandard } from "../../../../src/relay/brokers/record-compression.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** An LZ4 frame of the given blocks, without checksums but the header's, which is not looked at. */
function lz4Frame(...blocks: Buffer[]): Buffer {
  const sized = blocks.flatMap((block) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    return [size, block];
  });
  return Buffer.concat([hex("04224d18 60 40 00"), ...sized, Buffer.alloc(4)]);
}

describe("snappy", () => {
  it("is read with literals and copies of every width", () => {
    // length 14, literal "abcd", 4 from 4 back in one byte, literal "ef", 4 from 6 back in four bytes.
    expect(readSnappy(hex("0e 0c 61626364 01 04 04 6566 0f 06000000")).toString()).toBe("abcdabcdefabcd");
  });

  it("is read with a copy that repeats itself", () => {
    // length 9, literal "ab", copy of 7 from 2 back in two bytes of distance.
    expect(readSnappy(hex("09 04 61 62 1a 02 00")).toString()).toBe("ababababa");
  });

  it("is read in the Java client's frames", () => {
    const block = hex("09 04 61 62 1a 02 00");
    const size = Buffer.alloc(4);
    size.writeUInt32BE(block.length);
    const framed = Buffer.concat([hex("82 53 4e 41 50 50 59 00 00000001 00000001"), size, block, size, block]);
    expect(readSnappy(framed).toString()).toBe("ababababaababababa");
  });
});

describe("LZ4", () => {
  it("is read with literals, copies and stored blocks", () => {
    const stored = Buffer.concat([hex("05000080"), Buffer.from("plain")]);
    // token: 2 literals, copy of 4 + 3; then the last literal.
    const block = hex("23 61 62 02 00 10 21");
    const frame = lz4Frame(block);
    expect(readLz4(frame).toString()).toBe("ababababa!");
    expect(readLz4(Buffer.concat([hex("04224d18 60 40 00"), stored, Buffer.alloc(4)])).toString()).toBe("plain");
  });

  it("is read when a block copies from the one before it", () => {
    expect(readLz4(lz4Frame(hex("30 61 62 63"), hex("00 03 00 10 21"))).toString()).toBe("abcabca!");
  });
});

describe("Zstandard", () => {
  it("is read where this Node can, and refused where it cannot", async () => {
    const compress: unknown = Reflect.get(zlib, "zstdCompressSync");
    if (typeof compress !== "function") expect(readZstandard(Buffer.alloc(0))).toBeUndefined();
    else expect((await readZstandard(compress(Buffer.from("text"))))?.toString()).toBe("text");
  });
});

describe("a batch that lies", () => {
  const lies: [string, () => Buffer][] = [
    ["copies from before its beginning", () => readSnappy(hex("09 04 61 62 1a 05 00"))],
    ["copies nothing", () => readSnappy(hex("09 04 61 62 1a 00 00"))],
    ["is cut off", () => readSnappy(hex("09 20 61 62"))],
    ["says a length that is not its own", () => readSnappy(hex("05 04 61 62 1a 02 00"))],
    ["says a length without an end", () => readSnappy(hex("ff ff ff ff ff ff"))],
    ["says that it is gigantic", () => readSnappy(hex("ff ff ff ff 0f 00 61"))],
    ["is no LZ4 frame", () => readLz4(hex("00112233 60 40 00"))],
    ["copies from before its LZ4 frame", () => readLz4(lz4Frame(hex("23 61 62 05 00 10 21")))],
    ["is an LZ4 frame that is cut off", () => readLz4(lz4Frame(hex("23 61 62 02 00 10 21")).subarray(0, 14))],
    ["needs an LZ4 dictionary", () => readLz4(hex("04224d18 61 40 00000000 00 00000000"))],
    [
      "is a bomb",
      () => readLz4(lz4Frame(Buffer.concat([hex("1f 61 01 00"), Buffer.alloc(2 ** 20, 0xff), hex("00 10 21")]))),
    ],
  ];

  it.each(lies)("and %s is refused", (_what, read) => {
    expect(read).toThrow(expect.objectContaining({ name: "CompressionFailure" }));
  });

  it("in whatever way ends with a refusal or with bytes", () => {
    const isHarmless = (read: () => Buffer) => {
      try {
        return Buffer.isBuffer(read());
      } catch (error) {
        return error instanceof Error && error.name === "CompressionFailure";
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(isHarmless(() => readSnappy(Buffer.from(bytes)))).toBe(true);
        expect(isHarmless(() => readLz4(lz4Frame(Buffer.from(bytes))))).toBe(true);
      }),
    );
  });
});
