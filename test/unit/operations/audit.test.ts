/** The commands of the audit that need no server: list, explain, report, diff, history, baseline, waive. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkEntries } from "../../../src/audit/checks/catalogue.ts";
import { SEVERITIES } from "../../../src/audit/ratings.ts";
import { loadBaseline } from "../../../src/audit/report/baseline.ts";
import { keepAudit } from "../../../src/audit/report/history.ts";
import type { OperationContext } from "../../../src/base/operation.ts";
import baseline from "../../../src/operations/audit.baseline.ts";
import diff from "../../../src/operations/audit.diff.ts";
import explainAudit from "../../../src/operations/audit.explain.ts";
import history from "../../../src/operations/audit.history.ts";
import list from "../../../src/operations/audit.list.ts";
import report from "../../../src/operations/audit.report.ts";
import waive from "../../../src/operations/audit.waive.ts";
import explain from "../../../src/operations/explain.ts";
import { EVERYTHING } from "../../support/audit/formats.ts";
import { found, SAMPLE_DAY, sampleDocument, sampleResult } from "../../support/audit/sample.ts";
import { runOperation } from "../../support/operation.ts";

let folder = "";
let context: Partial<OperationContext> = {};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-audit-"));
  context = {
    workingDirectory: folder,
    environment: { XDG_STATE_HOME: join(folder, "state") },
    clock: { now: () => SAMPLE_DAY, monotonicMs: () => 0 },
  };
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const inFolder = (name: string): string => join(folder, name);

/** Keeps a run with findings of ROL-001 of the given severity. */
function keep(day: number, objects: readonly string[], severity: "low" | "high" = "high"): string {
  const observedAt = new Date(Date.UTC(2026, 10, day));
  const document = sampleDocument([sampleResult({ id: "ROL-001", severity, outcome: found(...objects) })], {
    parts: { observedAt },
  });
  const { environment = {} } = context;
  const warn = (message: string): never => {
    throw new Error(message);
  };
  return keepAudit(document, { environment, warn }) ?? "";
}

describe("audit list", () => {
  it("lists every check of the catalogue once", async () => {
    const { output } = await runOperation(list, {});
    const listed = output.checks.map(({ check }) => check);
    expect(new Set(listed).size).toBe(listed.length);
    const ids = checkEntries().map(({ id }) => id);
    expect(listed.filter((id) => !ids.includes(id))).toEqual([]);
    expect(listed.length).toBeGreaterThan(100);
  });

  it("chooses by pillar and severity", async () => {
    const { output } = await runOperation(list, { pillar: "database", severity: "high" });
    expect(output.checks.map(({ check }) => check)).toContain("ROL-001");
    expect(new Set(output.checks.map(({ pillar, severity }) => `${pillar} ${severity}`))).toEqual(
      new Set(["database high"]),
    );
  });

  it("shows what a profile asks for: checks that it alone has, severities of its own", async () => {
    const [plain, strict] = await Promise.all([runOperation(list, {}), runOperation(list, { profile: "strict" })]);
    const ids = new Set(plain.output.checks.map(({ check }) => check));
    expect(strict.output.checks.filter(({ check }) => !ids.has(check)).length).toBeGreaterThan(0);
  });

  it("maps sections of a benchmark to checks, sections in order", async () => {
    const { output } = await runOperation(list, { framework: "cis" });
    expect(output.checks).toContainEqual(expect.objectContaining({ section: "4.3", check: "ROL-001" }));
    const sections = output.checks.map(({ section }) => section ?? "");
    expect(sections).toEqual([...sections].sort((a, b) => a.localeCompare(b, "en", { numeric: true })));
    const { output: topics } = await runOperation(list, { framework: "stig" });
    expect(topics.checks.every(({ section }) => section !== null)).toBe(true);
  });
});

