/** Kept audits, baselines and saved runs: files that come back as they were, or are refused. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { baselineText, loadBaseline } from "../../../../src/audit/report/baseline.ts";
import { findAudit, keepAudit, listAudits, MAX_AUDITS } from "../../../../src/audit/report/history.ts";
import { loadSavedRun } from "../../../../src/audit/report/saved-run.ts";
import { forgetSecretsForTests, registerSecret } from "../../../../src/base/secrets.ts";
import { EVERYTHING } from "../../../support/audit/formats.ts";
import { found, sampleDocument, sampleResult } from "../../../support/audit/sample.ts";

let folder = "";
let environment: Record<string, string> = {};
let warnings: string[] = [];
const warn = (message: string): void => void warnings.push(message);
const audits = () => join(folder, "pgkeep/audits");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-history-"));
  environment = { XDG_STATE_HOME: folder };
  warnings = [];
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  forgetSecretsForTests();
});

/** Keeps a run of the given day of November. */
function keepOf(day: number, objects: readonly string[] = []): string {
  const observedAt = new Date(Date.UTC(2026, 10, day, 12));
  const document = sampleDocument([sampleResult({ id: "ROL-001", outcome: found(...objects) })], {
    parts: { observedAt },
  });
  return keepAudit(document, { environment, warn }) ?? "";
}

describe("the history of audits", () => {
  it("gives a run back as it was", async () => {
    const id = keepAudit(EVERYTHING, { environment, warn });
    expect(await findAudit(environment, "last")).toEqual({ id, document: EVERYTHING });
    expect(warnings).toEqual([]);
  });

  it("lists the newest first, as many as wanted, of those that are wanted", async () => {
    const ids = [keepOf(1, ["a"]), keepOf(3, ["b"]), keepOf(2, ["c"])];
    const listed = await listAudits(environment, { limit: 2 });
    expect(listed.audits.map(({ id }) => id)).toEqual([ids[1], ids[2]]);
    expect(listed).toMatchObject({ total: 3, unreadable: 0 });
    const { audits: wanted } = await listAudits(environment, {
      limit: 9,
      isWanted: ({ findings }) => findings.some(({ object }) => object === "a"),
    });
    expect(wanted.map(({ id }) => id)).toEqual([ids[0]]);
  });

  it("finds the last, the one before, one by the beginning of its id, and no other", async () => {
    const [first, second] = [keepOf(1), keepOf(2)];
    expect((await findAudit(environment, "previous")).id).toBe(first);
    expect((await findAudit(environment, second.slice(0, 9))).id).toBe(second);
    await expect(findAudit(environment, "202611")).rejects.toMatchObject({ code: "USAGE_UNKNOWN_NAME" });
    await expect(findAudit(environment, "../x")).rejects.toMatchObject({ code: "USAGE_UNKNOWN_NAME" });
    await expect(findAudit({}, "last")).rejects.toMatchObject({ code: "USAGE_UNKNOWN_NAME" });
  });

  it("[U-11] is readable by its owner alone, whatever the mask says", () => {
    const mask = process.umask(0);
    try {
      keepOf(1);
    } finally {
      process.umask(mask);
    }
    const [name = ""] = readdirSync(audits());
    expect(statSync(join(audits(), name)).mode & 0o777).toBe(0o600);
    expect(statSync(audits()).mode & 0o777).toBe(0o700);
  });

  it("[U-11] is not kept in a directory that others may write or that is a link, and the audit goes on", () => {
    mkdirSync(audits(), { recursive: true, mode: 0o700 });
    chmodSync(audits(), 0o777);
    expect(keepOf(1)).toBe("");
    expect(warnings[0]).toContain("not a directory of your own");
    rmSync(audits(), { recursive: true });
    mkdirSync(join(folder, "elsewhere"));
    symlinkSync(join(folder, "elsewhere"), audits());
    expect(keepOf(1)).toBe("");
    expect(readdirSync(join(folder, "elsewhere"))).toEqual([]);
  });

  it("keeps the newest only", async () => {
    keepOf(1);
    const [name = ""] = readdirSync(audits());
    for (let n = 0; n < MAX_AUDITS; n++) {
      writeFileSync(join(audits(), `20251101T${String(n).padStart(9, "0")}Z-000000.json.gz`), "");
    }
    keepOf(2);
    const names = readdirSync(audits());
    expect(names).toHaveLength(MAX_AUDITS);
    expect(names).toContain(name);
  });

  it("passes over what is damaged or of a later version, and counts it", async () => {
    keepOf(1);
    const write = (name: string, bytes: string | Buffer) => writeFileSync(join(audits(), `${name}.json.gz`), bytes);
    write("20261102T000000000Z-000000", "no gzip");
    write("20261103T000000000Z-000000", gzipSync("no json"));
    write("20261104T000000000Z-000000", gzipSync(JSON.stringify({ format: 2, audit: EVERYTHING })));
    write("20261105T000000000Z-000000", gzipSync(JSON.stringify({ format: 1, audit: { findings: [] } })));
    expect(await listAudits(environment, { limit: 9 })).toMatchObject({ total: 5, unreadable: 4, audits: [{}] });
  });

  it("[U-02] holds no secret", async () => {
    registerSecret("s3cr3t-canary");
    keepOf(1, ["s3cr3t-canary"]);
    const { document } = await findAudit(environment, "last");
    expect(JSON.stringify(document)).not.toContain("s3cr3t-canary");
  });

  it("leaves nothing where the environment names no place", () => {
    expect(keepAudit(EVERYTHING, { environment: { XDG_STATE_HOME: "relative" }, warn })).toBeUndefined();
    expect(warnings).toEqual([]);
    expect(existsSync(audits())).toBe(false);
  });
});

