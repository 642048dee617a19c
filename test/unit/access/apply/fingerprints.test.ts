/** The memory of passwords that were set: it recognises them, and gives none of them away. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fingerprintFile, readFingerprints } from "../../../../src/access/apply/fingerprints.ts";
import { Secret } from "../../../../src/base/secrets.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "pgkeep-state-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const SECRET = new Secret("c4nary pass-word");
const path = () => join(directory, "state", "passwords.json");

async function memory(place = "db:5432") {
  const warnings: string[] = [];
  const fingerprints = await readFingerprints(path(), place, (message) => warnings.push(message));
  return { ...fingerprints, warnings };
}

async function remembered(): Promise<void> {
  const { set, save } = await memory();
  set({ oid: 42 }, SECRET);
  save();
}

describe("a password that was set", () => {
  it("is recognised by the next run, and another one is not", async () => {
    await remembered();
    const { check } = await memory();
    expect(check("app", 42, SECRET)).toBe(true);
    expect(check("app", 42, new Secret("another one"))).toBe(false);
  });

  it("is unknown for a role that was made anew and on another server", async () => {
    await remembered();
    expect((await memory()).check("app", 43, SECRET)).toBeUndefined();
    expect((await memory("other:5432")).check("app", 42, SECRET)).toBeUndefined();
  });

  it("[A-05] is not in the file, which is its owner's alone", async () => {
    await remembered();
    const text = readFileSync(path(), "utf8");
    expect(text).not.toContain("c4nary");
    expect(text).not.toContain("SCRAM-SHA-256$");
    expect(text).not.toContain(Buffer.from("c4nary pass-word").toString("base64"));
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });
});

describe("a file that cannot be trusted", () => {
  it.each([
    ["readable by others", () => chmodSync(path(), 0o644), /its owner's alone/],
    ["damaged", () => writeFileSync(path(), "{}"), /damaged/],
    ["no JSON", () => writeFileSync(path(), "no"), /cannot be read/],
  ])("because it is %s makes passwords unknown, with a warning", async (_, spoil, warning) => {
    await remembered();
    spoil();
    const { check, warnings } = await memory();
    expect(check("app", 42, SECRET)).toBeUndefined();
    expect(warnings.join()).toMatch(warning);
  });

  it("says nothing when there is none yet", async () => {
    expect((await memory()).warnings).toEqual([]);
  });
});

describe("its place", () => {
  it("is the person's state directory", () => {
    expect(fingerprintFile({ XDG_STATE_HOME: "/s", HOME: "/h" })).toBe("/s/pgkeep/passwords.json");
    expect(fingerprintFile({ XDG_STATE_HOME: "relative", HOME: "/h" })).toBe("/h/.local/state/pgkeep/passwords.json");
    expect(fingerprintFile({})).toBeUndefined();
  });
});