describe("explaining a check", () => {
  it("says what it looks for, what it needs and where others say the same", async () => {
    const { output } = await runOperation(explainAudit, { check: "rol-001" });
    expect(output).toMatchObject({ check: "ROL-001", pillar: "database", severity: "high", cis: ["4.3"] });
    expect(output.docs).toBe("docs/reference/checks/rol-001.md");
  });

  it("is the same by pgkeep explain", async () => {
    const { output: check } = await runOperation(explainAudit, { check: "ROL-001" });
    const { output } = await runOperation(explain, { code: "rol-001" });
    expect(output).toMatchObject({ code: "ROL-001", exit_code: null, explanation: check.why, check });
  });

  it.each([
    ["audit explain", () => runOperation(explainAudit, { check: "ROL-01" })],
    ["explain", () => runOperation(explain, { code: "ROL-01" })],
  ])("suggests the nearest id: %s", async (_, run) => {
    await expect(run()).rejects.toMatchObject({
      code: "USAGE_UNKNOWN_NAME",
      parts: { hint: expect.stringMatching(/Did you mean ROL-0\d\d\?/) },
    });
  });

  it.each(checkEntries())("works for $id", async ({ id }) => {
    const { output } = await runOperation(explainAudit, { check: id });
    expect(output.check).toBe(id);
    expect(SEVERITIES).toContain(output.severity);
  });
});

describe("audit report", () => {
  it("gives a saved run back, and ends as it did", async () => {
    writeFileSync(inFolder("run.json"), JSON.stringify({ schema_version: 1, data: EVERYTHING }));
    const { output, exitCode } = await runOperation(report, { run: "run.json" }, context);
    expect({ ...output, display: null }).toEqual({ ...EVERYTHING, display: null });
    expect(exitCode).toBe(20);
  });

  it("judges again by another threshold", async () => {
    keep(20, ["x"], "low");
    const exitOf = async (input: Parameters<typeof runOperation<never, never>>[1] | object) =>
      (await runOperation(report, input, context)).exitCode;
    expect(await exitOf({})).toBe(0);
    expect(await exitOf({ failOn: "low" })).toBe(20);
    expect(await exitOf({ failOn: "low", exitZero: true })).toBe(0);
    expect(await exitOf({ failOn: "none" })).toBe(0);
  });

  it("shows less without judging less", async () => {
    keep(20, ["x"]);
    const { output, exitCode } = await runOperation(report, { minSeverity: "critical" }, context);
    expect([output.findings.length, exitCode]).toEqual([1, 20]);
  });

  it("says so when nothing was kept", async () => {
    await expect(runOperation(report, {}, context)).rejects.toMatchObject({ code: "USAGE_UNKNOWN_NAME" });
  });
});

describe("audit diff", () => {
  it("compares the last two, and fails for what is new at the threshold", async () => {
    keep(19, ["a", "b"]);
    keep(20, ["b", "c"]);
    const { output, exitCode } = await runOperation(diff, {}, context);
    expect(output.new.map(({ object }) => object)).toEqual(["c"]);
    expect(output.gone.map(({ object }) => object)).toEqual(["a"]);
    expect(output).toMatchObject({ still: 1, same_target: true, at_or_above: 1 });
    expect(exitCode).toBe(20);
    expect((await runOperation(diff, { failOn: "critical" }, context)).exitCode).toBe(0);
  });

  it("takes files and ids alike, and says when they are of two targets", async () => {
    const id = keep(20, ["a"]);
    const other = sampleDocument([], { parts: { target: undefined } });
    writeFileSync(inFolder("files.json"), JSON.stringify(other));
    const { output } = await runOperation(diff, { before: "files.json", after: id }, context);
    expect(output).toMatchObject({ same_target: false, before: { target: null }, new: [{ object: "a" }] });
  });
});

describe("audit history", () => {
  it("lists scores, newest first, of one target when asked", async () => {
    keep(19, ["a"]);
    keep(20, []);
    const { output } = await runOperation(history, {}, context);
    expect(output.audits.map(({ observed_at }) => observed_at.slice(0, 10))).toEqual(["2026-11-20", "2026-11-19"]);
    expect(output.audits[1]).toMatchObject({ target: "10.0.0.5:5432/shop", high: 1 });
    const { output: none } = await runOperation(history, { target: "10.0.0.5:5432/other" }, context);
    expect(none).toMatchObject({ audits: [], total: 2 });
  });
});

