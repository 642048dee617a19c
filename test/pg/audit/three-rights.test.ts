/**
 * The same bad server audited as superuser, as the auditor and as a role that may only connect: whoever sees less says
 * "unknown", and never that something is in order or that there is less of it.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditRun } from "../../../src/audit/run/run-audit.ts";
import { Secret } from "../../../src/base/secrets.ts";
import { BAD_OBJECTS, BAD_ROLES, BAD_SETTINGS } from "../../support/audit/bad-server.ts";
import { auditOf, failuresOf, placeOf, statusesOf } from "../../support/audit/run.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";

const PASSWORD = "three-rights-2f81c6";

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  const runs = new Map<string, AuditRun>();

  beforeAll(async () => {
    cluster = await startCluster({ major, settings: BAD_SETTINGS });
    await cluster.sql(`set standard_conforming_strings = on; ${BAD_ROLES}`);
    await cluster.createDatabase("bad_shop");
    await cluster.createDatabase("control_db");
    await cluster.sql("revoke all on database control_db from public");
    await cluster.sql(`set standard_conforming_strings = on; ${BAD_OBJECTS}`, { database: "bad_shop" });
    await cluster.sql(`set password_encryption = 'scram-sha-256';
      create role lab_auditor login password '${PASSWORD}'; create role lab_plain login password '${PASSWORD}';
      grant pg_monitor to lab_auditor`);
    for (const database of ["bad_shop", "postgres"]) {
      await cluster.sql(
        `grant select on pg_catalog.pg_hba_file_rules, pg_catalog.pg_file_settings to lab_auditor;
         grant execute on function pg_catalog.pg_hba_file_rules(), pg_catalog.pg_show_all_file_settings() to lab_auditor`,
        { database },
      );
    }
    const as = (user: string) => ({ database: "bad_shop", user, password: async () => new Secret(PASSWORD) });
    runs.set("superuser", await auditOf(cluster, { connection: { database: "bad_shop" } }));
    runs.set("auditor", await auditOf(cluster, { connection: as("lab_auditor") }));
    runs.set("plain", await auditOf(cluster, { connection: as("lab_plain") }));
  });

  afterAll(() => cluster?.stop());

  const run = (role: string): AuditRun => {
    const known = runs.get(role);
    if (known === undefined) throw new Error(`no run as ${role}`);
    return known;
  };

  it.each(["auditor", "plain"])("[U-03] passes nothing as %s that fails as superuser, and shortens no list", (role) => {
    const [statuses, failures] = [statusesOf(run(role)), failuresOf(run(role))];
    const dishonest: string[] = [];
    for (const [place, objects] of failuresOf(run("superuser"))) {
      const status = statuses.get(place);
      if (status === "unknown") continue;
      if (status !== "fail") dishonest.push(`${place} is ${status}`);
      else if (failures.get(place)?.join() !== objects.join()) dishonest.push(`${place} lists ${failures.get(place)}`);
    }
    expect(dishonest).toEqual([]);
  });

  it.each(["auditor", "plain"])("says why each check is unknown to %s", (role) => {
    for (const result of run(role).results) {
      if (result.outcome.status !== "unknown") continue;
      expect([placeOf(result), result.outcome.reason]).toEqual([placeOf(result), expect.stringMatching(/\w{3,}/)]);
    }
  });

  it("asks what every server of this version understands", () => {
    const misunderstood = run("superuser").results.flatMap((result) =>
      result.outcome.status === "unknown" && /does not exist|syntax error|ambiguous/.test(result.outcome.reason)
        ? [`${placeOf(result)}: ${result.outcome.reason}`]
        : [],
    );
    expect(misunderstood).toEqual([]);
  });

  it("leaves the auditor with few unknowns, and the plain role with more", () => {
    const unknown = (role: string) =>
      [...statusesOf(run(role)).values()].filter((status) => status === "unknown").length;
    expect(unknown("superuser")).toBeLessThan(unknown("auditor"));
    expect(unknown("auditor")).toBeLessThan(unknown("plain"));
  });
});
