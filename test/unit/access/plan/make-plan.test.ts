/** What is planned from a picture of a server: which statements, in which order, and what is said beside them. */
import { describe, expect, it } from "vitest";
import type { Snapshot } from "../../../../src/access/catalog/snapshot.ts";
import { readModel } from "../../../../src/access/model/read.ts";
import { differences, makePlan, type PlanOptions } from "../../../../src/access/plan/make-plan.ts";
import { planScript, undoScript } from "../../../../src/access/plan/script.ts";
import { objectOf, roleOf, snapshotOf } from "../../../support/planning.ts";

const plan = async (model: string, snapshot: Snapshot, options: PlanOptions = {}) =>
  makePlan(await readModel(model, { file: "access.yaml" }), snapshot, options);
const sql = async (...request: Parameters<typeof plan>) => (await plan(...request)).statements.map((each) => each.sql);

const tables = (count: number, acl: string | null = null) =>
  Array.from({ length: count }, (_, n) => objectOf("table", `t${n}`, { schema: "app", oid: 30_000 + n, acl }));
const app = objectOf("schema", "app", { acl: "{own=UC/own}" });
const GRANTS =
  "{version: 1, database: shop, roles: {web: {}}, schemas: {app: {grants: [{to: web, tables: [select]}]}}}";

describe("grants", () => {
  it("cover a whole schema at once when every table needs the same", async () => {
    const snapshot = snapshotOf({ roles: [roleOf("web")], objects: [app, ...tables(250)] });
    expect(await sql(GRANTS, snapshot)).toEqual(['grant select on all tables in schema "app" to "web"']);
  });

  it("name a hundred objects per statement when some have it already", async () => {
    const objects = [app, ...tables(250), objectOf("table", "done", { schema: "app", acl: "{own=r/own,web=r/own}" })];
    const statements = await sql(GRANTS, snapshotOf({ roles: [roleOf("web")], objects }));
    expect(statements.map((text) => text.split(", ").length)).toEqual([100, 100, 50]);
    expect(statements.join()).not.toContain('"done"');
  });

  it("are satisfied by an entry of any grantor, and left alone with members of extensions", async () => {
    const objects = [
      app,
      objectOf("table", "a", { schema: "app", acl: "{own=r*/own,web=r/other}" }),
      objectOf("table", "b", { schema: "app", extension: "postgis" }),
    ];
    expect(await sql(GRANTS, snapshotOf({ roles: [roleOf("web"), roleOf("other")], objects }))).toEqual([]);
  });

  it("know of each statement what undoes it", async () => {
    const snapshot = snapshotOf({ roles: [roleOf("web")], objects: [app, ...tables(2, "{own=r/own,web=w*/own}")] });
    const made = await plan(GRANTS, snapshot);
    expect(made.statements.map((each) => [each.sql, each.inverse])).toEqual([
      [
        'revoke update on all tables in schema "app" from "web"',
        'grant update on all tables in schema "app" to "web" with grant option',
      ],
      ['grant select on all tables in schema "app" to "web"', 'revoke select on all tables in schema "app" from "web"'],
    ]);
    expect(
      undoScript(made)
        .split("\n")
        .filter((line) => /^(grant|revoke)/.test(line)),
    ).toEqual([
      'revoke select on all tables in schema "app" from "web";',
      'grant update on all tables in schema "app" to "web" with grant option;',
    ]);
  });
});

describe("a grant option that others rest on", () => {
  const roles = [roleOf("web"), roleOf("stranger")];
  const objects = [app, objectOf("table", "t", { schema: "app", acl: "{own=r/own,web=r*/own,stranger=r/web}" })];

  it("is blocked while nobody confirmed that a stranger loses what it was granted", async () => {
    const made = await plan(GRANTS, snapshotOf({ roles, objects }));
    expect(made.statements).toEqual([]);
    expect(made.blocked).toEqual([
      expect.objectContaining({ needs: "--cascade", reason: expect.stringContaining("stranger=r/web") }),
    ]);
  });

  it("goes with all of it when confirmed, and says so", async () => {
    const made = await plan(GRANTS, snapshotOf({ roles, objects }), { cascade: true });
    expect(made.statements.map((each) => [each.sql, each.risk])).toEqual([
      ['revoke grant option for select on table "app"."t" from "web" cascade', "high"],
    ]);
  });
});

