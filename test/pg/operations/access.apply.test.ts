/** `access plan`, `apply`, `diff`, `drift` and `own` on real servers: what they say, what they change, what they leave alone. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import applyOperation from "../../../src/operations/access.apply.ts";
import diffOperation from "../../../src/operations/access.diff.ts";
import driftOperation from "../../../src/operations/access.drift.ts";
import ownOperation from "../../../src/operations/access.own.ts";
import planOperation from "../../../src/operations/access.plan.ts";
import { modelFolder } from "../../support/access.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster({ major: 18 });
  await cluster.sql("create role shop_owner; create role app_rw; create role old_reader");
});
afterAll(() => cluster.stop());

async function shop(setup = ""): Promise<string> {
  const name = await cluster.createDatabase();
  await cluster.sql(
    `create schema app authorization shop_owner; create table app.orders (id int); create table app.users (id int, name text);
     alter table app.orders owner to shop_owner; alter table app.users owner to shop_owner; ${setup}`,
    { database: name },
  );
  return name;
}

const modelOf = (database: string, rest = ""): string => `
version: 1
database: ${database}
roles:
  shop_owner: { login: false }
  app_rw: { login: false }
  old_reader: { login: false }
schemas:
  app:
    grants:
      - { to: app_rw, usage: true, tables: [select, insert] }
${rest}`;

const aclOf = async (database: string, table: string): Promise<string | null> =>
  (await cluster.sql("select relacl::text as acl from pg_class where relname = $1", { database, values: [table] }))[0]
    .acl;

const failureOf = (work: Promise<unknown>): Promise<PgkeepError> =>
  work.then(
    () => {
      throw new Error("it succeeded");
    },
    (thrown: unknown) => {
      if (thrown instanceof PgkeepError) return thrown;
      throw thrown;
    },
  );

describe("access plan and apply", () => {
  it("bring a database to its model, once", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    const connection = cluster.url(database);
    const plan = await folder.run(planOperation, { connection });
    expect(plan.exitCode).toBe(20);
    expect(plan.output.summary.add).toBeGreaterThan(0);
    expect(await aclOf(database, "orders"), "a plan changes nothing").toBeNull();
    const applied = await folder.run(applyOperation, { connection, yes: true });
    expect(applied).toMatchObject({ exitCode: 0, output: { outcome: "applied", remaining: [], leftovers: [] } });
    expect(applied.output.applied.map(({ sql }) => sql)).toEqual(plan.output.statements.map(({ sql }) => sql));
    expect(await aclOf(database, "orders")).toContain("app_rw=ar/shop_owner");
    expect((await folder.run(planOperation, { connection })).exitCode).toBe(0);
    expect((await folder.run(applyOperation, { connection, yes: true })).output.outcome).toBe("nothing to do");
  });

  it("take the database from the model, and refuse another one", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    const { output } = await folder.run(planOperation, { connection: cluster.url() });
    expect(output.database).toBe(database);
    const failure = await failureOf(folder.run(planOperation, { connection: cluster.url(), database: "postgres" }));
    expect(failure.code).toBe("CONFIG_CONFLICT");
  });

  it("need a yes: without a terminal nothing is changed", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    const failure = await failureOf(folder.run(applyOperation, { connection: cluster.url() }));
    expect(failure).toMatchObject({ code: "ACCESS_UNAPPROVED", exit: 12 });
    expect(await aclOf(database, "orders")).toBeNull();
    const dry = await folder.run(applyOperation, { connection: cluster.url(), dryRun: true });
    expect(dry.output.outcome).toBe("not applied");
    expect(await aclOf(database, "orders")).toBeNull();
  });

  it("ask a person, who sees the plan first", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    const questions: string[] = [];
    const prompt = (answer: boolean) => ({
      text: async () => undefined,
      secret: async () => undefined,
      choose: async () => undefined,
      confirm: async (question: string) => {
        questions.push(question);
        return answer;
      },
    });
    const refused = await failureOf(
      folder.run(applyOperation, { connection: cluster.url() }, { prompt: prompt(false) }),
    );
    expect(refused).toMatchObject({ code: "CANCELLED", exit: 12 });
    const { events, output } = await folder.run(
      applyOperation,
      { connection: cluster.url() },
      { prompt: prompt(true) },
    );
    expect(output.outcome).toBe("applied");
    expect(questions[0]).toContain(`to database "${database}"?`);
    expect(events.some(({ type }) => type === "access.approval_needed")).toBe(true);
  });

  it("write a script that undoes it", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    await folder.run(applyOperation, { connection: cluster.url(), yes: true, saveUndo: "undo.sql" });
    const undone = await cluster.psql(["-q", "-v", "ON_ERROR_STOP=1", "-f", join(folder.path, "undo.sql")], {
      database,
    });
    expect(undone).toMatchObject({ status: 0 });
    expect(await aclOf(database, "orders")).not.toContain("app_rw");
  });
});

describe("[A-03] a saved plan", () => {
  it("is applied while it is still the plan", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    await folder.run(planOperation, { connection: cluster.url(), save: "plan.json" });
    const { output } = await folder.run(applyOperation, { connection: cluster.url(), plan: "plan.json", yes: true });
    expect(output.outcome).toBe("applied");
  });

  const changes: [string, (database: string, folder: ReturnType<typeof modelFolder>) => Promise<unknown> | unknown][] =
    [
      ["a grant was made", (database) => cluster.sql("grant delete on app.orders to app_rw", { database })],
      ["the model was edited", (database, folder) => folder.write(`${modelOf(database)}\n# edited\n`)],
      ["it was applied already", (_, folder) => folder.run(applyOperation, { connection: cluster.url(), yes: true })],
    ];

  it.each(changes)("is stale when %s meanwhile, and nothing is changed", async (_, change) => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    await folder.run(planOperation, { connection: cluster.url(), save: "plan.json" });
    await change(database, folder);
    const before = await aclOf(database, "orders");
    const failure = await failureOf(
      folder.run(applyOperation, { connection: cluster.url(), plan: "plan.json", yes: true }),
    );
    expect(failure).toMatchObject({ code: "ACCESS_PLAN_STALE", exit: 22 });
    expect(failure.parts.state).toBe("nothing was changed");
    expect(await aclOf(database, "orders")).toBe(before);
  });

  it("[A-10] cannot bring SQL of its own, even with a right checksum", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    await folder.run(planOperation, { connection: cluster.url(), save: "plan.json" });
    const path = join(folder.path, "plan.json");
    const document = JSON.parse(readFileSync(path, "utf8"));
    document.plan.statements[0].sql = "alter role app_rw superuser";
    const { createHash } = await import("node:crypto");
    document.sha256 = createHash("sha256")
      .update(JSON.stringify([document.identity, document.choices, document.plan]))
      .digest("hex");
    writeFileSync(path, JSON.stringify(document));
    await folder
      .run(applyOperation, { connection: cluster.url(), plan: "plan.json", yes: true })
      .catch(() => undefined);
    expect(await cluster.sql("select rolsuper from pg_roles where rolname = 'app_rw'")).toEqual([{ rolsuper: false }]);
  });
});

describe("passwords of a model", () => {
  const withLogin = (database: string) =>
    modelOf(database).replace(
      "app_rw: { login: false }",
      'app_rw: { login: false }\n  web: { login: true, password: "${env:WEB_PASSWORD}" }',
    );
  const environment = { WEB_PASSWORD: "c4nary pass-word" };

  it("[ACC-06] are set once, and stand in no plan, script, file or event", async () => {
    const database = await shop();
    using folder = modelFolder(withLogin(database));
    const connection = cluster.url(database);
    const plan = await folder.run(
      planOperation,
      { connection, save: "plan.json", saveUndo: "undo.sql" },
      { environment },
    );
    const applied = await folder.run(applyOperation, { connection, yes: true, saveUndo: "undo2.sql" }, { environment });
    expect(applied.output.passwords_set).toEqual(["web"]);
    expect(await cluster.sql("select 1 as one", { user: "web", password: environment.WEB_PASSWORD })).toEqual([
      { one: 1 },
    ]);
    const [{ rolpassword }] = await cluster.sql("select rolpassword from pg_authid where rolname = 'web'");
    const files = ["plan.json", "undo.sql", "undo2.sql"].map((name) => readFileSync(join(folder.path, name), "utf8"));
    const everything = JSON.stringify([plan, applied, files]);
    expect(everything).toContain("[secret]");
    expect(everything).not.toContain("c4nary");
    expect(everything).not.toContain(rolpassword.slice(-30));
    expect((await folder.run(planOperation, { connection }, { environment })).exitCode, "the password is known").toBe(
      0,
    );
    const other = await folder.run(planOperation, { connection }, { environment: { WEB_PASSWORD: "another one" } });
    expect(other.output.statements.map(({ kind }) => kind)).toEqual(["password"]);
    const rotated = await folder.run(applyOperation, { connection, yes: true, rotate: true }, { environment });
    expect(rotated.output.passwords_set).toEqual(["web"]);
  });

  it("that cannot be resolved stop an apply before it starts, and a plan says that they are unknown", async () => {
    const database = await shop();
    using folder = modelFolder(withLogin(database));
    const failure = await failureOf(folder.run(applyOperation, { connection: cluster.url(), yes: true }));
    expect(failure).toMatchObject({ code: "CONFIG_REFERENCE_UNRESOLVED" });
    expect(await aclOf(database, "orders")).toBeNull();
    const { events } = await folder.run(planOperation, { connection: cluster.url() });
    expect(JSON.stringify(events)).toContain("WEB_PASSWORD");
  });
});

describe("access diff and drift", () => {
  it("list what is missing, extra and different", async () => {
    const database = await shop("grant delete on app.orders to app_rw");
    using folder = modelFolder(modelOf(database));
    const { output, exitCode } = await folder.run(diffOperation, { connection: cluster.url() });
    expect(exitCode).toBe(20);
    expect(output.extra).toContainEqual(
      expect.objectContaining({
        what: "privilege",
        role: "app_rw",
        found: expect.stringContaining("delete"),
        wanted: null,
      }),
    );
    expect(output.missing.length).toBeGreaterThan(0);
  });

  it("say what is new since an earlier report", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    const before = await folder.run(diffOperation, { connection: cluster.url() });
    writeFileSync(join(folder.path, "before.json"), JSON.stringify({ data: before.output }));
    const same = await folder.run(driftOperation, { connection: cluster.url(), since: "before.json" });
    expect(same).toMatchObject({ exitCode: 0, output: { since: { new: [], gone: [] } } });
    await cluster.sql("grant truncate on app.users to app_rw", { database });
    const after = await folder.run(driftOperation, { connection: cluster.url(), since: "before.json" });
    expect(after.exitCode).toBe(20);
    expect(JSON.stringify(after.output.since?.new)).toMatch(/truncate/i);
    expect(after.output.since?.gone).toEqual([]);
  });
});

describe("access own", () => {
  it("changes owners and nothing else", async () => {
    const database = await shop("alter table app.users owner to postgres");
    using folder = modelFolder(
      modelOf(database).replace(
        "  app:\n",
        "  app:\n    owner: shop_owner\n    owners: { shop_owner: { tables: '*' } }\n",
      ),
    );
    const { output } = await folder.run(ownOperation, { connection: cluster.url(), yes: true }).catch((error) => {
      throw new Error(`${error.message} ${error.parts?.detail}`);
    });
    expect(output.outcome).toBe("applied");
    expect(
      await cluster.sql("select relowner::regrole::text as owner from pg_class where relname = 'users'", { database }),
    ).toEqual([{ owner: "shop_owner" }]);
    expect(await aclOf(database, "orders")).toBeNull();
  });
});

describe("a lock that another session holds", () => {
  it("[A-08] ends an apply with the process named, and nothing applied", async () => {
    const database = await shop();
    using folder = modelFolder(modelOf(database));
    await using other = await connectTo(cluster, { database });
    await other.script("begin; revoke all on app.users from app_rw; grant select on app.users to old_reader");
    const started = await folder
      .run(applyOperation, { connection: cluster.url(), yes: true, lockTimeout: "300ms" })
      .catch((error) => error);
    if (started instanceof PgkeepError) {
      expect(started.code).toBe("ACCESS_LOCK_TIMEOUT");
      expect(started.parts.detail).toContain(`process ${other.processId}`);
    }
    expect(started).toBeInstanceOf(PgkeepError);
    expect(await aclOf(database, "orders")).toBeNull();
  });
});

describe("a role that retires", () => {
  it("gives what it owns to its successor in every database, and is gone", async () => {
    await cluster.sql("create role leaver login; create role stayer; create role successor");
    const database = await shop(
      "create table app.own (); alter table app.own owner to leaver; grant select on app.orders to leaver",
    );
    const elsewhere = await cluster.createDatabase();
    await cluster.sql("create table public.kept (); alter table public.kept owner to leaver", { database: elsewhere });
    using folder = modelFolder(`
version: 1
database: ${database}
roles:
  successor: {}
  leaver: { state: absent, reassign_to: successor, drop_owned: true, terminate: true }
`);
    const plan = await folder.run(planOperation, { connection: cluster.url() });
    expect(plan.output.blocked).toEqual([]);
    const { output } = await folder.run(applyOperation, { connection: cluster.url(), yes: true });
    expect(output).toMatchObject({ outcome: "applied", remaining: [], leftovers: [] });
    expect(await cluster.sql("select 1 from pg_roles where rolname = 'leaver'")).toEqual([]);
    const owner = "select relowner::regrole::text as owner from pg_class where relname in ('own', 'kept')";
    expect(await cluster.sql(owner, { database })).toEqual([{ owner: "successor" }]);
    expect(await cluster.sql(owner, { database: elsewhere })).toEqual([{ owner: "successor" }]);
    expect((await folder.run(planOperation, { connection: cluster.url() })).exitCode).toBe(0);
  });

  it("is gone although it passed rights on that it had as a member of the owner too", async () => {
    await cluster.sql("create role insider; create role friend");
    const database = await shop(
      "grant usage on schema app to insider; " +
        "grant select on app.orders to insider with grant option; set role insider; " +
        "grant select on app.orders to friend; reset role; grant shop_owner to insider",
    );
    using folder = modelFolder(`
version: 1
database: ${database}
roles: { insider: { state: absent, reassign_to: shop_owner }, shop_owner: {}, friend: {} }
schemas: { app: { grants: [{ to: friend, tables: [select], only: orders }] } }
`);
    const { output } = await folder.run(applyOperation, { connection: cluster.url(), yes: true });
    expect(output).toMatchObject({ outcome: "applied", remaining: [] });
    const acl = "select relacl::text as acl from pg_class where oid = 'app.orders'::regclass";
    expect((await cluster.sql(acl, { database }))[0].acl).toContain("friend=r/shop_owner");
    expect((await folder.run(planOperation, { connection: cluster.url() })).exitCode).toBe(0);
  });
});

describe("--one-by-one", () => {
  it("changes every owner, each in a transaction of its own, and checks the whole at the end", async () => {
    const tables = Array.from({ length: 5 }, (_, index) => `create table app.t${index} ();`).join(" ");
    const database = await shop(tables);
    using folder = modelFolder(
      modelOf(database).replace(
        "  app:\n",
        "  app:\n    owner: shop_owner\n    owners: { shop_owner: { tables: '*' } }\n",
      ),
    );
    const { output } = await folder.run(applyOperation, { connection: cluster.url(), yes: true, oneByOne: true });
    expect(output).toMatchObject({ outcome: "applied", remaining: [] });
    const log = readFileSync(cluster.logFile, "utf8");
    expect(log).not.toMatch(/PANIC/);
    const owners = await cluster.sql(
      "select distinct relowner::regrole::text as owner, xmin::text from pg_class where relname like 't_'",
      { database },
    );
    expect(new Set(owners.map(({ owner }) => owner))).toEqual(new Set(["shop_owner"]));
    expect((await folder.run(planOperation, { connection: cluster.url() })).exitCode).toBe(0);
  });
});
