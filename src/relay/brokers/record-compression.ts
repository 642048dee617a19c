/**
 * What Kafka's producers compress record batches with, read here: the client brings gzip alone.
 *
 * Every reader works into one output of bounded size, because a small batch can name a huge one, and checks each length
 * and distance before it copies. Zstandard is there where Node has it (22.15 and later).
 *
 * Sources: google/snappy format_description.txt and the framing of xerial/snappy-java; lz4/lz4 doc/lz4_Frame_format.md
 * and lz4_Block_format.md.
 */
import * as zlib from "node:zlib";

/** 128 MiB: the largest request that a broker takes unless told otherwise is 100 MiB. */
const MAX_BATCH_BYTES = 2 ** 27;

/** A batch that is not what it says. */
export class CompressionFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CompressionFailure";
  }
}

/** Undefined where this Node has no Zstandard. */
export function readZstandard(input: Buffer): Promise<Buffer> | undefined {
  const read: unknown = Reflect.get(zlib, "zstdDecompress");
  if (typeof read !== "function") return undefined;
  return new Promise((resolve, reject) => {
    read(input, { maxOutputLength: MAX_BATCH_BYTES }, (error: Error | null, output: Buffer) => {
      if (error) reject(error);
      else resolve(output);
    });
  });
}

const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** Magic, version, lowest version that can read it. */
const XERIAL_HEADER_BYTES = 16;

/** Snappy: one block, or blocks with their lengths as the Java client frames them. */
export function readSnappy(input: Buffer): Buffer {
  const output = new Output();
  if (!input.subarray(0, XERIAL.length).equals(XERIAL)) {
    readSnappyBlock(new Input(input), output);
    return output.bytes();
  }
  const framed = new Input(input.subarray(XERIAL_HEADER_BYTES));
  while (!framed.isAtEnd) readSnappyBlock(new Input(framed.take(framed.take(4).readUInt32BE())), output);
  return output.bytes();
}

function readSnappyBlock(input: Input, output: Output): void {
  const length = readVarint(input);
  const start = output.length;
  if (length > MAX_BATCH_BYTES) throw new CompressionFailure("the batch is too large");
  while (!input.isAtEnd) {
    const tag = input.byte();
    if ((tag & 3) === 0) {
      output.append(input.take(literalLength(tag >> 2, input)));
      continue;
    }
    const [count, distance] = copyOf(tag, input);
    if (distance > output.length - start) throw new CompressionFailure("a copy reaches before its block");
    output.repeat(count, distance);
  }
  if (output.length - start !== length) throw new CompressionFailure("the block has another length than it says");
}

function readVarint(input: Input): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = input.byte();
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value;
  }
  throw new CompressionFailure("a length does not end");
}

function literalLength(code: number, input: Input): number {
  return code < 60 ? code + 1 : input.take(code - 59).readUIntLE(0, code - 59) + 1;
}

/** Count and distance of a copy, in its three widths. */
function copyOf(tag: number, input: Input): [count: number, distance: number] {
  if ((tag & 3) === 1) return [((tag >> 2) & 7) + 4, ((tag >> 5) << 8) | input.byte()];
  return [(tag >> 2) + 1, (tag & 3) === 2 ? input.take(2).readUInt16LE() : input.take(4).readUInt32LE()];
}

const LZ4_MAGIC = 0x184d2204;
const LZ4_STORED = 0x80000000;

/** LZ4 frames; checksums are left to Kafka's own over the whole batch. */
export function readLz4(bytes: Buffer): Buffer {
  const input = new Input(bytes);
  const output = new Output();
  while (!input.isAtEnd) readLz4Frame(input, output);
  return output.bytes();
}

function readLz4Frame(input: Input, output: Output): void {
  if (input.take(4).readUInt32LE() !== LZ4_MAGIC) throw new CompressionFailure("this is no LZ4 frame");
  const flags = input.byte();
  const hasBlockChecksum = (flags & 0x10) !== 0;
  const hasContentSize = (flags & 0x08) !== 0;
  const hasContentChecksum = (flags & 0x04) !== 0;
  const hasDictionary = (flags & 0x01) !== 0;
  if (flags >> 6 !== 1 || hasDictionary) throw new CompressionFailure("this kind of LZ4 frame is not read");
  // Largest size of a block, size of the content, checksum of the header.
  input.take(1 + (hasContentSize ? 8 : 0) + 1);
  const start = output.length;
  for (let size = input.take(4).readUInt32LE(); size !== 0; size = input.take(4).readUInt32LE()) {
    const isStored = size >= LZ4_STORED;
    const block = input.take(isStored ? size - LZ4_STORED : size);
    if (isStored) output.append(block);
    else readLz4Block(new Input(block), output, start);
    if (hasBlockChecksum) input.take(4);
  }
  if (hasContentChecksum) input.take(4);
}

function readLz4Block(input: Input, output: Output, start: number): void {
  while (!input.isAtEnd) {
    const token = input.byte();
    output.append(input.take(lz4Length(token >> 4, input)));
    // The last sequence of a block is literals alone.
    if (input.isAtEnd) return;
    const distance = input.take(2).readUInt16LE();
    if (distance > output.length - start) throw new CompressionFailure("a copy reaches before its frame");
    output.repeat(lz4Length(token & 15, input) + 4, distance);
  }
}

function lz4Length(nibble: number, input: Input): number {
  let length = nibble;
  if (nibble < 15) return length;
  for (let more = 255; more === 255; ) {
    more = input.byte();
    length += more;
  }
  return length;
}

/** Bytes that are read from front to back. */
class Input {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new CompressionFailure("the batch is cut off");
    return byte;
  }

  take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new CompressionFailure("the batch is cut off");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

/** Bytes that are written to the end, and copied from what was written before. */
class Output {
  length = 0;
  #buffer = Buffer.allocUnsafe(2 ** 16);

  append(bytes: Buffer): void {
    this.#grow(bytes.length);
    bytes.copy(this.#buffer, this.length);
    this.length += bytes.length;
  }

  /** Copies `count` bytes from `distance` before the end; both may overlap, which repeats them. */
  repeat(count: number, distance: number): void {
    if (distance === 0) throw new CompressionFailure("a copy of nothing");
    this.#grow(count);
    const from = this.length - distance;
    for (let done = 0; done < count; ) {
      const step = Math.min(count - done, distance + done);
      this.#buffer.copy(this.#buffer, this.length + done, from, from + step);
      done += step;
    }
    this.length += count;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  #grow(count: number): void {
    const needed = this.length + count;
    if (needed > MAX_BATCH_BYTES) throw new CompressionFailure("the batch is too large");
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.min(MAX_BATCH_BYTES, Math.max(needed, 2 * this.#buffer.length)));
    this.#buffer.copy(larger, 0, 0, this.length);
    this.#buffer = larger;
  }
}
