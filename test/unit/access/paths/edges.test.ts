/**
 * Each rule of escalation alone: which edges it says, and which it must not say. What the edges are worth is proved on
 * servers (test/pg/access/paths).
 */
import { describe, expect, it } from "vitest";
import type { Hook, Membership, Snapshot } from "../../../../src/access/catalog/snapshot.ts";
import type { EdgeRule } from "../../../../src/access/paths/edge-rule.ts";
import adminOption from "../../../../src/access/paths/edges/admin-option.ts";
import createRole from "../../../../src/access/paths/edges/create-role.ts";
import eventTrigger from "../../../../src/access/paths/edges/event-trigger.ts";
import foreignServer from "../../../../src/access/paths/edges/foreign-server.ts";
import grantedRoutine from "../../../../src/access/paths/edges/granted-routine.ts";
import inherit from "../../../../src/access/paths/edges/inherit.ts";
import network from "../../../../src/access/paths/edges/network.ts";
import parameter from "../../../../src/access/paths/edges/parameter.ts";
import predefinedRole from "../../../../src/access/paths/edges/predefined-role.ts";
import references from "../../../../src/access/paths/edges/references.ts";
import replication from "../../../../src/access/paths/edges/replication.ts";
import searchPath from "../../../../src/access/paths/edges/search-path.ts";
import securityDefiner from "../../../../src/access/paths/edges/security-definer.ts";
import serverFunction from "../../../../src/access/paths/edges/server-function.ts";
import setRole from "../../../../src/access/paths/edges/set-role.ts";
import superuser from "../../../../src/access/paths/edges/superuser.ts";
import trojan from "../../../../src/access/paths/edges/trojan.ts";
import use from "../../../../src/access/paths/edges/use.ts";
import type { PathFacts } from "../../../../src/access/paths/facts.ts";
import type { Node } from "../../../../src/access/paths/graph.ts";
import { Holders } from "../../../../src/access/paths/holders.ts";
import { edgeRules } from "../../../../src/access/paths/paths.ts";
import { PUBLIC } from "../../../../src/access/privileges/acl.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { type PrivilegeName, privilegeSet } from "../../../../src/access/privileges/privilege.ts";
import { plainRole, snapshotOf } from "../../../support/snapshot.ts";

const NO_FACTS: PathFacts = { fileFunctions: [], userMappings: [], hba: [], otherDatabases: [], unreadable: [] };

interface Parts {
  snapshot?: Partial<Snapshot>;
  objects?: Partial<Snapshot["objects"]>;
  hooks?: readonly Hook[];
  facts?: Partial<PathFacts>;
}

/** "using app -> being boss", and what removes it. */
function edgesOf(rule: EdgeRule, { snapshot: parts = {}, objects = {}, hooks = [], facts = {} }: Parts) {
  const empty = snapshotOf(parts);
  const snapshot = { ...empty, objects: { ...empty.objects, ...objects } };
  const world = { snapshot, hooks, facts: { ...NO_FACTS, ...facts }, holders: new Holders(snapshot) };
  return [...rule.edges(world)].map(({ from, to, remove }) => ({ edge: `${text(from)} -> ${text(to)}`, remove }));
}

const names = (rule: EdgeRule, parts: Parts): string[] => edgesOf(rule, parts).map(({ edge }) => edge);

function text(node: Node): string {
  if (node.kind === "using" || node.kind === "being") return `${node.kind} ${node.role || "PUBLIC"}`;
  if (node.kind === "goal") return node.goal;
  return node.kind === "gate" ? `(${node.name})` : "anybody";
}

const roles = (...list: ReturnType<typeof plainRole>[]) => new Map(list.map((role) => [role.name, role]));
const ROLES = roles(plainRole("app"), plainRole("boss"), plainRole("postgres", { superuser: true, oid: 10 }));
const member = (changes: Partial<Membership>): Membership => ({
  role: "boss",
  member: "app",
  grantor: "postgres",
  admin: false,
  inherit: false,
  set: false,
  ...changes,
});
const grant = (grantee: string, grantor: string, ...privileges: PrivilegeName[]) => ({
  grantee,
  grantor,
  privileges: privilegeSet(privileges),
  grantable: 0,
});
const object = (changes: Partial<CatalogObject>): CatalogObject => ({
  kind: "table",
  oid: 1,
  schema: "shop",
  name: "orders",
  sql: '"shop"."orders"',
  owner: "boss",
  acl: undefined,
  ...changes,
});
const schema = (name: string, owner: string, ...acl: ReturnType<typeof grant>[]) =>
  object({ kind: "schema", schema: undefined, name, sql: `"${name}"`, owner, acl });
