/** The one file opener: regular files of bounded size, never a wait, never a link unless asked. */
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FileRefusal, readRegularFile, readRegularFileSync } from "../../../src/config/regular-file.ts";
import { temporaryDirectory } from "../../support/project.ts";

async function refusal(run: () => unknown): Promise<FileRefusal> {
  try {
    await run();
  } catch (error) {
    if (error instanceof FileRefusal) return error;
    throw error;
  }
  throw new Error("it was read");
}

describe("readRegularFile", () => {
  it("reads small, empty and large files whole", async () => {
    const large = Buffer.alloc(3 * 1024 * 1024 + 7, "ab");
    using directory = temporaryDirectory({ small: "text", empty: "", large });
    expect((await readRegularFile(directory.at("small"), { maxBytes: 4 })).toString()).toBe("text");
    expect(await readRegularFile(directory.at("empty"), { maxBytes: 0 })).toHaveLength(0);
    expect((await readRegularFile(directory.at("large"), { maxBytes: large.length })).equals(large)).toBe(true);
  });

  it("[D-06] refuses everything that is no regular file, and links unless they may be followed", async () => {
    using directory = temporaryDirectory({ file: "text" });
    mkdirSync(directory.at("folder"));
    symlinkSync("file", directory.at("link"));
    execFileSync("mkfifo", [directory.at("pipe")]);
    const reason = async (name: string) => (await refusal(() => readRegularFile(name, { maxBytes: 9 }))).message;
    expect(await reason(directory.at("folder"))).toMatch(/is a directory/);
    expect(await reason(directory.at("link"))).toBe("is a symbolic link");
    expect(await reason(directory.at("pipe"))).toBe("is a named pipe, not a regular file");
    expect(await reason("/dev/zero")).toBe("is a device, not a regular file");
    expect(await reason(directory.at("nothing"))).toBe("does not exist");
    const followed = await readRegularFile(directory.at("link"), { maxBytes: 9, followLink: true });
    expect(followed.toString()).toBe("text");
  });

  it("[D-06] refuses one byte over the cap before reading", async () => {
    using directory = temporaryDirectory({ file: "12345" });
    const error = await refusal(() => readRegularFile(directory.at("file"), { maxBytes: 4 }));
    expect(error.message).toBe("has 5 bytes, over the cap of 4");
  });

  it("[D-06] refuses a file that grows while it is read", async () => {
    using directory = temporaryDirectory({ file: Buffer.alloc(2 * 1024 * 1024) });
    const reading = readRegularFile(directory.at("file"), { maxBytes: 1e9 });
    appendFileSync(directory.at("file"), "more");
    expect((await refusal(() => reading)).message).toBe("changed while it was read");
  });

  it("ends a large read with the signal's reason", async () => {
    using directory = temporaryDirectory({ file: Buffer.alloc(2 * 1024 * 1024) });
    const reason = new Error("enough");
    await expect(readRegularFile(directory.at("file"), { maxBytes: 1e9 }, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    );
  });

  it("leaves no file open, whatever happened", async () => {
    using directory = temporaryDirectory({ file: "12345", large: Buffer.alloc(2 * 1024 * 1024) });
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    await readRegularFile(directory.at("file"), { maxBytes: 9 });
    await refusal(() => readRegularFile(directory.at("file"), { maxBytes: 1 }));
    await refusal(() => readRegularFile(directory.path, { maxBytes: 1 }));
    await refusal(() =>
      readRegularFile(directory.at("file"), {
        maxBytes: 9,
        inspect: () => {
          throw new FileRefusal("is not mine");
        },
      }),
    );
    await readRegularFile(directory.at("large"), { maxBytes: 1e9 }, AbortSignal.abort()).catch(() => undefined);
    expect(open()).toBe(before);
  });
});

describe("readRegularFileSync", () => {
  it("uses the given memory where the file fits, its own where not, and leaves large files to the other", async () => {
    using directory = temporaryDirectory({ three: "abc", four: "abcd", large: Buffer.alloc(1024 * 1024 + 1) });
    const buffer = Buffer.alloc(4);
    expect(readRegularFileSync(directory.at("three"), { maxBytes: 9 }, buffer)?.buffer).toBe(buffer.buffer);
    expect(readRegularFileSync(directory.at("four"), { maxBytes: 9 }, buffer)?.toString()).toBe("abcd");
    expect(readRegularFileSync(directory.at("large"), { maxBytes: 1e9 }, buffer)).toBeUndefined();
  });
});
