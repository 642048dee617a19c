/** `${file:/path}`: what is read, and everything that is not. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import file from "../../../../src/config/providers/file.ts";
import { ReferenceFailure } from "../../../../src/config/providers/provider.ts";

const MAX = 64 * 1024;

let base: string;
let root: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "pgkeep-file-")));
  root = join(base, "secrets");
  mkdirSync(root);
});
afterEach(() => rmSync(base, { recursive: true }));

function put(name: string, content: string | Buffer = "value", mode = 0o600): string {
  const path = name.startsWith("/") ? name : join(root, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const read = (path: string, secretRoots = [root]) =>
  file.resolve(path, { environment: {}, secretRoots, maxFileBytes: MAX });

describe("a secret from a file", () => {
  it.each([
    ["value", "value"],
    ["value\n", "value"],
    ["value\r\n", "value"],
    ["\uFEFFvalue", "value"],
    [" two words \n", " two words "],
    ["line 1\nline 2\n", "line 1\nline 2"],
    ["", ""],
  ])("%j is %j", async (content, value) => {
    expect(await read(put("secret", content))).toBe(value);
  });

  it("[R-03] has at most 64 KiB", async () => {
    expect(await read(put("full", "x".repeat(MAX)))).toHaveLength(MAX);
    await expect(read(put("over", "x".repeat(MAX + 1)))).rejects.toThrow(ReferenceFailure);
  });

  it("[R-03] may be reached by links that stay inside the root, as Kubernetes mounts them", async () => {
    mkdirSync(join(root, "..data_1"));
    put("..data_1/password");
    symlinkSync("..data_1", join(root, "..data"));
    symlinkSync("..data/password", join(root, "password"));
    expect(await read(join(root, "password"))).toBe("value");
  });

  it("[R-03] may be in a sticky directory, as mounted secrets are", async () => {
    chmodSync(root, 0o1777);
    expect(await read(put("mounted"))).toBe("value");
  });

  it("[R-03] may be below a root that is itself a link", async () => {
    put("secret");
    symlinkSync(root, join(base, "alias"));
    expect(await read(join(base, "alias", "secret"), [join(base, "alias")])).toBe("value");
    expect(await read(join(base, "alias", "secret"), [join(base, "alias/")])).toBe("value");
  });
});

describe("what is not read", () => {
  /** Every refusal is a ReferenceFailure that holds neither the value nor a stack of the file system. */
  async function refused(path: string, reason: RegExp, roots?: string[]): Promise<void> {
    const error = await read(path, roots).catch((e) => e);
    expect(error).toBeInstanceOf(ReferenceFailure);
    expect(error.message).toMatch(reason);
    expect(error.message).not.toContain("canary");
  }

  it("[R-03] a relative path", () => refused("secrets/x", /absolute/));
  it("[R-03] a path with NUL", () => refused(`${root}/a\0b`, /NUL/));
  it("[R-03] a path outside the roots", () => refused(put(join(base, "outside"), "canary"), /below none of/));
  it("[R-03] a path that climbs out", () => {
    put(join(base, "outside"), "canary");
    return refused(`${root}/../outside`, /below none of/);
  });
  it("[R-03] a sibling whose name begins like the root", () => {
    mkdirSync(`${root}-other`);
    return refused(put(join(`${root}-other`, "x"), "canary"), /below none of/);
  });
  it("[R-03] the root itself and other directories", async () => {
    mkdirSync(join(root, "directory"));
    await refused(root, /below none of/);
    await refused(join(root, "directory"), /directory/);
  });
  it("[R-03] a link out of the root", () => {
    put(join(base, "outside"), "canary");
    symlinkSync(join(base, "outside"), join(root, "link"));
    return refused(join(root, "link"), /leads out/);
  });
  it("[R-03] a directory link out of the root", () => {
    mkdirSync(join(base, "other"));
    put(join(base, "other", "x"), "canary");
    symlinkSync(join(base, "other"), join(root, "dir"));
    return refused(join(root, "dir", "x"), /leads out/);
  });
  it("[R-03] a link to another allowed root", () => {
    mkdirSync(join(base, "second"));
    put(join(base, "second", "x"), "canary");
    symlinkSync(join(base, "second", "x"), join(root, "x"));
    return refused(join(root, "x"), /leads out/, [root, join(base, "second")]);
  });
  it("[R-03] a loop of links", () => {
    symlinkSync(join(root, "b"), join(root, "a"));
    symlinkSync(join(root, "a"), join(root, "b"));
    return refused(join(root, "a"), /loop/);
  });
  it("[R-03] a FIFO, without waiting for a writer", async () => {
    spawnSync("mkfifo", [join(root, "pipe")]);
    await refused(join(root, "pipe"), /named pipe/);
  });
  it("[R-03] a socket", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(root, "socket"), resolve));
    await refused(join(root, "socket"), /socket/);
    server.close();
  });
  it("[R-03] a device behind a link", () => {
    symlinkSync("/dev/zero", join(root, "zero"));
    return refused(join(root, "zero"), /\/dev/);
  });
  it.each([
    "/dev/stdin",
    "/proc/self/environ",
    "/sys/kernel/hostname",
    "/proc/1/../self/environ",
    "/tmp/../proc/version",
  ])("[R-03] %s, even when somebody allows it", (path) =>
    refused(path, /Nothing is read from/, ["/", "/dev", "/proc", "/sys"]),
  );
  it("[R-03] a link into /proc", () => {
    symlinkSync("/proc/self/environ", join(root, "environ"));
    return refused(join(root, "environ"), /Nothing is read from/);
  });
  it.each([0o602, 0o620, 0o666])("[R-03] a file of mode %o", (mode) =>
    refused(put("writable", "canary", mode), /written by other users/),
  );
  it("[R-03] a file of another user", () => {
    // Only root can give a file away; everybody else cannot make such a file below a root of their own either.
    if (process.geteuid?.() !== 0) return;
    const path = put("foreign", "canary");
    chownSync(path, 12_345, 12_345);
    return refused(path, /neither root nor/);
  });
  it.each([0o777, 0o775, 0o702])(
    "[R-03] a file in a directory of mode %o, where others can put another in its place",
    (mode) => {
      mkdirSync(join(root, "shared"));
      chmodSync(join(root, "shared"), mode);
      return refused(put("shared/x", "canary"), /directory on the way/);
    },
  );
  it("[R-03] a file below a directory that others can rename things in", () => {
    mkdirSync(join(root, "shared", "own"), { recursive: true });
    chmodSync(join(root, "shared"), 0o777);
    return refused(put("shared/own/x", "canary"), /directory on the way/);
  });
  it("[R-03] a file in another user's directory", () => {
    if (process.geteuid?.() !== 0) return;
    mkdirSync(join(root, "theirs"));
    const path = put("theirs/x", "canary");
    chownSync(join(root, "theirs"), 12_345, 12_345);
    return refused(path, /directory on the way/);
  });
  it("a file that does not exist", () => refused(join(root, "missing"), /does not exist/));
  it("a file below a file", () => refused(join(put("plain"), "below"), /does not exist/));
  it("bytes that are not UTF-8", () => refused(put("latin", Buffer.from([0x63, 0xe9])), /UTF-8/));
  it("a NUL character", () => refused(put("nul", "can\0ary"), /NUL/));
  it("anything when no root is named", () => refused(put("secret", "canary"), /No directory/, []));
});