const database = (owner: string, ...acl: ReturnType<typeof grant>[]) =>
  object({ kind: "database", schema: undefined, name: "shop", sql: '"shop"', owner, acl });
const routine = (changes: Partial<CatalogObject>) =>
  object({ kind: "routine", oid: 7, name: "f()", sql: '"shop"."f"()', owner: "app", ...changes });

it("every rule has the name of its file and one sentence about it", async () => {
  for (const { name, summary } of await edgeRules()) expect(summary, name).toMatch(/^[A-Z].{20,}\.$/);
});

describe("memberships", () => {
  it("give privileges, SET ROLE and ADMIN each by its own option", () => {
    const only = (option: Partial<Membership>) => ({ snapshot: { roles: ROLES, memberships: [member(option)] } });
    expect(names(inherit, only({ inherit: true }))).toEqual(["using app -> using boss"]);
    expect(names(setRole, only({ set: true }))).toEqual(["being app -> being boss"]);
    expect(edgesOf(adminOption, only({ admin: true }))).toEqual([
      {
        edge: "using app -> being boss",
        remove: 'revoke admin option for "boss" from "app" granted by "postgres"',
      },
    ]);
    for (const rule of [inherit, setRole, adminOption]) expect(names(rule, only({}))).toEqual([]);
  });

  it("are revoked without a grantor where memberships have none", () => {
    const parts = { snapshot: { major: 15, roles: ROLES, memberships: [member({ set: true })] } };
    expect(edgesOf(setRole, parts)[0]?.remove).toBe('revoke "boss" from "app"');
  });

  it("with ADMIN on a superuser give nothing, because the server refuses", () => {
    const parts = { snapshot: { roles: ROLES, memberships: [member({ role: "postgres", admin: true })] } };
    expect(names(adminOption, parts)).toEqual([]);
  });

  it("in pg_database_owner come with the database", () => {
    expect(names(inherit, { objects: { database: [database("boss")] } })).toEqual([
      "using boss -> using pg_database_owner",
    ]);
  });
});

describe("attributes", () => {
  it("CREATEROLE reaches every role but superusers, before 16 only", () => {
    const maker = roles(...ROLES.values(), plainRole("maker", { createRole: true }));
    expect(names(createRole, { snapshot: { major: 15, roles: maker } })).toEqual([
      "(every role that is not a superuser) -> being app",
      "(every role that is not a superuser) -> being boss",
      "being maker -> (every role that is not a superuser)",
      "(every role that is not a superuser) -> being maker",
    ]);
    expect(names(createRole, { snapshot: { major: 16, roles: maker } })).toEqual([]);
  });

  it("SUPERUSER ends every path and cannot be taken from the first role", () => {
    const two = roles(...ROLES.values(), plainRole("root", { superuser: true }));
    const edges = edgesOf(superuser, { snapshot: { roles: two } });
    expect(edges).toContainEqual({ edge: "being postgres -> superuser", remove: undefined });
    expect(edges).toContainEqual({ edge: "being root -> superuser", remove: 'alter role "root" nosuperuser' });
  });

  it("REPLICATION counts where pg_hba.conf admits it or could not be read", () => {
    const copier = { roles: roles(plainRole("copier", { replication: true })) };
    const line = { line: 3, type: "host", users: ["all"], address: "::1", netmask: undefined, method: "md5" };
    expect(names(replication, { snapshot: copier, facts: { hba: undefined } })).toContain(
      "being copier -> replication",
    );
    expect(names(replication, { snapshot: copier, facts: { hba: [{ ...line, databases: ["all"] }] } })).toEqual([
      "replication -> secrets",
    ]);
    expect(
      names(replication, { snapshot: copier, facts: { hba: [{ ...line, databases: ["replication"] }] } }),
    ).toContain("being copier -> replication");
  });

  it("being a role is using it, and using any is using PUBLIC", () => {
    expect(names(use, { snapshot: { roles: roles(plainRole("app")) } })).toEqual([
      "being app -> using app",
      "using app -> using PUBLIC",
    ]);
  });
});

