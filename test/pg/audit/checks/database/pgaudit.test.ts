/**
 * AUD-003 and AUD-016 to AUD-021: the checks of pgAudit, on servers without it and, where Debian's package is
 * installed, on one that loads it.
 */
import { existsSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Check } from "../../../../../src/audit/check.ts";
import aud003 from "../../../../../src/audit/checks/database/aud-003-changes-leave-no-trace.ts";
import aud016 from "../../../../../src/audit/checks/database/aud-016-pgaudit-not-loaded.ts";
import aud017 from "../../../../../src/audit/checks/database/aud-017-pgaudit-silent.ts";
import aud018 from "../../../../../src/audit/checks/database/aud-018-pgaudit-classes.ts";
import aud019 from "../../../../../src/audit/checks/database/aud-019-pgaudit-extension.ts";
import aud020 from "../../../../../src/audit/checks/database/aud-020-pgaudit-values.ts";
import aud021 from "../../../../../src/audit/checks/database/aud-021-pgaudit-role.ts";
import { pgauditClasses } from "../../../../../src/audit/checks/database/pgaudit-classes.ts";
import { settingStatement } from "../../../../../src/audit/fix.ts";
import { foundOf, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { needs } from "../../../../support/needs.ts";

const OF_PGAUDIT = [aud017, aud018, aud019, aud020, aud021];

describe.each(availableMajors())("PostgreSQL %s without pgAudit", (major) => {
  it("AUD-016 reports it, and tells a role that is not shown the list that it is unknown", async () => {
    const cluster = await sharedCluster(major);
    expect(objectsOf(await outcomeAt(cluster, aud016))).toEqual(["shared_preload_libraries"]);
    expect(await outcomeAsNobody(cluster, aud016)).toMatchObject({ status: "unknown", right: "pg_read_all_settings" });
  });

  it.each(OF_PGAUDIT)("$id does not concern it", async (check) => {
    expect(await outcomeAt(await sharedCluster(major), check)).toMatchObject({ status: "not_applicable" });
  });
});

describe("what pgaudit.log amounts to", () => {
  it.each([
    ["none", []],
    ["", []],
    ["ALL, -Role", ["read", "write", "function", "ddl", "misc", "misc_set"]],
    ["role, -all, ddl", ["ddl"]],
    ["write, none", []],
    [" - read , ddl", ["ddl"]],
    ["all, -misc, misc", ["read", "write", "function", "role", "ddl", "misc_set", "misc"]],
  ])("%s", (value, classes) => {
    expect([...pgauditClasses(value)].sort()).toEqual([...classes].sort());
  });
});

const HAS_PGAUDIT = existsSync("/usr/lib/postgresql/15/lib/pgaudit.so");

describe("PostgreSQL 15 with pgAudit", () => {
  let cluster: TestCluster;

  beforeEach(needs(HAS_PGAUDIT, "Debian package postgresql-15-pgaudit is not installed"));

  beforeAll(async () => {
    if (!HAS_PGAUDIT) return;
    cluster = await startCluster({ major: 15, settings: { shared_preload_libraries: "$libdir/pgaudit" } });
  });

  afterAll(() => cluster?.stop());

  /** Sets values for the time of `work`. */
  async function withValues<Result>(values: Record<string, string>, work: () => Promise<Result>): Promise<Result> {
    for (const [name, value] of Object.entries(values)) await cluster.sql(`alter system set ${name} = '${value}'`);
    await cluster.reload();
    try {
      return await work();
    } finally {
      for (const name of Object.keys(values)) await cluster.sql(`alter system reset ${name}`);
      await cluster.reload();
    }
  }

  /** Runs what the findings propose, and gives what is found then. */
  async function cured(check: Check): Promise<string[]> {
    for (const { fix } of foundOf(await outcomeAt(cluster, check))) {
      if (fix?.kind === "setting") await cluster.sql(settingStatement(fix));
      else if (fix?.kind === "sql") for (const statement of fix.sql) await cluster.sql(statement);
      else throw new Error("the finding has nothing to run");
    }
    await cluster.reload();
    return objectsOf(await outcomeAt(cluster, check));
  }

  it("AUD-016 is silent, by whatever path the library is named", async () => {
    expect(await outcomeAt(cluster, aud016)).toEqual({ status: "pass" });
  });

  it("AUD-003 is silent on log_statement = none: pgAudit records changes", async () => {
    await withValues({ log_statement: "none" }, async () => {
      expect(await outcomeAt(cluster, aud003)).toEqual({ status: "pass" });
    });
  });

  it.each([{ "pgaudit.log": "none" }, { "pgaudit.log": "" }, { "pgaudit.log": "ddl, -all" }])(
    "AUD-017 fires on %j, to everybody, and its fix ends it",
    async (values) => {
      await withValues(values, async () => {
        expect(objectsOf(await outcomeAt(cluster, aud017))).toEqual(["pgaudit.log"]);
        expect(objectsOf(await outcomeAsNobody(cluster, aud017))).toEqual(["pgaudit.log"]);
        expect(await outcomeAt(cluster, aud018)).toEqual({ status: "pass" });
        expect(await cured(aud017)).toEqual([]);
      });
    },
  );

  it("AUD-017 is silent where a role steers what is recorded", async () => {
    await withValues({ "pgaudit.log": "none", "pgaudit.role": "lab_auditor" }, async () => {
      expect(await outcomeAt(cluster, aud017)).toEqual({ status: "pass" });
    });
  });

  it.each(["write, ddl", "ALL,-ROLE", "read"])("AUD-018 fires on %s, and its fix ends it", async (value) => {
    await withValues({ "pgaudit.log": value }, async () => {
      expect(objectsOf(await outcomeAt(cluster, aud018))).toEqual(["pgaudit.log"]);
      expect(objectsOf(await outcomeAsNobody(cluster, aud018))).toEqual(["pgaudit.log"]);
      expect(await cured(aud018)).toEqual([]);
    });
  });

  it.each(["Role, DDL", "all", "-all, all, -misc"])("AUD-018 is silent on %s", async (value) => {
    await withValues({ "pgaudit.log": value }, async () => {
      expect(await outcomeAt(cluster, aud018)).toEqual({ status: "pass" });
    });
  });

  it("AUD-019 fires in each database without the extension, and its fix ends it there", async () => {
    const database = await cluster.createDatabase("Lab Db");
    expect(objectsOf(await outcomeAt(cluster, aud019, { database }))).toEqual(['"Lab Db"']);
    await cluster.sql("create extension pgaudit", { database });
    expect(await outcomeAt(cluster, aud019, { database })).toEqual({ status: "pass" });
    expect(await cured(aud019)).toEqual([]);
    expect(objectsOf(await outcomeAsNobody(cluster, aud019))).toEqual([]);
  });

  it("AUD-020 fires on logged parameters and lines for clients, and its fix ends it", async () => {
    await withValues({ "pgaudit.log_parameter": "on", "pgaudit.log_client": "on" }, async () => {
      const both = ["pgaudit.log_client", "pgaudit.log_parameter"];
      expect(objectsOf(await outcomeAt(cluster, aud020))).toEqual(both);
      expect(objectsOf(await outcomeAsNobody(cluster, aud020))).toEqual(both);
      expect(await cured(aud020)).toEqual([]);
    });
    await withValues({ "pgaudit.log_relation": "on" }, async () => {
      expect(await outcomeAt(cluster, aud020)).toEqual({ status: "pass" });
    });
  });

  it("AUD-021 fires on a role that is not there and on one that logs in, and its fix ends it", async () => {
    for (const setup of ["select 1", 'create role "Lab a" login']) {
      await cluster.sql(setup);
      await withValues({ "pgaudit.role": "Lab a" }, async () => {
        expect(objectsOf(await outcomeAt(cluster, aud021))).toEqual(["pgaudit.role"]);
        expect(objectsOf(await outcomeAsNobody(cluster, aud021))).toEqual(["pgaudit.role"]);
        expect(await cured(aud021)).toEqual([]);
      });
      await cluster.sql('drop role "Lab a"');
    }
    expect(await outcomeAt(cluster, aud021)).toEqual({ status: "pass" });
  });
});
