/** Storing a password in the password file. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Secret } from "../../../../src/base/secrets.ts";
import {
  findPassword,
  parsePasswordFile,
  readPasswordFile,
  storePassword,
} from "../../../../src/pg/connect/password-file.ts";

const folder = mkdtempSync(join(tmpdir(), "pgkeep-pgpass-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const entry = (password: string, host = "db") => ({
  host,
  port: "5432",
  database: "shop",
  user: "app",
  password: new Secret(password),
});

describe("storing a password", () => {
  it("puts its line first, drops the older one and keeps every other line as it is", async () => {
    const path = join(folder, "a");
    writeFileSync(path, "# mine\n*:*:*:*:fallback\ndb:5432:shop:app:old\nother:5432:shop:app:x\n");
    chmodSync(path, 0o644);
    await storePassword(path, entry("new"));
    expect(readFileSync(path, "utf8")).toBe("db:5432:shop:app:new\n# mine\n*:*:*:*:fallback\nother:5432:shop:app:x\n");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  it("makes the file, and its folder, for the owner alone", async () => {
    const path = join(folder, "new", "pgpass");
    await storePassword(path, entry("first"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "new")).mode & 0o777).toBe(0o700);
  });

  it.each(["a:b", "back\\slash", "colon\\:", "pl ain", "ünï"])(
    "is found again, whatever it is: %s",
    async (password) => {
      const path = join(folder, "round");
      await storePassword(path, entry(password, "fe80::1"));
      const entries = await readPasswordFile(path, (message) => expect(message).toBe(""));
      expect(findPassword(entries, { host: "fe80::1", port: 5432, database: "shop", user: "app" })?.expose()).toBe(
        password,
      );
    },
  );
});

describe("reading", () => {
  it("passes over comments and short lines, and takes wildcards only when they are not escaped", () => {
    const entries = parsePasswordFile("#db:5432:shop:app:no\nshort:line\n\\*:*:*:*:star\r\n*:5432:*:*:any");
    expect(entries).toHaveLength(2);
    const find = (host: string) => findPassword(entries, { host, port: 5432, database: "d", user: "u" })?.expose();
    expect([find("*"), find("db")]).toEqual(["star", "any"]);
  });
});