describe("audit baseline", () => {
  it("[U-11] writes what a saved run found, for its owner alone, whatever the mask says", async () => {
    keep(20, ["a", "b"]);
    const mask = process.umask(0);
    try {
      const { output } = await runOperation(baseline, { file: "base.json", from: "last" }, context);
      expect(output).toMatchObject({ written: true, findings: 2, waived: 0, counts: { high: 2 } });
    } finally {
      process.umask(mask);
    }
    expect(statSync(inFolder("base.json")).mode & 0o777).toBe(0o600);
    expect((await loadBaseline(inFolder("base.json"), "base.json")).size).toBe(2);
  });

  it("[U-11] follows no link", async () => {
    keep(20, ["a"]);
    writeFileSync(inFolder("victim"), "mine");
    symlinkSync(inFolder("victim"), inFolder("base.json"));
    const run = runOperation(baseline, { file: "base.json", from: "last" }, context);
    await expect(run).rejects.toMatchObject({ code: "FILE_WRITE_FAILED" });
    expect(readFileSync(inFolder("victim"), "utf8")).toBe("mine");
  });

  it("writes nothing with --dry-run", async () => {
    keep(20, ["a"]);
    const { output } = await runOperation(baseline, { file: "base.json", from: "last", dryRun: true }, context);
    expect(output).toMatchObject({ written: false, findings: 1 });
    expect(existsSync(inFolder("base.json"))).toBe(false);
  });
});

describe("audit waive", () => {
  const WAIVE = { check: "ROL-001", object: "ops", reason: "sealed", owner: "dba", expires: "2027-01-31" };
  const file = (): string => readFileSync(inFolder("pgkeep-waivers.yaml"), "utf8");

  it("adds a waiver to the file, which begins with the first", async () => {
    const { output } = await runOperation(waive, WAIVE, context);
    expect(output).toMatchObject({ file: "pgkeep-waivers.yaml", written: true, accepted: null });
    await runOperation(waive, { ...WAIVE, object: "other*", database: "shop" }, context);
    expect(file().match(/- check: ROL-001/g)).toHaveLength(2);
    expect(file()).toContain("database: shop");
  });

  it("says what of the last audit it accepts", async () => {
    keep(20, ["ops", "ops2", "app"]);
    const { output } = await runOperation(waive, { ...WAIVE, object: "ops*" }, context);
    expect(output.accepted).toEqual(["ops", "ops2"]);
  });

  it("takes the id of a finding, and then means exactly its object", async () => {
    keep(20, ["a*", "ab"]);
    const { output: last } = await runOperation(report, {}, context);
    const fingerprint = last.findings.find(({ object }) => object === "a*")?.fingerprint ?? "";
    const { output } = await runOperation(waive, { ...WAIVE, check: fingerprint, object: undefined }, context);
    expect(output.accepted).toEqual(["a*"]);
    expect(output.waiver).toMatchObject({ check: "ROL-001", object: "a\\*" });
  });

  it.each([
    ["a check that is not there", { check: "ROL-999" }, "USAGE_UNKNOWN_NAME"],
    ["an id that the last audit does not have", { check: "0123456789abcdef" }, "USAGE_UNKNOWN_NAME"],
    ["no object", { object: undefined }, "USAGE_ARGUMENTS"],
    ["a day that is none", { expires: "soon" }, "CONFIG_VALUE_INVALID"],
    ["a day that is over", { expires: "2026-11-20" }, "CONFIG_VALUE_INVALID"],
    ["[U-08] a day more than a year away", { expires: "2027-11-22" }, "CONFIG_VALUE_INVALID"],
  ])("refuses %s, and writes nothing", async (_, changes, code) => {
    await expect(runOperation(waive, { ...WAIVE, ...changes }, context)).rejects.toMatchObject({ code });
    expect(existsSync(inFolder("pgkeep-waivers.yaml"))).toBe(false);
  });

  it("adds nothing to a file with a mistake, nor with --dry-run", async () => {
    await runOperation(waive, { ...WAIVE, dryRun: true }, context);
    expect(existsSync(inFolder("pgkeep-waivers.yaml"))).toBe(false);
    writeFileSync(inFolder("pgkeep-waivers.yaml"), "waivers:\n  - chek: ROL-001\n");
    await expect(runOperation(waive, WAIVE, context)).rejects.toMatchObject({ code: "CONFIG_FILE_INVALID" });
    expect(file()).toBe("waivers:\n  - chek: ROL-001\n");
  });
});
