/**
 * A real run as people use it: the bad server audited by the command, in every format, judged by thresholds, a baseline and
 * waivers, kept and compared.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditDocument } from "../../../src/audit/report/document.ts";
import { index } from "../../../src/audit/reporters/index.ts";
import auditBaseline from "../../../src/operations/audit.baseline.ts";
import auditDiff from "../../../src/operations/audit.diff.ts";
import auditHistory from "../../../src/operations/audit.history.ts";
import auditRun from "../../../src/operations/audit.run.ts";
import auditWaive from "../../../src/operations/audit.waive.ts";
import { BAD_HBA, BAD_OBJECTS, BAD_ROLES, BAD_SETTINGS, CANARIES } from "../../support/audit/bad-server.ts";
import { inFormat } from "../../support/audit/formats.ts";
import { inTenDays, waiversOfTheMachine } from "../../support/audit/machine.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { type OperationRun, runOperation } from "../../support/operation.ts";

const LATEST = availableMajors().at(-1);

const MACHINE_WAIVERS = "machine.yaml";

describe("a run on the bad server", () => {
  let cluster: TestCluster;
  let folder = "";
  let first: OperationRun<AuditDocument>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "pgkeep-judged-"));
    writeFileSync(join(folder, MACHINE_WAIVERS), waiversOfTheMachine(), { mode: 0o600 });
    cluster = await startCluster({
      ...(LATEST === undefined ? {} : { major: LATEST }),
      settings: BAD_SETTINGS,
      hba: BAD_HBA,
      tls: true,
    });
    await cluster.sql(`set standard_conforming_strings = on; ${BAD_ROLES}`);
    await cluster.createDatabase("bad_shop");
    await cluster.sql(`set standard_conforming_strings = on; ${BAD_OBJECTS}`, { database: "bad_shop" });
    first = await audit();
  });

  afterAll(async () => {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const context = () => ({
    workingDirectory: folder,
    environment: { XDG_STATE_HOME: join(folder, "state") },
    recordsRuns: true,
  });
  const audit = (input: object = {}): Promise<OperationRun<AuditDocument>> =>
    runOperation(auditRun, { connection: cluster.url("bad_shop"), waivers: MACHINE_WAIVERS, ...input }, context());

  it("ends with 20, and with 0 when nobody asked to fail", async () => {
    expect(first.exitCode).toBe(20);
    expect((await audit({ only: ["ROL-001"], failOn: "none" })).exitCode).toBe(0);
    expect((await audit({ only: ["ROL-001"], exitZero: true })).exitCode).toBe(0);
  });

  it("reports every finding as an event too, in the order of the document", () => {
    const told = first.events.filter(({ type }) => type === "audit.finding").map(({ fingerprint }) => fingerprint);
    expect(told).toEqual(first.output.findings.map(({ fingerprint }) => fingerprint));
    expect(new Set(told).size).toBe(told.length);
    expect(told.length).toBeGreaterThan(60);
  });

  it.each(["json", ...Object.keys(index)])(
    "[U-02] repeats no secret of the server in %s, and holds every finding",
    async (format) => {
      const text = await inFormat(format, first.output);
      for (const canary of CANARIES) expect(text).not.toContain(canary);
      const marks = new Set(text.match(/\b[0-9a-f]{16}\b/g));
      const missing = first.output.findings.filter(({ fingerprint }) => !marks.has(fingerprint));
      // Annotations are ten per level; the summary of the step has the rest.
      if (format === "github") expect(text).toMatch(/more errors in the summary/);
      else expect(missing).toEqual([]);
    },
  );

  it("[U-02] repeats no secret of the server to people", async () => {
    const full = { ...first.output, display: { ...first.output.display, full: true, list_unknown: true } };
    const text = await inFormat("human", full);
    for (const canary of CANARIES) expect(text).not.toContain(canary);
    for (const { object } of first.output.findings.slice(0, 40)) expect(text).toContain(object.slice(0, 10));
  });

  it("fails for new findings alone once there is a baseline", async () => {
    await runOperation(auditBaseline, { file: "base.json", connection: cluster.url("bad_shop") }, context());
    const same = await audit({ baseline: "base.json" });
    expect([same.exitCode, same.output.gate.at_or_above]).toEqual([0, 0]);
    expect(same.output.overall.score).toBe(first.output.overall.score);
    await cluster.sql("create role judged_newcomer superuser login");
    const later = await audit({ baseline: "base.json" });
    expect(later.exitCode).toBe(20);
    // Other tests' processes come and go; findings in them are waived, new or not.
    const fresh = later.output.findings
      .filter(({ known, status }) => known === false && status !== "waived")
      .map(({ object }) => object);
    expect(fresh).toContain("judged_newcomer");
    expect(fresh.filter((object) => !object.includes("judged_newcomer"))).toEqual([]);
  });

  it("is kept, and the difference to the next one is what was done between them", async () => {
    const { output, exitCode } = await runOperation(auditDiff, {}, context());
    expect([...new Set(output.new.map(({ object }) => object))]).toEqual(["judged_newcomer"]);
    expect(output.gone).toEqual([]);
    expect(exitCode).toBe(20);
    const { output: kept } = await runOperation(auditHistory, {}, context());
    expect(kept.audits.length).toBeGreaterThanOrEqual(3);
    const { total } = (await runOperation(auditHistory, {}, context())).output;
    await audit({ noRecord: true });
    await audit({ only: ["ROL-001"] });
    expect((await runOperation(auditHistory, {}, context())).output.total).toBe(total);
  });

  it("[U-08] accepts what a waiver names, says so, and fails again when it is over", async () => {
    const waiver = { check: "ROL-001", object: "*", reason: "a test", owner: "me", expires: inTenDays() };
    await runOperation(auditWaive, waiver, context());
    const accepted = await audit({ only: ["ROL-001"], waivers: undefined });
    expect(accepted.exitCode).toBe(0);
    expect(new Set(accepted.output.findings.map(({ status }) => status))).toEqual(new Set(["waived"]));
    expect(accepted.output.waiver_notes[0]).toContain("ends in 10 days");
    const over = `waivers:\n  - { check: ROL-001, object: "*", reason: a, owner: me, expires: 2026-01-01 }\n`;
    writeFileSync(join(folder, "old.yaml"), over, { mode: 0o600 });
    const ended = await audit({ only: ["ROL-001"], waivers: "old.yaml" });
    expect(ended.exitCode).toBe(20);
    expect(ended.output.waiver_notes[0]).toContain("fails again");
  });

  it("refuses a file of waivers or a baseline that is not what it should be, before it connects", async () => {
    writeFileSync(join(folder, "broken.yaml"), "waivers: 1\n", { mode: 0o600 });
    const nowhere = { connection: "postgresql://nobody@127.0.0.1:1/x" };
    for (const input of [{ waivers: "broken.yaml" }, { waivers: "none.yaml" }, { baseline: "broken.yaml" }]) {
      await expect(audit({ ...nowhere, ...input })).rejects.toMatchObject({ code: "CONFIG_FILE_INVALID" });
    }
  });
});
