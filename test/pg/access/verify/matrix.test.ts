/** The verification matrix, row by row, on a database that is as its model says, and on one that is not. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProbeOutcome, VerifyReport } from "../../../../src/access/verify/probe.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { MODEL, prepareShop, probesOf, verifyShop } from "./fixture.ts";

const DENIED = "42501";

describe.each(availableMajors())("the matrix on PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let report: VerifyReport;

  beforeAll(async () => {
    cluster = await startCluster({ major });
    await prepareShop(cluster);
    report = await verifyShop(cluster);
  });
  afterAll(() => cluster.stop());

  /** The one probe that matches. */
  function only(wanted: Partial<ProbeOutcome>): ProbeOutcome {
    const found = probesOf(report, wanted);
    expect(found.length, JSON.stringify(wanted)).toBe(1);
    return found[0] as ProbeOutcome;
  }

  function tried(role: string, action: string, object: string): ProbeOutcome {
    return only({ role, action, object });
  }

  const allowed = { expected: "allowed", actual: "allowed", result: "pass" };
  const refused = { expected: "refused", actual: "refused", result: "pass", sqlstate: DENIED };
  const computedAllowed = { expected: "allowed", actual: "allowed", result: "computed" };
  const computedRefused = { expected: "refused", actual: "refused", result: "computed" };
  const table = (name: string): string => `table app.${name}`;

  it("holds as a whole, with nothing unknown", () => {
    const bad = report.probes.filter(({ result }) => result === "fail" || result === "unknown");
    expect(bad).toEqual([]);
    expect(report.method).toBe("session authorization");
  });

  it("[VM-01] connect: logins of the model, nobody else", () => {
    expect(tried("app", "connect", "database shop")).toMatchObject(computedAllowed);
    expect(tried("app_rw", "connect", "database shop")).toMatchObject({ expected: "either", actual: "refused" });
  });

  it("[VM-02] select on tables and views", () => {
    expect(tried("app", "select", table("orders"))).toMatchObject(allowed);
    expect(tried("reporter", "select", table("orders"))).toMatchObject(allowed);
    expect(tried("monitor", "select", table("orders"))).toMatchObject(refused);
    expect(tried("migrator", "select", table("orders"))).toMatchObject(allowed);
    expect(tried("reporter", "select", "view app.big_orders")).toMatchObject(allowed);
    expect(tried("app", "select", table("secret_settings")).message).toBe(
      "permission denied for table secret_settings",
    );
  });

  it("[VM-03] insert, update, delete, and the sequence behind a serial column", () => {
    for (const action of ["insert", "update", "delete"]) {
      expect(tried("app", action, table("orders"))).toMatchObject(allowed);
      expect(tried("reporter", action, table("orders"))).toMatchObject({
        ...refused,
        message: "permission denied for table orders",
      });
    }
    expect(tried("app", "insert (default of a serial column)", table("orders"))).toMatchObject(computedAllowed);
  });

  it("[VM-04] columns: those that are granted, and no other", () => {
    expect(tried("reporter", "select", table("users"))).toMatchObject(refused);
    expect(tried("reporter", "select column name", table("users"))).toMatchObject(allowed);
    expect(tried("reporter", "select column email", table("users"))).toMatchObject({
      ...refused,
      message: "permission denied for table users",
    });
  });

  it("[VM-05] truncate", () => {
    expect(tried("app", "truncate", table("orders"))).toMatchObject({
      ...refused,
      message: "permission denied for table orders",
    });
    expect(tried("migrator", "truncate", table("orders"))).toMatchObject(computedAllowed);
  });

  it("[VM-06] definitions of tables belong to the owner", () => {
    const actions = [
      "alter table",
      "drop table",
      "create index",
      "comment on table",
      "enable row security",
      "create policy",
    ];
    for (const action of actions) {
      expect(tried("app", action, table("orders"))).toMatchObject({
        ...refused,
        message: "must be owner of table orders",
      });
      expect(tried("migrator", action, table("orders"))).toMatchObject(computedAllowed);
    }
    expect(tried("app", "drop view", "view app.big_orders").message).toBe("must be owner of view big_orders");
  });

  it("[VM-07] triggers", () => {
    expect(tried("app", "trigger", table("orders"))).toMatchObject({
      ...refused,
      message: "permission denied for table orders",
    });
  });

  it("[VM-08] new objects in the schema and in public", () => {
    for (const action of ["create table in", "create view in", "create function in", "create type in"]) {
      expect(tried("app", action, "schema app")).toMatchObject({
        ...refused,
        message: "permission denied for schema app",
      });
      expect(tried("app", action, "schema public")).toMatchObject({
        ...refused,
        message: "permission denied for schema public",
      });
      expect(tried("migrator", action, "schema app")).toMatchObject(allowed);
    }
  });

  it("[VM-09] schemas, publications and extensions", () => {
    for (const action of ["create schema", "create publication"]) {
      expect(tried("app", action, "database shop")).toMatchObject({
        ...refused,
        message: "permission denied for database shop",
      });
      expect(tried("shop_owner", action, "database shop")).toMatchObject(allowed);
    }
    expect(tried("app", "create extension (trusted)", "database shop")).toMatchObject(computedRefused);
  });

  it("[VM-10] temporary tables", () => {
    expect(tried("app", "create temporary table", "database shop")).toMatchObject({
      ...refused,
      message: 'permission denied to create temporary tables in database "shop"',
    });
    expect(tried("shop_owner", "create temporary table", "database shop")).toMatchObject(allowed);
  });

  it("[VM-11] roles and databases", () => {
    expect(tried("app", "create role", "server")).toMatchObject({
      ...refused,
      message: "permission denied to create role",
    });
    expect(tried("app", "create database", "server")).toMatchObject(computedRefused);
  });

  it("[VM-12] attributes of oneself", () => {
    const message = major >= 16 ? "permission denied to alter role" : "permission denied";
    const actions = [
      "alter self createdb",
      "alter self createrole",
      "alter self connection limit",
      "alter self valid until",
    ];
    for (const action of actions) expect(tried("app", action, "role app")).toMatchObject({ ...refused, message });
  });

  it("[VM-13] what every role may do to itself is information and counts for nothing", () => {
    expect(tried("app", "alter self set", "role app")).toMatchObject({ expected: "either", actual: "allowed" });
    expect(tried("app", "alter self password", "role app")).toMatchObject({ expected: "either", actual: "allowed" });
  });

  it("[VM-14] passing a right on has no effect", () => {
    const [probe] = report.probes.filter(({ row, role }) => row === 14 && role === "app");
    expect(probe).toMatchObject({
      expected: "refused",
      actual: "refused",
      result: "pass",
      message: "the grant had no effect",
    });
  });

  it("[VM-15] becoming another role", () => {
    const message = expect.stringMatching(/^permission denied to set role "(shop_owner|migrator|postgres)"$/);
    for (const other of ["shop_owner", "migrator", "postgres"]) {
      expect(tried("app", "set role", `role ${other}`)).toMatchObject({ ...refused, message });
    }
    expect(tried("migrator", "set role", "role shop_owner")).toMatchObject(allowed);
    expect(tried("app", "set role", "role app_rw")).toMatchObject(allowed);
  });

  it("[VM-16] sequences", () => {
    const sequence = "sequence app.orders_id_seq";
    expect(tried("app", "nextval", sequence)).toMatchObject(computedAllowed);
    expect(tried("app", "currval", sequence)).toMatchObject(computedAllowed);
    expect(tried("app", "last_value", sequence)).toMatchObject({
      ...refused,
      message: expect.stringMatching(/^permission denied for sequence orders_id_seq$/),
    });
    expect(tried("app", "setval", sequence)).toMatchObject(computedRefused);
    expect(tried("reporter", "nextval", sequence)).toMatchObject(computedRefused);
    expect(tried("migrator", "last_value", sequence)).toMatchObject(allowed);
  });

  it("[VM-17] routines", async () => {
    expect(tried("app", "execute", "function app.total()")).toMatchObject(computedAllowed);
    expect(tried("reporter", "execute", "function app.total()")).toMatchObject(computedRefused);
    const model = `${MODEL}\nverify: { call: ["app.total()"] }\n`;
    const called = await verifyShop(cluster, { model, options: { call: true } });
    const calls = called.probes.filter(({ action }) => action === "call");
    expect(calls.find(({ role }) => role === "app")).toMatchObject(allowed);
    expect(calls.find(({ role }) => role === "reporter")).toMatchObject({
      ...refused,
      message: "permission denied for function total",
    });
  });

  it("[VM-18] catalogs with secrets", () => {
    const catalogs = [
      "pg_authid",
      "pg_shadow",
      "pg_user_mapping",
      "pg_subscription.subconninfo",
      "pg_statistic",
      "pg_largeobject",
    ];
    for (const role of ["app", "reporter", "monitor", "shop_owner"]) {
      for (const name of catalogs) expect(tried(role, `select ${name}`, "server")).toMatchObject(refused);
    }
  });

  it("[VM-19] views of the server's files", () => {
    const names = ["pg_hba_file_rules", "pg_file_settings", ...(major >= 15 ? ["pg_ident_file_mappings"] : [])];
    for (const name of names) {
      expect(tried("monitor", `select ${name}`, "server")).toMatchObject({
        ...refused,
        message: `permission denied for view ${name}`,
      });
    }
  });

  it("[VM-20] settings that tell about the machine", () => {
    for (const name of ["data_directory", "hba_file", "shared_preload_libraries"]) {
      expect(tried("monitor", `show ${name}`, "server")).toMatchObject(allowed);
      expect(tried("app", `show ${name}`, "server")).toMatchObject(refused);
    }
  });

  it("[VM-21] programs and files of the server", () => {
    for (const action of [
      "copy program",
      "copy from server file",
      "copy to server file",
      "pg_read_file",
      "lo_import",
    ]) {
      expect(tried("app", action, "server")).toMatchObject(computedRefused);
    }
  });

  it("[VM-22] settings of superusers, and libraries", () => {
    expect(tried("app", "set session_replication_role", "server")).toMatchObject({
      ...refused,
      message: 'permission denied to set parameter "session_replication_role"',
    });
    expect(tried("app", "set log_statement", "server")).toMatchObject(refused);
    expect(tried("app", "load", "server")).toMatchObject({
      ...refused,
      message: expect.stringMatching(/^access to library .* is not allowed$/),
    });
  });

  it("[VM-23] the server's own configuration", () => {
    expect(tried("app", "alter system", "server")).toMatchObject(computedRefused);
    expect(tried("app", "pg_reload_conf", "server")).toMatchObject(computedRefused);
  });

  it("[VM-24] sessions of others", () => {
    expect(tried("app", "terminate sessions of others", "server")).toMatchObject(computedRefused);
    expect(tried("monitor", "terminate sessions of others", "server")).toMatchObject(computedRefused);
  });

  it("[VM-25] policies apply to the application, and with FORCE to the owner", () => {
    expect(tried("app", "see rows without policies", table("orders"))).toMatchObject(computedRefused);
    expect(tried("migrator", "see rows without policies", table("orders"))).toMatchObject(computedRefused);
    expect(tried("app", "policy own holds", table("orders"))).toMatchObject(computedAllowed);
  });

  it("[VM-25] and what that means is so: rows of others are not seen, made or given away", async () => {
    const as = (role: string, sql: string) =>
      cluster.sql(
        `begin; insert into app.orders (owner, total) values ('reporter', 1), ('app', 2); set local session authorization ${role}; ${sql}`,
        { database: "shop" },
      );
    expect(await as("app", "select owner from app.orders")).toEqual([{ owner: "app" }]);
    expect(await as("shop_owner", "select owner from app.orders"), "FORCE holds the owner too").toEqual([]);
    const refusal = { code: "42501", message: 'new row violates row-level security policy for table "orders"' };
    await expect(as("app", "insert into app.orders (owner, total) values ('reporter', 3)")).rejects.toMatchObject(
      refusal,
    );
    await expect(as("app", "update app.orders set owner = 'reporter'")).rejects.toMatchObject(refusal);
  });

  it("[VM-26] switching policies off is refused", () => {
    expect(tried("app", "select with row_security off", table("orders"))).toMatchObject({
      ...refused,
      message: 'query would be affected by row-level security policy for table "orders"',
    });
  });

  it("[VM-27] a new table: the application reads and writes, the reader reads, nobody else does anything", () => {
    const made = "new table of shop_owner in app";
    for (const action of ["select", "insert", "update", "delete"]) {
      expect(tried("app", action, made)).toMatchObject(allowed);
      expect(tried("reporter", action, made)).toMatchObject(action === "select" ? allowed : refused);
      expect(tried("monitor", action, made)).toMatchObject(refused);
    }
    expect(tried("app", "nextval", "new sequence of shop_owner in app")).toMatchObject(computedAllowed);
    expect(tried("", "anything", made)).toMatchObject(computedRefused);
  });

  it("[VM-28] a new function: not for PUBLIC", () => {
    expect(tried("", "execute", "new function of shop_owner in app")).toMatchObject(computedRefused);
    expect(tried("app", "execute", "new function of shop_owner in app")).toMatchObject(computedAllowed);
  });

  it("[VM-29] what the migrator makes belongs to the owner that it becomes", () => {
    expect(tried("migrator", "leave what it makes to shop_owner", "new table in app")).toMatchObject(computedAllowed);
  });

  it("[VM-30] locking others out is information", () => {
    const [lock] = report.probes.filter(({ row, role }) => row === 30 && role === "app");
    expect(lock).toMatchObject({ expected: "either", result: "computed" });
  });

  describe("when the database is not as the model says", () => {
    /** Changes the database, verifies, and changes it back. */
    async function failuresAfter(change: string, undo: string): Promise<ProbeOutcome[]> {
      await cluster.sql(change, { database: "shop" });
      try {
        return (await verifyShop(cluster)).probes.filter(({ result }) => result === "fail");
      } finally {
        await cluster.sql(undo, { database: "shop" });
      }
    }

    const few = (probes: ProbeOutcome[]): string[] =>
      [...new Set(probes.map(({ role, action, object }) => `${role}: ${action} ${object}`))].sort();

    it.each([
      {
        what: "a right too many, for the role and whoever inherits it",
        change: "grant delete on app.orders to app_r",
        undo: "revoke delete on app.orders from app_r",
        failures: ["app_r: delete table app.orders", "reporter: delete table app.orders"],
      },
      {
        what: "a right too few",
        change: "revoke insert on app.users from app_rw",
        undo: "grant insert on app.users to app_rw",
        failures: ["app: insert table app.users", "app_rw: insert table app.users"],
      },
      {
        what: "one column too many",
        change: "grant update (email) on app.users to app_r",
        undo: "revoke update (email) on app.users from app_r",
        failures: ["app_r: update column email table app.users", "reporter: update column email table app.users"],
      },
      {
        what: "default privileges that are missing",
        change: "alter default privileges for role shop_owner in schema app revoke select on tables from app_r",
        undo: "alter default privileges for role shop_owner in schema app grant select on tables to app_r",
        failures: ["app_r: select new table of shop_owner in app", "reporter: select new table of shop_owner in app"],
      },
      {
        what: "EXECUTE for PUBLIC on new functions",
        change: "alter default privileges for role shop_owner grant execute on routines to public",
        undo: "alter default privileges for role shop_owner revoke execute on routines from public",
        failures: [
          ": execute new function of shop_owner in app",
          "app_r: execute new function of shop_owner in app",
          "reporter: execute new function of shop_owner in app",
        ],
      },
      {
        what: "a membership too many",
        change: "grant shop_owner to reporter",
        undo: "revoke shop_owner from reporter",
        failures: ["reporter: set role role shop_owner"],
      },
      {
        what: "row security that is off",
        change: "alter table app.orders disable row level security",
        undo: "alter table app.orders enable row level security",
        failures: [
          "app: select with row_security off table app.orders",
          "app: see rows without policies table app.orders",
        ],
      },
      {
        what: "a sequence right that is missing behind a serial column",
        change: "revoke usage on sequence app.orders_id_seq from app_rw",
        undo: "grant usage on sequence app.orders_id_seq to app_rw",
        failures: [
          "app: insert (default of a serial column) table app.orders",
          "app: nextval sequence app.orders_id_seq",
        ],
      },
    ])("finds $what", async ({ change, undo, failures }) => {
      const found = few(await failuresAfter(change, undo));
      for (const failure of failures) expect(found).toContain(failure);
    });
  });
});
