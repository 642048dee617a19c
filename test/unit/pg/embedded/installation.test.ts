/** Copying and checking the server's files, with small files in their place. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  executablesChecksum,
  stageInstallation,
  verifyInstallation,
} from "../../../../src/pg/embedded/installation.ts";

let root: string;
let source: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "pgkeep-installation-"));
  source = join(root, "native");
  for (const folder of ["bin", "lib/postgresql", "share"]) mkdirSync(join(source, folder), { recursive: true });
  writeFileSync(join(source, "bin/postgres"), "program", { mode: 0o700 });
  writeFileSync(join(source, "lib/libpq.so.5.18"), "library");
  writeFileSync(join(source, "lib/postgresql/plpgsql.so"), "language");
  writeFileSync(join(source, "lib/libpq.a"), "for linking");
  writeFileSync(join(source, "share/postgres.bki"), "catalog");
  links([{ source: "native/lib/libpq.so.5.18", target: "native/lib/libpq.so.5" }]);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const links = (list: unknown): void => writeFileSync(join(source, "pg-symlinks.json"), JSON.stringify(list));
const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe("the copy", () => {
  it("[E-07] has the links that an install script would have made, relative, and files that all may read", async () => {
    const { root: copy, postgres } = await stageInstallation(source, join(root, "cache/pg"));
    expect(postgres).toBe(join(root, "cache/pg/bin/postgres"));
    expect(readlinkSync(join(copy, "lib/libpq.so.5"))).toBe("libpq.so.5.18");
    expect(["", "bin", "bin/postgres", "lib/libpq.so.5.18"].map((path) => mode(join(copy, path)))).toEqual([
      "755",
      "755",
      "755",
      "644",
    ]);
  });

  it("is the same when install scripts did run", async () => {
    symlinkSync("libpq.so.5.18", join(source, "lib/libpq.so.5"));
    const { root: copy } = await stageInstallation(source, join(root, "cache/pg"));
    expect(readlinkSync(join(copy, "lib/libpq.so.5"))).toBe("libpq.so.5.18");
  });

  it("is made once, and by several at the same time too", async () => {
    const target = join(root, "cache/pg");
    await Promise.all([1, 2, 3, 4].map(() => stageInstallation(source, target)));
    const { ino } = statSync(target);
    await stageInstallation(source, target);
    expect(statSync(target).ino).toBe(ino);
    expect(readdirSync(join(root, "cache"))).toEqual(["pg"]);
  });

  it.each([
    [[{ source: "native/lib/libpq.so.5.18", target: "native/../../../evil" }]],
    [[{ source: "native/../../../../etc/passwd", target: "native/lib/x" }]],
    [[{ source: "native/lib/libpq.so.5.18", target: "../outside" }]],
  ])("[E-07] is not made when the list of links leads outside: %j", async (list) => {
    links(list);
    await expect(stageInstallation(source, join(root, "cache/pg"))).rejects.toMatchObject({
      code: "DB_BINARIES_CHANGED",
    });
    expect(readdirSync(join(root, "cache"))).toEqual([]);
  });

  it.each([0o777, 0o775, 0o757])("[E-04] is refused in a cache of mode %o", async (open) => {
    mkdirSync(join(root, "cache"));
    chmodSync(join(root, "cache"), open);
    await expect(stageInstallation(source, join(root, "cache/pg"))).rejects.toMatchObject({
      code: "DB_DIRECTORY_UNSAFE",
    });
  });

  it("[E-04] is refused when the cache is a link, or somebody else's", async () => {
    mkdirSync(join(root, "real"));
    symlinkSync(join(root, "real"), join(root, "cache"));
    await expect(stageInstallation(source, join(root, "cache/pg"))).rejects.toMatchObject({
      code: "DB_DIRECTORY_UNSAFE",
    });
    if (process.getuid?.() !== 0) return;
    execFileSync("chown", ["nobody", join(root, "real")]);
    await expect(stageInstallation(source, join(root, "real/pg"))).rejects.toMatchObject({
      code: "DB_DIRECTORY_UNSAFE",
    });
  });
});

describe("the checksum", () => {
  it("[E-04] changes with any byte, name, addition or removal of what executes", async () => {
    const original = await executablesChecksum(source);
    const changes: [what: string, change: () => void][] = [
      ["a byte", () => writeFileSync(join(source, "bin/postgres"), "prograM")],
      ["a library of a subfolder", () => writeFileSync(join(source, "lib/postgresql/plpgsql.so"), "languagE")],
      ["an addition", () => writeFileSync(join(source, "lib/postgresql/evil.so"), "")],
      ["a removal", () => rmSync(join(source, "lib/libpq.so.5.18"))],
      [
        "a name",
        () => renameSync(join(source, "lib/postgresql/plpgsql.so"), join(source, "lib/postgresql/plpgsql2.so")),
      ],
    ];
    const seen = new Set([original]);
    for (const [what, change] of changes) {
      change();
      const sum = await executablesChecksum(source);
      expect(seen.has(sum), what).toBe(false);
      seen.add(sum);
      await expect(verifyInstallation(source, original), what).rejects.toMatchObject({ code: "DB_BINARIES_CHANGED" });
    }
  });

  it("leaves out what is never loaded, and links", async () => {
    const original = await executablesChecksum(source);
    writeFileSync(join(source, "lib/libpq.a"), "another");
    symlinkSync("libpq.so.5.18", join(source, "lib/libpq.so"));
    await expect(verifyInstallation(source, original)).resolves.toBeUndefined();
  });
});
