/** Who verifies, how much of it, what the file asks for by name, and what a login of the role itself shows. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProbeOutcome } from "../../../../src/access/verify/probe.ts";
import { Secret } from "../../../../src/base/secrets.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { MODEL, prepareShop, probesOf, verifyOn, verifyShop } from "./fixture.ts";

const as = (user: string, password: string) => ({ user, password: async () => new Secret(password) });

describe.each(availableMajors())("verification on PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await prepareShop(cluster);
    await cluster.sql("create role admin login password 'admin' in role app_rw, app_r, app, reporter, shop_owner");
    await cluster.sql("create role guest login password 'guest'");
    await cluster.sql("grant connect on database shop to admin, guest");
  });
  afterAll(() => cluster.stop());

  const verdict = (found: ProbeOutcome | undefined) => found && [found.result, found.actual];

  describe("by somebody who is no superuser", () => {
    it("tries what it may become with SET ROLE, and asks the catalog about the rest", async () => {
      const report = await verifyShop(cluster, { settings: as("admin", "admin") });

      expect(report.method).toBe("role");
      expect(report.counts.fail).toBe(0);
      const select = (role: string) => probesOf(report, { role, action: "select", object: "table app.orders" })[0];
      expect(verdict(select("app"))).toEqual(["pass", "allowed"]);
      expect(verdict(probesOf(report, { role: "app", action: "drop table", object: "table app.users" })[0])).toEqual([
        "pass",
        "refused",
      ]);
      expect(verdict(select("monitor"))).toEqual(["computed", "refused"]);
      expect(select("monitor")?.reason).toContain('role "admin" may not become it');
    });

    it("answers SET ROLE from the catalog, where trying it would prove nothing", async () => {
      const report = await verifyShop(cluster, { settings: as("admin", "admin") });
      const [become] = probesOf(report, { role: "app", action: "set role", object: "role shop_owner" });

      expect(verdict(become)).toEqual(["computed", "refused"]);
    });

    it("never counts as good what it cannot know", async () => {
      const report = await verifyShop(cluster, { settings: as("guest", "guest") });

      expect(report.counts.pass).toBe(0);
      expect(report.counts.fail).toBe(0);
      expect(report.counts.unknown).toBeGreaterThan(0);
      expect(
        report.probes.filter(({ result }) => result === "unknown").every(({ actual, reason }) => !actual && reason),
      ).toBe(true);
    });
  });

  it("inside a transaction of the caller sees what is not committed, and leaves the transaction as it was", async () => {
    await using session = await connectTo(cluster, { database: "shop" });
    await session.script("begin; set local work_mem = '7MB'; revoke select on app.users from app_rw");
    const report = await verifyOn(session);
    const [row] = await session.query(
      "select current_user as who, session_user as login, current_setting('work_mem') as memory, current_setting('search_path') as path",
    );

    expect(probesOf(report, { role: "app", action: "select", object: "table app.users" })[0]).toMatchObject({
      result: "fail",
      actual: "refused",
    });
    expect(row).toEqual({ who: "postgres", login: "postgres", memory: "7MB", path: "pg_catalog" });
    expect(session.transactionStatus()).toBe("transaction");
    await session.script("rollback");
  });

  it("probes only a sample, the same one for the same seed", async () => {
    const objects = async (seed: number) => {
      const { probes, sample } = await verifyShop(cluster, { options: { sample: { size: 1, seed } } });
      expect(sample).toEqual({ size: 1, seed });
      return [
        ...new Set(probes.filter(({ row, action }) => row === 2 && action === "select").map(({ object }) => object)),
      ];
    };
    const first = await objects(7);

    expect(first.length).toBe(1);
    expect(await objects(7)).toEqual(first);
  });

  it("proves what the file asks for by name, and calls a thing that is not there unknown", async () => {
    const model = `${MODEL}
verify:
  must: ["app: select app.orders", "app: nextval app.orders_id_seq", "migrator: create in app", "app: insert app.secret_settings"]
  must_not: ["app: create in app", "reporter: insert app.orders", "app: set role shop_owner", "app: drop app.orders", "app: select app.nowhere", "app: execute app.total()"]
`;
    const { probes } = await verifyShop(cluster, { model, options: { sample: { size: 1, seed: 1 } } });
    const last = (role: string, action: string, object: string) =>
      probes.findLast((probe) => probe.role === role && probe.action === action && probe.object === object);

    expect(verdict(last("app", "select", "table app.orders"))).toEqual(["pass", "allowed"]);
    expect(verdict(last("app", "nextval", "sequence app.orders_id_seq"))).toEqual(["computed", "allowed"]);
    expect(verdict(last("migrator", "create in", "schema app"))).toEqual(["pass", "allowed"]);
    expect(verdict(last("app", "insert", "table app.secret_settings"))).toEqual(["fail", "refused"]);
    expect(verdict(last("app", "create in", "schema app"))).toEqual(["pass", "refused"]);
    expect(verdict(last("reporter", "insert", "table app.orders"))).toEqual(["pass", "refused"]);
    expect(verdict(last("app", "set role", "role shop_owner"))).toEqual(["pass", "refused"]);
    expect(verdict(last("app", "drop", "table app.orders"))).toEqual(["pass", "refused"]);
    expect(verdict(last("app", "execute", "function app.total()"))).toEqual(["fail", "allowed"]);
    expect(last("app", "select", "app.nowhere")).toMatchObject({
      result: "unknown",
      reason: "there is no such object",
    });
  });

  it("gives up on a table that somebody locks, and asks the catalog instead", async () => {
    await using other = await connectTo(cluster, { database: "shop" });
    await other.script("begin; lock table app.users");
    const model = MODEL.replace(/ {2}migrator:.*\n/, "").replace("[migrator, app", "[app");
    const report = await verifyShop(cluster, { model, options: {} });
    await other.script("rollback");

    const [probe] = probesOf(report, { role: "app", action: "select", object: "table app.users" });
    expect(probe).toMatchObject({ result: "computed", actual: "allowed" });
    expect(probe?.reason).toContain("55P03");
  });

  it("reports roles that are missing or should be gone", async () => {
    const model = MODEL.replace(
      "  monitor: {",
      "  nobody_here: { login: false }\n  guest: { state: absent }\n  monitor: {",
    );
    const { probes } = await verifyShop(cluster, { model });

    expect(probes.find(({ object }) => object === "role nobody_here")).toMatchObject({
      action: "exist",
      result: "fail",
      actual: "refused",
    });
    expect(probes.find(({ object, action }) => object === "role guest" && action === "exist")).toMatchObject({
      result: "fail",
      actual: "allowed",
    });
  });

  it("logs in for real where the model has an address: role, settings, TLS, other databases", async () => {
    const model = `${MODEL.replace("app: { login: true, member_of: [app_rw] }", "app: { login: true, member_of: [app_rw], settings: { statement_timeout: 15s } }")}
verify: { logins: { app: "\${env:APP}", migrator: "\${env:MIGRATOR}", reporter: "\${env:R}" } }
`;
    await cluster.sql("alter role app set statement_timeout = '15000'");
    const passwords: Record<string, string> = { app: "a", migrator: "m", reporter: "wrong" };
    const openLogin = (role: string, database = "shop") =>
      connectTo(cluster, { database, ...as(role, passwords[role] ?? "") });
    const { probes } = await verifyShop(cluster, { model, options: { openLogin, sample: { size: 1, seed: 1 } } });
    const login = (role: string, action: string) =>
      probes.find((probe) => probe.role === role && probe.action === action);

    expect(verdict(login("app", "log in"))).toEqual(["pass", "allowed"]);
    expect(verdict(login("app", "log in as the role itself"))).toEqual(["pass", "allowed"]);
    expect(verdict(login("app", "start with statement_timeout"))).toEqual(["pass", "allowed"]);
    expect(login("app", "use TLS")).toMatchObject({ result: "fail", message: "the connection is not encrypted" });
    expect(verdict(login("migrator", "act as shop_owner"))).toEqual(["pass", "allowed"]);
    expect(login("reporter", "log in")).toMatchObject({ result: "fail", sqlstate: "28P01" });
    const other = probes.filter(
      ({ role, action, object }) => role === "app" && action === "connect" && object === "database postgres",
    );
    expect(verdict(other[0])).toEqual(["fail", "allowed"]);
    await cluster.sql("revoke connect on database postgres from public");
    const closed = await verifyShop(cluster, { model, options: { openLogin, sample: { size: 1, seed: 1 } } });
    expect(probesOf(closed, { role: "app", action: "connect", object: "database postgres" })[0]).toMatchObject({
      result: "pass",
      sqlstate: "42501",
    });
  });
});