describe("a baseline", () => {
  const file = (): string => join(folder, "baseline.json");
  const failed = EVERYTHING.findings.filter(({ status }) => status === "fail");

  it("holds what failed, not what a waiver accepts", async () => {
    writeFileSync(file(), baselineText(EVERYTHING));
    const known = await loadBaseline(file(), "baseline.json");
    expect([...known].sort()).toEqual(failed.map(({ fingerprint }) => fingerprint).sort());
    expect(readFileSync(file(), "utf8")).toContain("ROL-003");
  });

  it("can be a saved audit, alone or in the envelope that --json prints", async () => {
    const all = EVERYTHING.findings.map(({ fingerprint }) => fingerprint).sort();
    for (const value of [EVERYTHING, { schema_version: 1, command: "audit", data: EVERYTHING }]) {
      writeFileSync(file(), JSON.stringify(value));
      expect([...(await loadBaseline(file(), "baseline.json"))].sort()).toEqual(all);
    }
  });

  it.each([
    ["no JSON", "{"],
    ["of another version", JSON.stringify({ pgkeep_baseline: 2, findings: [] })],
    ["without findings", JSON.stringify({ pgkeep_baseline: 1 })],
    ["with a finding that is none", JSON.stringify({ pgkeep_baseline: 1, findings: [{ fingerprint: "x" }] })],
    ["something else", JSON.stringify({ findings: [] })],
    ["null", "null"],
  ])("is refused when it is %s", async (_, text) => {
    writeFileSync(file(), text);
    await expect(loadBaseline(file(), "baseline.json")).rejects.toMatchObject({ code: "CONFIG_FILE_INVALID" });
  });

  it("is refused when it is not there", async () => {
    await expect(loadBaseline(file(), "baseline.json")).rejects.toMatchObject({ code: "CONFIG_FILE_INVALID" });
  });
});

describe("a saved run", () => {
  it("says where it is not what it should be, and repeats nothing of it", async () => {
    const file = join(folder, "run.json");
    writeFileSync(
      file,
      JSON.stringify({ ...EVERYTHING, findings: [{ ...EVERYTHING.findings[0], severity: "hunter2" }] }),
    );
    const thrown = await loadSavedRun(file, "run.json").catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code: "CONFIG_FILE_INVALID" });
    expect(String(thrown)).toContain("findings.0.severity");
    expect(String(thrown)).not.toContain("hunter2");
  });
});