describe("what was passed on and cannot be taken back", () => {
  const roles = [roleOf("own"), roleOf("lender"), roleOf("web")];
  const acl = "{own=r/own,lender=r*/own,web=d/own,web=r/lender}";
  const objects = [app, objectOf("table", "t", { schema: "app", acl })];
  const model =
    "{version: 1, database: shop, roles: {web: {}, lender: {}}, schemas: {app: {grants: [{to: lender, tables: [insert]}]}}}";

  it("keeps what it rests on, because the server would refuse that", async () => {
    const executor = { sessionUser: "own", currentUser: "own", superuser: false };
    const made = await plan(model, snapshotOf({ roles, objects, executor }));
    expect(made.statements.map((each) => each.sql)).toEqual([
      'revoke delete on table "app"."t" from "web"',
      'grant insert on table "app"."t" to "lender"',
    ]);
    expect(made.blocked.map((each) => each.sql)).toEqual([
      'set role "lender"; revoke select on table "app"."t" from "web"; reset role',
      'revoke select on table "app"."t" from "lender"',
    ]);
    expect(made.blocked[1]?.reason).toContain("has to go first");
  });

  it("goes from the outside in for who may act as its grantor", async () => {
    const made = await plan(model, snapshotOf({ roles, objects }));
    expect(made.blocked).toEqual([]);
    const revoked = made.statements.map((each) => each.sql).filter((each) => each.startsWith("revoke select"));
    expect(revoked).toEqual([
      'revoke select on table "app"."t" from "web"',
      'revoke select on table "app"."t" from "lender"',
    ]);
  });
});

describe("modes", () => {
  const roles = [roleOf("web"), roleOf("stranger"), roleOf("rds_admin")];
  const acl = "{own=r/own,web=d/own,stranger=a/own,rds_admin=a/own,=w/own}";
  const objects = [app, objectOf("table", "t", { schema: "app", acl })];
  const inMode = (mode: string) =>
    sql(GRANTS.replace("version: 1", `version: 1, mode: ${mode}`), snapshotOf({ roles, objects }));

  it("additive only adds", async () => {
    expect(await inMode("additive")).toEqual(['grant select on table "app"."t" to "web"']);
  });

  it("adopt makes the model's roles exact", async () => {
    expect(await inMode("adopt")).toEqual([
      'revoke delete on table "app"."t" from "web"',
      'grant select on table "app"."t" to "web"',
    ]);
  });

  it("authoritative leaves nobody else anything, but the owner, providers and superusers", async () => {
    expect(await inMode("authoritative")).toEqual([
      'revoke delete on table "app"."t" from "web"',
      'revoke insert on table "app"."t" from "stranger"',
      'revoke update on table "app"."t" from public',
      'grant select on table "app"."t" to "web"',
    ]);
  });
});

describe("[A-04] a role whose name is not text", () => {
  it("is never named by a statement, because another role could be meant", async () => {
    const odd = roleOf("od\uFFFD", { addressable: false });
    const objects = [
      app,
      objectOf("table", "t", { schema: "app", acl: "{own=r*/own,od\uFFFD=a/own,web=rw/od\uFFFD}" }),
    ];
    const memberships = [
      { role: "web", member: "od\uFFFD", grantor: "postgres", admin: false, inherit: true, set: true },
      { role: "own", member: "web", grantor: "od\uFFFD", admin: false, inherit: true, set: true },
    ];
    const snapshot = snapshotOf({ roles: [roleOf("web"), odd], objects, memberships });
    const made = await plan(GRANTS.replace("version: 1", "version: 1, mode: authoritative"), snapshot);
    expect(made.statements).toEqual([]);
    expect(made.blocked.map(({ needs }) => needs)).toEqual([
      "a superuser; the grantor's name is not text here",
      "a superuser; the grantor's name is not text here",
    ]);
  });
});