describe("the server's account and files", () => {
  it("are reached by predefined roles that this server has", () => {
    expect(names(predefinedRole, { snapshot: { roles: roles(plainRole("pg_write_server_files")) } })).toEqual([
      "using pg_write_server_files -> server account",
    ]);
  });

  it("are reached by granted functions, those that write worse than those that read", () => {
    const file = (name: string, writes: boolean) => ({
      signature: `${name}(text)`,
      writes,
      owner: "postgres",
      acl: [
        grant("postgres", "postgres", "execute"),
        grant("pg_monitor", "postgres", "execute"),
        grant(PUBLIC, "postgres", "execute"),
      ],
    });
    const facts = { fileFunctions: [file("pg_read_file", false), file("lo_export", true)] };
    expect(edgesOf(serverFunction, { facts })).toEqual([
      {
        edge: "using PUBLIC -> server files",
        remove: "revoke execute on function pg_catalog.pg_read_file(text) from public",
      },
      {
        edge: "using PUBLIC -> server account",
        remove: "revoke execute on function pg_catalog.lo_export(text) from public",
      },
    ]);
  });

  it("are reached by parameters that name programs, not by others", () => {
    const granted = (name: string, ...privileges: PrivilegeName[]) =>
      object({ kind: "parameter", name, sql: name, owner: undefined, acl: [grant("app", "postgres", ...privileges)] });
    const objects = {
      parameter: [granted("archive_command", "alter system", "set"), granted("work_mem", "alter system", "set")],
    };
    expect(edgesOf(parameter, { objects })).toEqual([
      { edge: "using app -> server account", remove: 'revoke alter system on parameter archive_command from "app"' },
    ]);
  });
});

describe("code of one role that runs as another", () => {
  const table = object({
    oid: 3,
    owner: "boss",
    acl: [grant("writer", "boss", "insert"), grant("app", "boss", "trigger")],
  });
  const hook = (kind: Hook["kind"]): Hook => ({
    kind,
    name: "h",
    table: kind === "event trigger" ? undefined : 3,
    routine: 7,
  });

  it("in event triggers reaches superusers, unless a superuser owns it", () => {
    const parts = (owner: string) => ({
      snapshot: { roles: ROLES },
      objects: { routine: [routine({ owner })] },
      hooks: [hook("event trigger")],
    });
    expect(edgesOf(eventTrigger, parts("app"))).toEqual([
      { edge: "using app -> being postgres", remove: 'alter routine "shop"."f"() owner to "postgres"' },
    ]);
    expect(names(eventTrigger, parts("postgres"))).toEqual([]);
  });

  it("on tables reaches their owner and writers", () => {
    const parts = { objects: { table: [table], routine: [routine({})] }, hooks: [hook("trigger")] };
    expect(names(trojan, parts)).toEqual(
      expect.arrayContaining(["using app -> being boss", "using app -> being writer"]),
    );
    expect(edgesOf(trojan, parts)[0]?.remove).toBe('alter routine "shop"."f"() owner to "boss"');
  });

  it("can be put on tables with the TRIGGER privilege", () => {
    const edges = edgesOf(trojan, { objects: { table: [table] } });
    expect(edges).toContainEqual({
      edge: 'using app -> (trigger on "shop"."orders")',
      remove: 'revoke trigger on table "shop"."orders" from "app"',
    });
    expect(edges.map(({ edge }) => edge)).toContain('(trigger on "shop"."orders") -> being writer');
  });

  it("is asked for once for all tables with the same owner and list", () => {
    const acl = table.acl;
    const tables = [1, 2, 3].map((oid) => object({ oid, name: `t${oid}`, sql: `t${oid}`, owner: "boss", acl }));
    const [first] = edgesOf(trojan, { objects: { table: tables } }).filter(({ remove }) => remove);
    expect(first?.remove).toBe('revoke trigger on table t1, t2, t3 from "app"');
  });

  it("in views reaches their readers", () => {
    const view = object({ subkind: "view", owner: "app", acl: [grant("reader", "app", "select")] });
    expect(names(trojan, { objects: { table: [view] } })).toContain("using app -> being reader");
  });

  it("in SECURITY DEFINER functions is lent to who may execute them, when names in it can be redirected", () => {
    const definer = (settings: string[] | undefined) => ({
      snapshot: { roles: ROLES },
      objects: {
        schema: [
          schema("shop", "boss", grant("app", "boss", "usage")),
          schema("open", "postgres", grant(PUBLIC, "postgres", "create")),
        ],
        routine: [routine({ owner: "boss", securityDefiner: true, settings })],
      },
    });
    expect(edgesOf(securityDefiner, definer(undefined))).toEqual([
      {
        edge: "using app -> being boss",
        remove: 'alter routine "shop"."f"() set search_path = pg_catalog, "shop", pg_temp',
      },
    ]);
    expect(names(securityDefiner, definer(["search_path=open, pg_temp"]))).toEqual(["using app -> being boss"]);
    expect(names(securityDefiner, definer(["search_path=pg_catalog, shop, pg_temp"]))).toEqual([]);
  });
});

