/** Files in directories that another account may have prepared. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readGuarded, removeDataDirectory, writePrivateFile } from "../../../../src/pg/embedded/guarded-files.ts";
import { needsRoot } from "../../../support/needs.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pgkeep-guarded-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string): string => join(directory, name);

describe("writing a private file", () => {
  it("[E-06] replaces a planted link instead of following it", async () => {
    writeFileSync(at("victim"), "untouched", { mode: 0o644 });
    symlinkSync(at("victim"), at("pg_hba.conf"));
    await writePrivateFile(at("pg_hba.conf"), "new");
    expect(readFileSync(at("victim"), "utf8")).toBe("untouched");
    expect(statSync(at("victim")).mode & 0o777).toBe(0o644);
    expect(readFileSync(at("pg_hba.conf"), "utf8")).toBe("new");
  });

  it("[E-06] gives mode 0600 whatever was there and whatever the umask is", async () => {
    writeFileSync(at("pgpass"), "old", { mode: 0o666 });
    const before = process.umask(0);
    await writePrivateFile(at("pgpass"), "new").finally(() => process.umask(before));
    expect(statSync(at("pgpass")).mode & 0o777).toBe(0o600);
  });
});

describe("reading", () => {
  it("gives the end of a long file and the whole of a short one", async () => {
    writeFileSync(at("log"), "0123456789");
    expect(await readGuarded(at("log"), 4)).toBe("6789");
    expect(await readGuarded(at("log"))).toBe("0123456789");
  });

  it("does not follow a link, open a directory, or wait for a pipe", async () => {
    writeFileSync(at("secret"), "secret");
    symlinkSync(at("secret"), at("link"));
    mkdirSync(at("folder"));
    execFileSync("mkfifo", [at("pipe")]);
    for (const name of ["link", "folder", "pipe", "absent"]) expect(await readGuarded(at(name)), name).toBeUndefined();
  });
});

describe("removing a data directory", () => {
  beforeEach(needsRoot);

  it("[E-06] happens with its owner's rights: files of others behind links or inside it stay", async () => {
    const owner = { name: "nobody", uid: 65534, gid: 65534, isForeign: true };
    mkdirSync(at("ours"));
    writeFileSync(at("ours/file"), "kept");
    mkdirSync(at("db"));
    writeFileSync(at("db/PG_VERSION"), "18");
    symlinkSync(at("ours"), at("db/base"));
    execFileSync("chmod", ["711", directory]);
    execFileSync("chown", ["-hR", "65534:65534", at("db")]);
    await removeDataDirectory(at("db"), owner);
    expect(existsSync(at("db"))).toBe(false);
    expect(readFileSync(at("ours/file"), "utf8")).toBe("kept");
  });
});
