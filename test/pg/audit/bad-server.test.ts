/**
 * A server on which almost everything is wrong is found wrong, whole, and what is right on it is not blamed.
 *
 * The settings that name versions and suites of TLS need a server with TLS; rules of pg_hba.conf are read from its file.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditRun } from "../../../src/audit/run/run-audit.ts";
import {
  BAD_HBA,
  BAD_OBJECTS,
  BAD_ROLES,
  BAD_SETTINGS,
  CANARIES,
  CONTROLS,
  type Defect,
  OBJECT_DEFECTS,
  ROLE_DEFECTS,
  SERVER_DEFECTS,
} from "../../support/audit/bad-server.ts";
import { auditOf } from "../../support/audit/run.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";

const DEFECTS: readonly Defect[] = [...SERVER_DEFECTS, ...ROLE_DEFECTS, ...OBJECT_DEFECTS];

it("has at least sixty defects over the pillars", () => {
  expect(DEFECTS.length).toBeGreaterThanOrEqual(60);
});

describe.each(availableMajors())("PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let run: AuditRun;
  let found: readonly { check: string; text: string }[];

  beforeAll(async () => {
    cluster = await startCluster({ major, settings: BAD_SETTINGS, hba: BAD_HBA, tls: true });
    await cluster.sql(`set standard_conforming_strings = on; ${BAD_ROLES}`);
    await cluster.createDatabase("bad_shop");
    await cluster.createDatabase("control_db");
    await cluster.sql("revoke all on database control_db from public");
    await cluster.sql(`set standard_conforming_strings = on; ${BAD_OBJECTS}`, { database: "bad_shop" });
    run = await auditOf(cluster, { connection: { database: "bad_shop", sslMode: "require" } });
    found = run.results.flatMap(({ check, outcome }) =>
      outcome.status === "fail"
        ? outcome.found.map(({ object, detail }) => ({ check: check.id, text: `${object} ${detail}` }))
        : [],
    );
  });

  afterAll(() => cluster?.stop());

  it("is fully found", () => {
    const missed = DEFECTS.filter(
      ({ check, names }) => !found.some((finding) => finding.check === check && finding.text.includes(names)),
    );
    const outcomes = missed.map(({ check, names }) => {
      const outcome = run.results.find((result) => result.check.id === check)?.outcome;
      return `${check} ${names}: ${outcome?.status} ${outcome && "reason" in outcome ? outcome.reason : ""}`;
    });
    expect(outcomes).toEqual([]);
  });

  it("has nothing found on its controls", () => {
    const blamed = found.filter(({ text }) => CONTROLS.some((name) => text.includes(name)));
    expect(blamed).toEqual([]);
  });

  it("[U-02] gives none of its secrets to the result", () => {
    const text = JSON.stringify(run.results);
    for (const canary of CANARIES) expect(text).not.toContain(canary);
  });
});