describe("names without a schema", () => {
  it("are caught in a schema of the search_path, and by who owns the database", () => {
    const parts = {
      snapshot: { roles: roles(plainRole("victim")) },
      objects: { schema: [schema("public", "keeper", grant("app", "keeper", "create"))], database: [database("boss")] },
    };
    expect(names(searchPath, parts)).toEqual([
      "(create in schema public) -> (the unqualified names of victim)",
      "using keeper -> (create in schema public)",
      "using app -> (create in schema public)",
      "using boss -> (a new schema named like a role)",
      "using boss -> (the database's own settings)",
      "(a new schema named like a role) -> (the unqualified names of victim)",
      "(the database's own settings) -> (the unqualified names of victim)",
      "(the unqualified names of victim) -> being victim",
    ]);
  });

  it("of a role with a safe search_path of its own are not caught", () => {
    const own = { database: undefined, name: "search_path", value: "pg_catalog, pg_temp" };
    const parts = {
      snapshot: { roles: roles(plainRole("victim", { settings: [own] })) },
      objects: { schema: [schema("public", "keeper", grant("app", "keeper", "create"))], database: [database("boss")] },
    };
    expect(names(searchPath, parts).filter((edge) => edge.endsWith("(the unqualified names of victim)"))).toEqual([]);
  });
});

describe("other ways in", () => {
  const server = object({
    kind: "foreign-server",
    schema: undefined,
    name: "far",
    sql: '"far"',
    owner: "boss",
    acl: [grant("app", "boss", "usage")],
  });
  const mapping = { server: "far", role: "app", hasPassword: true, needsNoPassword: false };

  it("a user mapping shows its password to its own role alone", () => {
    const parts = (role: string) => ({
      snapshot: { roles: ROLES },
      objects: { "foreign-server": [server] },
      facts: { userMappings: [{ ...mapping, role }] },
    });
    expect(edgesOf(foreignServer, parts("app"))).toEqual([
      { edge: "using app -> secrets", remove: 'revoke usage on foreign server "far" from "app"' },
    ]);
    expect(names(foreignServer, parts("somebody else"))).toEqual([]);
  });

  it("a mapping without a password enters as this server", () => {
    const facts = { userMappings: [{ ...mapping, hasPassword: false, needsNoPassword: true }] };
    const parts = { snapshot: { roles: ROLES }, objects: { "foreign-server": [server] }, facts };
    expect(names(foreignServer, parts)).toEqual(["using app -> superuser"]);
  });

  it("a trust line lets in whom it decides for, and nobody who cannot log in", () => {
    const line = { type: "host", databases: ["all"], address: "0.0.0.0", netmask: "0.0.0.0" };
    const hba = [
      { ...line, line: 1, users: ["boss"], method: "scram-sha-256" },
      { ...line, line: 2, users: ["all"], method: "trust" },
    ];
    const some = roles(plainRole("app"), plainRole("boss"), plainRole("group", { login: false }));
    expect(names(network, { snapshot: { roles: some }, facts: { hba } })).toEqual([
      "anybody -> (line 2 of pg_hba.conf)",
      "(line 2 of pg_hba.conf) -> being app",
    ]);
  });
});

describe("positions on what others use", () => {
  const acl = [grant("writer", "boss", "delete"), grant("app", "boss", "references")];
  const table = object({ subkind: "table", owner: "boss", acl });

  it("a foreign key reaches who deletes, up to 17", () => {
    const on = (major: number) => names(references, { snapshot: { major, roles: ROLES }, objects: { table: [table] } });
    expect(on(17)).toEqual([
      'using app -> (a foreign key on "shop"."orders")',
      '(a foreign key on "shop"."orders") -> being boss',
      '(a foreign key on "shop"."orders") -> being writer',
    ]);
    expect(on(18)).toEqual([]);
  });

  it("a partition's owner reaches who writes through the parent", () => {
    const parent = { oid: 1, relation: "partition" as const };
    const part = object({ oid: 2, name: "part", sql: '"shop"."part"', owner: "app", acl: undefined, parent });
    const edges = names(trojan, { objects: { table: [table, part] } });
    expect(edges).toEqual(expect.arrayContaining(['using app -> (trigger on "shop"."part")']));
    expect(edges).toContain('(trigger on "shop"."part") -> being writer');
  });

  it("a routine's owner reaches those that it was granted to by name, and all at once are closed", () => {
    const granted = (name: string) =>
      routine({ name, sql: name, acl: [grant("boss", "app", "execute"), grant(PUBLIC, "app", "execute")] });
    expect(edgesOf(grantedRoutine, { objects: { routine: [granted("f()"), granted("g()")] } })).toEqual([
      { edge: "using app -> being boss", remove: 'revoke execute on routine f(), g() from "boss"' },
    ]);
  });
});
