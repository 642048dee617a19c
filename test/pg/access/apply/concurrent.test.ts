/** Runs that meet: on one database they take turns, on two they collide at roles and start again. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyPlan } from "../../../../src/access/apply/apply.ts";
import { APPLY_LOCK } from "../../../../src/access/apply/lock.ts";
import type { AccessPlan } from "../../../../src/access/plan/plan.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { planned, planOf } from "../../../support/hand-made-plan.ts";

const WANTED = 30;

describe.each(availableMajors())("on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    await cluster.sql("create role one; create role two; create role three");
  });
  afterAll(() => cluster.stop());

  /** Statements that are still to do, by a look at the catalog: a planner for this one test. */
  async function look(session: Session, database: string): Promise<AccessPlan> {
    const rows = await session.query(
      "select c.relname, coalesce(c.relacl::text, '') as acl from pg_class c where c.relname like 'shared%' order by 1",
    );
    const grants = rows.flatMap(({ relname, acl }) =>
      ["one", "two", "three"]
        .filter((role) => !acl?.includes(`${role}=r/`))
        .map((role) => planned(`grant select on public.${relname} to ${role}`)),
    );
    const limits = await session.query(
      "select rolname, rolconnlimit::text as value from pg_roles where rolname in ('one', 'two', 'three')",
    );
    const roles = limits
      .filter(({ value }) => value !== "7")
      .map(({ rolname }) => planned(`alter role ${rolname} connection limit 7`, { kind: "alter role" }));
    const statements = [...roles, ...grants];
    return planOf(database, statements, { stateHash: JSON.stringify(statements.map(({ sql }) => sql)) });
  }

  async function planFor(database: string): Promise<AccessPlan> {
    await using session = await connectTo(cluster, { database });
    return await look(session, database);
  }

  const apply = async (database: string) => await applyGiven(await planFor(database), database);

  async function applyGiven(plan: AccessPlan, database: string) {
    const open = (name = database) => connectTo(cluster, { database: name });
    return await applyPlan({
      plan,
      approval: "model",
      open,
      maintenanceDatabase: "postgres",
      replan: (current) => look(current, database),
      passwords: new Map(),
      signal: new AbortController().signal,
      report: () => undefined,
    });
  }

  describe("[ACC-05] six applies at once", () => {
    it("on one database: each succeeds, one does the work, the result is as planned", async () => {
      const name = await cluster.createDatabase();
      await cluster.sql(
        `do $$ begin for i in 1..${WANTED} loop execute format('create table shared%s ()', i); end loop; end $$`,
        { database: name },
      );
      // All have looked before the first one begins: who looks later finds nothing to do.
      const plans = await Promise.all(Array.from({ length: 6 }, () => planFor(name)));
      const reports = await Promise.all(plans.map((plan) => applyGiven(plan, name)));
      expect(reports.filter(({ statements }) => statements.length > 0)).toHaveLength(1);
      expect(reports.filter(({ wasDone }) => wasDone)).toHaveLength(5);
      await using session = await connectTo(cluster, { database: name });
      expect((await look(session, name)).statements).toEqual([]);
    });

    it("on three databases: they meet at the roles, and nobody sees an XX000", async () => {
      for (let turn = 0; turn < 3; turn++) {
        await cluster.sql(
          "alter role one connection limit -1; alter role two connection limit -1; alter role three connection limit -1",
        );
        const names = await Promise.all([1, 2, 3].map(() => cluster.createDatabase()));
        await Promise.all(names.map((database) => cluster.sql("create table shared ()", { database })));
        const reports = await Promise.all([...names, ...names].map(apply));
        expect(reports).toHaveLength(6);
        for (const name of names) {
          await using session = await connectTo(cluster, { database: name });
          expect((await look(session, name)).statements).toEqual([]);
        }
      }
    });

    it("take the lock that the documentation names", async () => {
      expect(APPLY_LOCK).toEqual([1885825904, 1633903475]);
    });
  });

  describe("[ACC-09] a run whose backend is ended at any moment", () => {
    it("leaves the old state or the new one, never a mixture", async () => {
      const name = await cluster.createDatabase();
      await cluster.sql(
        `do $$ begin for i in 1..${WANTED} loop execute format('create table shared%s ()', i); end loop; end $$`,
        { database: name },
      );
      const seen = new Set<number>();
      // However slow the machine is, at some delay a run gets to its commit.
      for (let delay = 0; delay < 60 || !seen.has(0); delay += delay < 60 ? 3 : delay) {
        await cluster.sql(
          "alter role one connection limit -1; alter role two connection limit -1; alter role three connection limit -1",
        );
        await cluster.sql(
          "do $$ begin for i in 1..30 loop execute format('revoke all on shared%s from one, two, three', i); end loop; end $$",
          { database: name },
        );
        const running = apply(name).catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, delay));
        await cluster.sql(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test' and datname = $1",
          { values: [name] },
        );
        await running;
        await using session = await connectTo(cluster, { database: name, applicationName: "checker" });
        const left = (await look(session, name)).statements.length;
        seen.add(left);
        expect([0, 3 + 3 * WANTED]).toContain(left);
      }
      expect([...seen].sort(), "some runs were ended before their commit, some after").toEqual([0, 3 + 3 * WANTED]);
    });
  });
});