describe("what nobody is given", () => {
  it("is a change of roles that are the server's or its provider's: the model is refused, not half fulfilled", async () => {
    const roles = "{postgres: {login: false}, rds_superuser: {}, web: {member_of: [rds_superuser]}}";
    await expect(plan(`{version: 1, database: shop, roles: ${roles}}`, snapshotOf({}))).rejects.toMatchObject({
      code: "ACCESS_MODEL_INVALID",
      parts: {
        detail: expect.stringMatching(
          /"postgres" is the superuser that .*\n.*"rds_superuser" bears the name of a provider/,
        ),
        hint: expect.stringContaining("external_roles"),
      },
    });
  });

  it("is the way back for the role that runs the plan, and that is said once", async () => {
    const executor = { sessionUser: "admin", currentUser: "admin", superuser: false };
    const database = objectOf("database", "shop", { acl: "{=c/own,own=CTc/own}" });
    const snapshot = snapshotOf({ roles: [roleOf("admin", { createRole: true })], objects: [database], executor });
    const closed = "{version: 1, database: shop, external_roles: [admin], database_acl: {revoke_public: true";
    const made = await plan(`${closed}}}`, snapshot);
    expect(made.warnings.filter((text) => text.includes("could not connect"))).toHaveLength(1);
    const kept = await plan(`${closed}, connect: [admin]}}`, snapshot);
    expect(kept.warnings.join()).not.toContain("could not connect");
  });

  it("is refused on a managed service, with the provider's own way", async () => {
    const executor = { sessionUser: "own", currentUser: "own", superuser: false };
    const snapshot = snapshotOf({ roles: [roleOf("rds_superuser")], executor });
    await expect(
      plan("{version: 1, database: shop, roles: {copier: {replication: true}}}", snapshot),
    ).rejects.toMatchObject({
      code: "ACCESS_PROVIDER_REFUSED",
      parts: { hint: "Grant membership in rds_replication." },
    });
  });
});

describe("creators whose objects nobody spoke of", () => {
  it("are warned of, once per schema", async () => {
    const schema = objectOf("schema", "app", { acl: "{own=UC/own,dev=C/own}" });
    const made = await plan(
      "{version: 1, database: shop, external_roles: [own], roles: {web: {}}, schemas: {app: {defaults_for: [own], grants: [{to: web, tables: [select]}]}}}",
      snapshotOf({ roles: [roleOf("web"), roleOf("dev")], objects: [schema] }),
    );
    expect(made.warnings).toEqual([expect.stringMatching(/^role "dev" may create in schema "app"/)]);
  });
});

describe("passwords", () => {
  it("show where they go and nothing of them, in the plan and in the script", async () => {
    const made = await plan(
      '{version: 1, database: shop, roles: {web: {login: true, password: "${env:WEB}"}}}',
      snapshotOf(),
    );
    expect(made.statements.at(-1)).toMatchObject({
      sql: `alter role "web" password '[secret]'`,
      passwordOf: "web",
      inverse: undefined,
    });
    const script = planScript(made);
    expect(script).toContain("-- set it by hand: \\password, for role web");
    expect(script).not.toContain("[secret]");
  });
});

describe("differences", () => {
  it("are those that the plan is about, sorted by who lacks what", async () => {
    const objects = [app, ...tables(2, "{own=r/own,web=d/own}")];
    const snapshot = snapshotOf({ roles: [roleOf("web", { login: true })], objects });
    const found = await differences(await readModel(GRANTS, { file: "access.yaml" }), snapshot);
    expect(found.missing.map(({ what, object, wanted }) => [what, object, wanted])).toEqual([
      ["privilege", 'table "app"."t0"', "select"],
      ["privilege", 'table "app"."t1"', "select"],
    ]);
    expect(found.extra.map(({ found: has }) => has)).toEqual(["delete", "delete"]);
    expect(found.different).toEqual([expect.objectContaining({ what: "role", wanted: "nologin", found: "login" })]);
  });

  it("are none where the model is met", async () => {
    const objects = [app, ...tables(3, "{own=r/own,web=r/own}")];
    const snapshot = snapshotOf({ roles: [roleOf("web")], objects });
    const model = await readModel(GRANTS, { file: "access.yaml" });
    expect(await differences(model, snapshot)).toEqual({ missing: [], extra: [], different: [] });
    expect((await makePlan(model, snapshot)).unchanged).toBeGreaterThan(2);
  });
});

describe("the state that a plan was made from", () => {
  it("counts what the plan touches and nothing else", async () => {
    const before = snapshotOf({ roles: [roleOf("web")], objects: [app, ...tables(1)] });
    const { stateHash } = await plan(GRANTS, before);
    const elsewhere = { ...before, objects: { ...before.objects, type: [objectOf("type", "d", { schema: "app" })] } };
    expect((await plan(GRANTS, elsewhere)).stateHash).toBe(stateHash);
    const touched = { ...before, objects: { ...before.objects, table: tables(1, "{own=arwdDxtm/own}") } };
    expect((await plan(GRANTS, touched)).stateHash).not.toBe(stateHash);
  });
});
