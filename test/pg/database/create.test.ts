/** Making sure that the target exists, on real servers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../src/base/clock.ts";
import type { ProgressEvent } from "../../../src/base/operation.ts";
import { ensureDatabase } from "../../../src/pg/database.ts";
import type { Session } from "../../../src/pg/session.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connector, type Login } from "./connecting.ts";

describe("making sure that the target database exists", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.sql("create role maker login createdb password 'maker-password'");
    await cluster.sql("create role user_only login password 'user-password'");
  });
  afterAll(() => cluster?.stop());

  async function ensuring(database: string, options: { login?: Login; connect?: Connect; maintenance?: string } = {}) {
    const [events, opened]: [ProgressEvent[], string[]] = [[], []];
    const connect = options.connect ?? connector(cluster, options.login);
    const { session, created } = await ensureDatabase({
      database,
      maintenanceDatabase: options.maintenance ?? "postgres",
      connect: (name) => {
        opened.push(name);
        return connect(name);
      },
      report: (event) => events.push(event),
    });
    const [row] = await session.query("select current_database() as name");
    await session.close();
    return { database: row?.name, created, events, opened };
  }

  it("[CL-26] uses an existing target without any other connection", async () => {
    await cluster.sql("create database existing");
    await cluster.sql("revoke connect on database postgres from public");
    await cluster.sql("revoke all on database existing from public; grant connect on database existing to user_only");
    const login = { user: "user_only", password: "user-password" };
    expect(await ensuring("existing", { login })).toEqual({
      database: "existing",
      created: false,
      events: [],
      opened: ["existing"],
    });
    await cluster.sql("grant connect on database postgres to public");
  });

  it.each(["missing", `we"ird; 'name'`, "Größe 資料"])("[CL-18] creates %s and says so", async (database) => {
    const login = { user: "maker", password: "maker-password" };
    expect(await ensuring(database, { login })).toEqual({
      database,
      created: true,
      events: [{ type: "database.creating", database }],
      opened: [database, "postgres", database],
    });
  });

  it("[BX-13] creates from the maintenance database it was given", async () => {
    await cluster.sql("create database admin_db");
    const { opened } = await ensuring("from_admin", { maintenance: "admin_db" });
    expect(opened).toEqual(["from_admin", "admin_db", "from_admin"]);
  });

  it("[CL-18] passes every other failure on and creates nothing", async () => {
    const refusedLogin = { user: "maker", password: "wrong-password" };
    await expect(ensuring("never_made", { login: refusedLogin })).rejects.toMatchObject({
      code: "CONNECT_PASSWORD_REJECTED",
      exit: 11,
    });
    expect(await cluster.sql("select 1 from pg_database where datname = 'never_made'")).toEqual([]);
  });

  it("names the right that is missing", async () => {
    const login = { user: "user_only", password: "user-password" };
    await expect(ensuring("not_allowed", { login })).rejects.toMatchObject({
      code: "DEPLOY_DATABASE_FAILED",
      parts: { sqlstate: "42501", hint: 'Have an administrator run: alter role "user_only" createdb' },
    });
  });

  it("reports a missing maintenance database as it is", async () => {
    await expect(ensuring("nowhere", { maintenance: "nowhere" })).rejects.toMatchObject({
      code: "CONNECT_DATABASE_MISSING",
    });
    await expect(ensuring("elsewhere", { maintenance: "nowhere" })).rejects.toMatchObject({
      code: "CONNECT_DATABASE_MISSING",
      message: expect.stringContaining('database "nowhere" does not exist'),
      parts: { hint: expect.stringContaining("connection.maintenance_database") },
    });
  });

  it("calls it a race when somebody else was faster", async () => {
    const connect = async (name: string) => {
      const session = await connector(cluster)(name);
      const query = session.query.bind(session);
      session.query = async (text, values) => {
        const rows = await query(text, values);
        if (text.includes("pg_database")) await cluster.sql("create database contested");
        return rows;
      };
      return session;
    };
    await expect(ensuring("contested", { connect })).rejects.toMatchObject({ code: "DEPLOY_CREATE_RACE", exit: 15 });
  });

  it("lets one of two that create at the same moment win, and the other be a race or find it", async () => {
    const outcomes = await Promise.allSettled([ensuring("twice"), ensuring("twice"), ensuring("twice")]);
    const made = outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value.created);
    expect(made).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "DEPLOY_CREATE_RACE" });
    }
  });

  it.each([
    ["64 bytes", "é".repeat(32)],
    ["NUL", "a\0"],
  ])("refuses a name of %s before connecting", async (_, name) => {
    const connect = () => Promise.reject(new Error("must not connect"));
    await expect(ensuring(name, { connect })).rejects.toMatchObject({ code: "CONFIG_VALUE_INVALID" });
  });

  it("leaves no session of its own open", async () => {
    await ensuring("closing");
    const deadline = systemClock.monotonicMs() + 5000;
    const count = async () =>
      (await cluster.sql("select count(*)::int as n from pg_stat_activity where application_name = 'pgkeep'"))[0].n;
    while ((await count()) > 0 && systemClock.monotonicMs() < deadline);
    expect(await count()).toBe(0);
  });
});

type Connect = (database: string) => Promise<Session>;
