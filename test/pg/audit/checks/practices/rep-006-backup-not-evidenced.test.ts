/** REP-006: what is declared, what is there, and what is neither. */
import { utimesSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/rep-006-backup-not-evidenced.ts";
import type { Declarations } from "../../../../../src/audit/facts/declarations.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, NOON, objectsOf, outcomeAt } from "../../../../support/audited.ts";
import { sharedCluster } from "../../../../support/cluster.ts";
import { type PlantedHost, plantHost } from "../../../../support/planted-host.ts";

const DAY_MS = 24 * 60 * 60 * 1_000;

function plant(daysAgo: number): PlantedHost {
  const machine = plantHost({ files: { "backup/full/a.dump": "x", "backup/old.dump": "x" } });
  const at = (days: number) => new Date(NOON.getTime() - days * DAY_MS);
  utimesSync(machine.at("backup/full/a.dump"), at(daysAgo), at(daysAgo));
  utimesSync(machine.at("backup/old.dump"), at(400), at(400));
  return machine;
}

const of = (declared: Declarations, machine?: PlantedHost) =>
  runCheck(check, madeUpFacts({ declared, ...(machine ? { host: machine.host } : {}) }));

describe("REP-006 evidence of backups", () => {
  it("is unknown when nothing is declared, also on a real server", async () => {
    expect(await of({})).toMatchObject({ status: "unknown", reason: expect.stringContaining("audit.backup") });
    expect(await outcomeAt(await sharedCluster(), check)).toMatchObject({ status: "unknown" });
  });

  it("fires when the declared directory is old, empty or missing, whatever else is declared", async () => {
    using machine = plant(36);
    const backup = "pgBackRest, restored every month";
    for (const directory of ["backup", "none", "etc/../home"]) {
      const backupDirectories = [machine.at(directory)];
      expect(objectsOf(await of({ backup, backupDirectories }, machine))).toEqual(backupDirectories);
    }
  });

  it("is silent on a fresh file after the backup that it asks for", async () => {
    using machine = plant(34);
    expect(await of({ backupDirectories: [machine.at("backup")] }, machine)).toEqual({ status: "pass" });
  });

  it("takes words as a declaration, and directories on another machine as unknown", async () => {
    expect(await of({ backup: "snapshots" })).toEqual({ status: "pass" });
    expect(await of({ backupDirectories: ["/backup"] })).toMatchObject({ status: "unknown", right: "host" });
  });
});
