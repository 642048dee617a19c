/** The model file: what it may say, what becomes of it, and how it is refused. */
import { describe, expect, it } from "vitest";
import type { AccessModel } from "../../../../src/access/model/model.ts";
import { MAX_MODEL_BYTES, readModel } from "../../../../src/access/model/read.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { failureOf } from "../../../support/project.ts";

const HEAD = "version: 1\ndatabase: shop\n";
const model = (text: string): Promise<AccessModel> => readModel(HEAD + text, { file: "access.yaml" });
const refusal = async (text: string): Promise<string> => {
  const { code, message, parts } = await failureOf(() => model(text));
  expect(code).toBe("ACCESS_MODEL_INVALID");
  return [message, parts.detail].join("\n");
};

const CONTRACT = `
mode: adopt
roles:
  sqlmigrations_owner: { login: false, comment: "owns database and objects" }
  sqlmigrations:       { login: true, password: "\${env:MIG_PASSWORD}", run_as: sqlmigrations_owner, connection_limit: 5 }
  app_rw:   { login: false }
  app_r:    { login: false }
  django:   { login: true, password: "\${file:/run/secrets/django}", connection_limit: 50, valid_until: 2027-06-30,
              member_of: [app_rw], settings: { search_path: "app, pg_temp", statement_timeout: 15s } }
  monitor:  { login: true, password: "\${env:MON}", member_of: [ { role: pg_monitor, set: false } ] }
  old_app:  { state: absent, reassign_to: sqlmigrations_owner, drop_owned: true, terminate: true }
database_acl: { owner: sqlmigrations_owner, revoke_public: true,
                connect: [sqlmigrations, django, monitor], temporary: [sqlmigrations] }
schemas:
  public: { revoke_public: [create, usage] }
  app:
    owner: sqlmigrations_owner
    grants:
      - { to: app_rw, usage: true, tables: [select, insert, update, delete], sequences: [usage], routines: [execute] }
      - { to: app_r,  usage: true, tables: [select] }
    defaults_for: [sqlmigrations_owner]
    exceptions:
      - { table: secret_settings, revoke: all, from: [app_rw, app_r] }
      - { table: users, columns: { app_r: { select: [id, name] } } }
    routines_public_execute: revoke
    rls:
      - table: orders
        enable: true
        force: true
        policies:
          - { name: own, to: [app_rw], for: all, using: "owner = current_user", check: "owner = current_user" }
membership_options: { django->app_rw: { inherit: true, set: false } }
verify:
  logins: { django: "\${env:DJANGO_URL}" }
  must: [ "django: select app.orders", "django: nextval app.orders_id_seq" ]
  must_not: [ "django: create in app", "monitor: insert app.orders" ]
`;

describe("a model file", () => {
  it("gives roles with what was left out at its default", async () => {
    const { roles, mode, database, hash, file } = await model(CONTRACT);
    expect({ mode, database, file, hash }).toEqual({
      mode: "adopt",
      database: "shop",
      file: "access.yaml",
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(roles.get("django")).toEqual({
      name: "django",
      line: 10,
      state: "present",
      login: true,
      inherit: true,
      superuser: false,
      createRole: false,
      createDatabase: false,
      replication: false,
      bypassRowSecurity: false,
      connectionLimit: 50,
      validUntil: "2027-06-30",
      comment: undefined,
      password: "${file:/run/secrets/django}",
      runAs: undefined,
      settings: new Map([
        ["search_path", "app, pg_temp"],
        ["statement_timeout", "15s"],
      ]),
      databaseSettings: new Map(),
      retirement: undefined,
    });
    expect(roles.get("old_app")).toMatchObject({
      state: "absent",
      retirement: { reassignTo: "sqlmigrations_owner", dropOwned: true, terminate: true },
    });
  });

  it("makes run_as a membership without inheritance, and the role one that inherits nothing", async () => {
    const { roles, memberships } = await model(CONTRACT);
    expect(roles.get("sqlmigrations")).toMatchObject({ runAs: "sqlmigrations_owner", inherit: false });
    expect(memberships).toContainEqual({
      role: "sqlmigrations_owner",
      member: "sqlmigrations",
      inherit: false,
      set: true,
      admin: false,
      line: 7,
    });
  });

  it("takes options of memberships from either place", async () => {
    const { memberships } = await model(CONTRACT);
    expect(memberships.find(({ member }) => member === "django")).toMatchObject({ inherit: true, set: false });
    expect(memberships.find(({ member }) => member === "monitor")).toMatchObject({ inherit: undefined, set: false });
  });

  it("finds the membership that an arrow means even when names hold arrows", async () => {
    const roles = 'roles: { "a->b": { member_of: c }, c: {} }\n';
    const { memberships } = await model(`${roles}membership_options: { "a->b->c": { admin: true } }\n`);
    expect(memberships).toEqual([
      { role: "c", member: "a->b", inherit: undefined, set: undefined, admin: true, line: 3 },
    ]);
    expect(await refusal(`${roles}membership_options: { "c->a->b": { admin: true } }\n`)).toMatch(
      /4:23 .*no membership/,
    );
  });

  it("turns grants into a rule per role and kind, and into defaults per creator", async () => {
    const { rules, defaults } = await model(CONTRACT);
    expect(rules).toContainEqual({
      effect: "grant",
      target: { kind: "table", subkinds: undefined, schema: "app", patterns: ["*"] },
      columns: undefined,
      role: "app_rw",
      privileges: ["select", "insert", "update", "delete"],
      grantable: false,
      line: 21,
    });
    expect(defaults).toContainEqual({
      effect: "grant",
      creator: "sqlmigrations_owner",
      schema: "app",
      on: "tables",
      role: "app_r",
      privileges: ["select"],
      grantable: false,
      line: 22,
    });
  });

  it("[GT-03] leaves columns of a privilege by taking it from the table first", async () => {
    const { rules } = await model(CONTRACT);
    const target = { kind: "table", schema: "app", patterns: ["users"] };
    const about = rules.filter(({ target: { patterns } }) => patterns[0] === "users");
    expect(about).toMatchObject([
      { effect: "revoke", target, columns: undefined, role: "app_r", privileges: ["select"] },
      { effect: "grant", target, columns: ["id", "name"], role: "app_r", privileges: ["select"] },
    ]);
  });

  it("[GT-05] takes EXECUTE from PUBLIC by a default for every schema, and once per creator", async () => {
    const { rules, defaults } = await model(CONTRACT);
    const taken = defaults.filter(({ effect }) => effect === "revoke");
    expect(taken).toMatchObject([
      { creator: "sqlmigrations_owner", schema: undefined, on: "routines", role: "", privileges: ["execute"] },
    ]);
    expect(rules).toContainEqual(
      expect.objectContaining({
        effect: "revoke",
        role: "",
        privileges: [],
        target: expect.objectContaining({ kind: "routine" }),
      }),
    );
  });

  it("revokes from PUBLIC what is listed, or with true whatever no grant gives", async () => {
    const { rules, governsDatabase } = await model(CONTRACT);
    const of = (kind: string, name: string) =>
      rules.filter(({ target, role }) => target.kind === kind && target.patterns[0] === name && role === "");
    expect(governsDatabase).toBe(true);
    expect(of("schema", "public")).toMatchObject([{ effect: "revoke", privileges: "all" }]);
    expect(of("database", "shop")).toMatchObject([{ effect: "revoke", privileges: [] }]);
    const some = await model("schemas: { public: { revoke_public: [create] } }");
    expect(some.rules).toMatchObject([{ effect: "revoke", role: "", privileges: ["create"] }]);
  });

  it("means everybody by public in any case, and a role by its name when that is written out", async () => {
    const grants = "grants: [{ to: [Public, PUBLIC, { role: PUBLIC }], usage: true }]";
    const { rules } = await model(`external_roles: [PUBLIC]\nschemas: { app: { ${grants} } }`);
    expect(rules.map(({ role }) => role)).toEqual(["", "", "PUBLIC"]);
  });

  it("takes expectations apart, also for roles with colons in their names", async () => {
    const { verify } = await model(
      'roles: { "a: b": {} }\nverify: { must: ["a: b: select app.x", { role: "a: b", action: usage, object: app }], ' +
        'must_not: ["PUBLIC: create in app"], call: ["app.f()"] }',
    );
    expect(verify.expectations).toEqual([
      { role: "a: b", action: "select", object: "app.x", expected: "allowed", line: 4 },
      { role: "a: b", action: "usage", object: "app", expected: "allowed", line: 4 },
      { role: "", action: "create in", object: "app", expected: "refused", line: 4 },
    ]);
    expect(verify.callable).toEqual(["app.f()"]);
  });

  it("covers every kind that lives in no schema", async () => {
    const { rules, governed, owners } = await model(`
roles: { app: {} }
objects:
  large_objects: [{ on: [70001, 70002], owner: app, grants: [{ to: app, privileges: [select, update], grantable: true }] }]
  foreign_servers: [{ on: "files*", grants: [{ to: app, privileges: usage }] }]
  fdws: [{ on: w, grants: [{ to: app, privileges: all }] }]
  languages: [{ on: plpgsql, revoke_public: true }]
  parameters: [{ on: Log_Statement, grants: [{ to: app, privileges: [set, alter system] }] }]
  tablespaces: [{ on: fast, grants: [{ to: app, privileges: create }] }]
`);
    expect(governed.map(({ kind, patterns }) => [kind, ...patterns])).toEqual([
      ["large-object", "70001", "70002"],
      ["foreign-server", "files*"],
      ["foreign-data-wrapper", "w"],
      ["language", "plpgsql"],
      ["parameter", "log_statement"],
      ["tablespace", "fast"],
    ]);
    expect(rules).toHaveLength(6);
    expect(rules[0]).toMatchObject({ privileges: ["select", "update"], grantable: true });
    expect(owners).toMatchObject([{ owner: "app", target: { kind: "large-object" } }]);
  });

  it("tells the forms of tables and routines apart", async () => {
    const { rules } = await model(`
roles: { app: {} }
schemas:
  app:
    grants:
      - { to: app, tables: select, tables_only: true }
      - { to: app, views: select, materialized_views: select, foreign_tables: select, partitioned: select }
      - { to: app, functions: execute, procedures: execute, domains: usage, types: usage, only: ["f(integer)", "log_*"] }
`);
    expect(rules.map(({ target }) => [target.kind, target.subkinds?.join("+"), target.patterns.join()])).toEqual([
      ["table", "table+partitioned table", "*"],
      ["table", "view", "*"],
      ["table", "materialized view", "*"],
      ["table", "foreign table", "*"],
      ["table", "partitioned table", "*"],
      ["routine", "function+window function+aggregate", "f(integer),log_*"],
      ["routine", "procedure", "f(integer),log_*"],
      ["type", undefined, "f(integer),log_*"],
      ["type", "domain", "f(integer),log_*"],
    ]);
  });

  it("reads JSON as well", async () => {
    const text = JSON.stringify({ version: 1, database: "shop", roles: { app: { login: true } }, gate: true });
    const { roles, gate } = await readModel(text, { file: "access.json" });
    expect([roles.get("app")?.login, gate]).toEqual([true, true]);
  });
});

describe("default privileges", () => {
  it("are written per creator, for all schemas or for some", async () => {
    const { defaults } = await model(
      "roles: { a: {}, b: {} }\ndefault_privileges:\n" +
        "  - { for: [a, b], in: [x, y], to: PUBLIC, tables: [select], grantable: true }\n" +
        "  - { for: a, from: PUBLIC, routines: [execute], types: [usage] }\n",
    );
    expect(
      defaults.map(({ creator, schema, on, effect, grantable }) => [effect, creator, schema, on, grantable]),
    ).toEqual([
      ["grant", "a", "x", "tables", true],
      ["grant", "a", "y", "tables", true],
      ["grant", "b", "x", "tables", true],
      ["grant", "b", "y", "tables", true],
      ["revoke", "a", undefined, "routines", false],
      ["revoke", "a", undefined, "types", false],
    ]);
  });

  it("[GT-06] of one schema cannot take what holds in all", async () => {
    const roles = "roles: { a: {}, b: {} }\ndefault_privileges:\n";
    expect(await refusal(`${roles}  - { for: a, in: x, from: public, routines: [execute] }`)).toMatch(
      /5:1 default privileges of one schema cannot take away/,
    );
    const both = "  - { for: a, to: b, tables: [select] }\n  - { for: a, in: x, from: b, tables: all }";
    expect(await refusal(roles + both)).toMatch(/6:1 default privileges of one schema/);
    await model(`${roles}  - { for: a, in: x, from: b, tables: all }`);
  });

  it("[GT-07] on schemas and large objects cannot be limited to a schema", async () => {
    const text =
      "roles: { a: {}, b: {} }\ndefault_privileges: [{ for: a, in: x, to: b, schemas: usage, large_objects: select }]";
    expect(await refusal(text)).toMatch(/"schemas" cannot be limited[\s\S]*"large_objects" cannot be limited/);
  });

  it("are not made from grants that they cannot express", async () => {
    const schema = (grant: string) =>
      `roles: { a: {}, b: {} }\nschemas: { x: { defaults_for: a, grants: [${grant}] } }`;
    expect(await refusal(schema("{ to: b, views: select }"))).toMatch(
      /cannot tell "views" from its kin.*future: false/,
    );
    expect(await refusal(schema("{ to: b, tables: select, tables_only: true }"))).toMatch(/"tables_only"/);
    expect((await model(schema("{ to: b, views: select, future: false }"))).defaults).toEqual([]);
    expect((await model(schema("{ to: b, tables: select, only: [t] }"))).defaults).toEqual([]);
    expect((await model(schema("{ to: [a, b], tables: select }"))).defaults.map(({ role }) => role)).toEqual(["b"]);
  });
});

describe("a profile", () => {
  it("[ACC-01] guide-001 is the guide: owner and migrator in one, an application, defaults in every schema", async () => {
    const { roles, rules, defaults, owners, profile, schemas } = await model("profile: guide-001");
    expect(profile).toBe("guide-001");
    expect(roles.get("sqlmigrations")).toMatchObject({
      login: true,
      createRole: true,
      createDatabase: true,
      superuser: false,
    });
    expect(roles.get("django")).toMatchObject({ login: true, createRole: false, createDatabase: false });
    expect(owners).toMatchObject([{ target: { kind: "database", patterns: ["shop"] }, owner: "sqlmigrations" }]);
    expect(schemas.get("public")).toMatchObject({ create: false });
    expect(rules.map(({ effect, target, role, privileges }) => [effect, target.kind, role, privileges])).toEqual([
      ["revoke", "schema", "", ["create"]],
      ["grant", "schema", "", ["usage"]],
      ["grant", "schema", "sqlmigrations", ["create"]],
      ["grant", "table", "django", ["select", "insert", "update", "delete"]],
      ["grant", "sequence", "django", ["usage", "select"]],
    ]);
    expect(defaults).toMatchObject([
      { creator: "sqlmigrations", schema: undefined, on: "tables", role: "django" },
      { creator: "sqlmigrations", schema: undefined, on: "sequences", role: "django", privileges: ["usage", "select"] },
    ]);
  });

  it("three-tier separates owner, migrator, groups and logins, and gives nobody CREATEROLE", async () => {
    const { roles, memberships, rules, defaults } = await model(
      "profile: three-tier\nnames: { reporter: [rep], schema: [app, Other] }",
    );
    expect([...roles.keys()]).toEqual(["shop_owner", "shop_migrator", "shop_rw", "shop_r", "shop_app", "rep"]);
    expect(
      [...roles.values()].some(
        ({ createRole, superuser, createDatabase }) => createRole || superuser || createDatabase,
      ),
    ).toBe(false);
    expect(roles.get("shop_owner")?.login).toBe(false);
    expect(roles.get("shop_app")?.settings.get("search_path")).toBe('app, "Other", pg_temp');
    expect(memberships.map(({ member, role }) => `${member} in ${role}`)).toEqual([
      "shop_migrator in shop_owner",
      "shop_app in shop_rw",
      "rep in shop_r",
    ]);
    const connecting = rules.filter(
      ({ target, privileges }) => target.kind === "database" && privileges[0] === "connect",
    );
    expect(connecting.map(({ role }) => role)).toEqual(["shop_migrator", "shop_rw", "shop_r"]);
    expect(defaults.every(({ creator }) => creator === "shop_owner")).toBe(true);
  });

  it("is added to and overridden key by key", async () => {
    const { roles, rules, schemas, governsDatabase } = await model(`
profile: three-tier
roles: { shop_app: { connection_limit: 7, member_of: [shop_r] }, extra: { login: true } }
schemas:
  app: { grants: [{ to: extra, usage: true }], revoke_public: false, comment: the shop }
  public: { revoke_public: false }
`);
    expect(roles.get("shop_app")).toMatchObject({ login: true, connectionLimit: 7 });
    expect(schemas.get("app")?.comment).toBe("the shop");
    expect(governsDatabase).toBe(true);
    expect(rules.filter(({ role }) => role === "extra")).toHaveLength(1);
    expect(rules.filter(({ role, target }) => role === "" && target.kind === "schema")).toEqual([]);
  });

  it("refuses names that it has no use for, and names without a profile", async () => {
    expect(await refusal("profile: guide-001\nnames: { owner: x }")).toMatch(/profile "guide-001" has no "owner"/);
    expect(await refusal("names: { owner: x }")).toMatch(/"names" needs a "profile"/);
    expect(await refusal(`profile: three-tier\nnames: { owner: ${"x".repeat(64)} }`)).toMatch(/64 bytes/);
  });
});

describe("a model that cannot be", () => {
  it.each<[string, string, RegExp]>([
    ["an unknown key", "rolls: {}", /3:1 unknown key "rolls"; did you mean "roles"\?/],
    [
      "an unknown key deep inside",
      "roles: { a: { logn: true } }",
      /3:15 unknown key "logn" in "roles.a"; did you mean "login"\?/,
    ],
    ["a role twice", "roles:\n  a: {}\n  a: {}", /5:3 repeats the key "a"/],
    [
      "a circle of memberships",
      "roles: { a: { member_of: b }, b: { member_of: c }, c: { member_of: a } }",
      /circle: "a" -> "b" -> "c" -> "a"/,
    ],
    ["a member of itself", "roles: { a: { member_of: a } }", /3:26 memberships go in a circle: "a" -> "a"/],
    [
      "an unknown role in to",
      "roles: { app: {} }\nschemas: { x: { grants: [{ to: ap, usage: true }] } }",
      /4:32 unknown role "ap"; did you mean "app"\?/,
    ],
    [
      "an unknown owner",
      "schemas: { x: { owner: nobody_here } }",
      /3:24 unknown role "nobody_here"; add it to "roles"/,
    ],
    ["an unknown role below owners", "schemas: { x: { owners: { ghost: { tables: t } } } }", /unknown role "ghost"/],
    [
      "an unknown role in an exception",
      "schemas: { x: { exceptions: [{ table: t, columns: { ghost: { select: a } } }] } }",
      /unknown role "ghost"/,
    ],
    [
      "an unknown role in a policy",
      "schemas: { x: { rls: [{ table: t, policies: [{ name: p, to: ghost }] }] } }",
      /unknown role "ghost"/,
    ],
    ["an unknown role to verify", 'verify: { must: ["ghost: select x.y"] }', /3:18 unknown role "ghost"/],
    [
      "an absent role that gets something",
      "roles: { a: { state: absent } }\nschemas: { x: { owner: a } }",
      /4:24 role "a" is absent/,
    ],
    [
      "a privilege that tables lack",
      "roles: { a: {} }\nschemas: { x: { grants: [{ to: a, tables: [usage] }] } }",
      /4:44 "schemas.x.grants\[0\].tables\[0\]" must be one of: insert, select/,
    ],
    [
      "a privilege that sequences lack",
      "roles: { a: {} }\nschemas: { x: { exceptions: [{ sequence: s, revoke: insert, from: a }] } }",
      /sequences have no privilege "insert"/,
    ],
    [
      "a privilege that columns lack",
      "roles: { a: {} }\nschemas: { x: { exceptions: [{ table: s, columns: [c], revoke: delete, from: a }] } }",
      /columns have no privilege "delete"/,
    ],
    [
      "columns of a sequence",
      "roles: { a: {} }\nschemas: { x: { exceptions: [{ sequence: s, columns: { a: { select: c } } }] } }",
      /a sequence has no columns/,
    ],
    [
      "a table's name that is too long",
      `schemas: { x: { exceptions: [{ table: ${"t".repeat(64)}, revoke: all, from: public }] } }`,
      /cannot be a name: it has 64 bytes/,
    ],
    [
      "an empty pattern",
      'schemas: { x: { exceptions: [{ table: "", revoke: all, from: public }] } }',
      /"schemas.x.exceptions\[0\].table" is empty/,
    ],
    ["an empty name", 'roles: { "": {} }', /3:10 the name "" cannot be a name: it is empty/],
    ["a name of 64 bytes", `roles: { ${"é".repeat(32)}: {} }`, /it has 64 bytes, the server keeps 63/],
    ["a name with a NUL", 'roles: { "a\\0b": {} }', /holds a NUL/],
    ["the role public", "roles: { public: {} }", /"public" means everybody and cannot be a role/],
    ["a role of PostgreSQL", "roles: { pg_monitor: {} }", /3:10 "pg_monitor" is a role of PostgreSQL itself/],
    [
      "members of pg_database_owner",
      "roles: { a: { member_of: pg_database_owner } }",
      /3:26 "pg_database_owner" has the database's owner as its only member/,
    ],
    ["run_as of a role that cannot log in", "roles: { a: { run_as: b }, b: {} }", /3:23 role "a" cannot log in/],
    [
      "run_as beside the setting role",
      "roles: { a: { login: true, run_as: b, settings: { role: b } }, b: {} }",
      /"run_as" and the setting "role"/,
    ],
    [
      "a password of a role that cannot log in",
      'roles: { a: { password: "${env:A}" } }',
      /cannot log in; add "login: true"/,
    ],
    ["retirement of a role that stays", "roles: { a: { drop_owned: true } }", /"drop_owned" needs "state: absent"/],
    ["attributes of a role that goes", "roles: { a: { state: absent, login: true } }", /"login" says nothing/],
    [
      "a malformed expectation",
      "roles: { a: {} }\nverify: { must: [select everything] }",
      /4:18 must be written as "role: action object"/,
    ],
    [
      "an unknown action",
      'roles: { a: {} }\nverify: { must: ["a: selct x.y"] }',
      /4:18 unknown action "selct"; did you mean "select"\?/,
    ],
    ["an action without an object", 'roles: { a: {} }\nverify: { must: ["a: select"] }', /"select" of what\?/],
    ["a date that is none", "roles: { a: { valid_until: tomorrow } }", /3:28 .*must be a date/],
    ["a number in quotes", 'roles: { a: { connection_limit: "5" } }', /must be a whole number from -1/],
    ["yes for true", "roles: { a: { login: yes } }", /must be true or false/],
    ["a grant of nothing", "roles: { a: {} }\nschemas: { x: { grants: [{ to: a }] } }", /4:26 grants nothing/],
    ["a grant to nobody", "schemas: { x: { grants: [{ usage: true }] } }", /lacks the key "to"/],
    [
      "only without a kind",
      "roles: { a: {} }\nschemas: { x: { grants: [{ to: a, usage: true, only: t }] } }",
      /"only" needs a kind/,
    ],
    [
      "routines_public_execute without creators",
      "schemas: { x: { routines_public_execute: revoke } }",
      /whose future routines\?/,
    ],
    [
      "row security of a table twice",
      "schemas: { x: { rls: [{ table: t }, { table: t }] } }",
      /repeats the row level security of table "t"/,
    ],
    ["a list in place of a mapping", "roles: [a]", /"roles" must be a mapping/],
    ["an anchor that is not there", "roles: *x", /is an alias without an anchor|not valid YAML/],
  ])("%s is refused with its place", async (_, text, expected) => {
    expect(await refusal(text)).toMatch(expected);
  });

  it("[GT-03] takes columns from a privilege on the table", async () => {
    const text = (revoke: string) =>
      `roles: { a: {} }\nschemas: { x: { grants: [{ to: a, tables: [select] }], exceptions: [{ table: users, columns: [pin], revoke: [${revoke}], from: a }] } }`;
    expect(await refusal(text("select"))).toMatch(/4:1 .*while line 4 grants it on the whole table/);
    await model(text("update"));
  });

  it("needs its version and database", async () => {
    const { parts } = await failureOf(() => readModel("mode: adopt", { file: "m.yaml" }));
    expect(parts.detail).toMatch(/lacks the key "version"[\s\S]*lacks the key "database"/);
    const other = await failureOf(() => readModel("version: 2\ndatabase: x", { file: "m.yaml" }));
    expect(other.message).toMatch(/m.yaml:1:10 "version" must be one of: 1/);
  });

  it("shows eight problems in the order of the file and counts the rest", async () => {
    const text = `roles:\n${Array.from({ length: 11 }, (_, index) => `  r${index}: { nonsense: 1 }\n`).join("")}`;
    const lines = (await refusal(text)).split("\n");
    expect(lines[0]).toBe("access.yaml has 11 problems");
    expect(lines).toHaveLength(10);
    expect(lines[1]).toMatch(/^access.yaml:4:9 /);
    expect(lines.at(-1)).toBe("… and 3 more");
  });
});

describe("[A-05] a password in the file", () => {
  it.each([
    "hunter2hunter2",
    '"${env:A}${env:B}"',
    '"x${env:A}"',
    '"$${env:A}"',
    "md5abcdef0123456789",
    "|\n      hunter2hunter2\n",
  ])("is refused when it is not exactly one reference: %s", async (password) => {
    const text = await refusal(`roles:\n  app:\n    login: true\n    password: ${password}`);
    expect(text).toMatch(/must be exactly one reference/);
    expect(text).not.toMatch(/hunter2|abcdef/);
  });

  it("is refused in a login of verify as well, and never shown", async () => {
    const text = await refusal('roles: { a: {} }\nverify: { logins: { a: "postgresql://a:hunter2hunter2@h/d" } }');
    expect(text).toMatch(/connection string/);
    expect(text).not.toContain("hunter2");
  });

  it("stays the reference that was written", async () => {
    const { roles } = await model('roles: { a: { login: true, password: "${env:APP}" } }');
    expect(roles.get("a")?.password).toBe("${env:APP}");
  });
});

describe("[A-10] a hostile file", () => {
  it("cannot blow up by aliases of aliases", async () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) =>
        `  r${level}: &a${level} { member_of: [${Array(9)
          .fill(level === 0 ? "x" : `*a${level - 1}`)
          .join(", ")}] }\n`,
    );
    // 9 to the twelfth members: whoever wrote them out would never end.
    expect(await refusal(`roles:\n${levels.join("")}`)).toMatch(/aliases/);
  });

  it("cannot repeat a large part by aliases", async () => {
    const large = `a: &a [${"x, ".repeat(20_000)}x]\n`;
    const copies = Array.from({ length: 50 }, (_, index) => `b${index}: *a\n`).join("");
    expect(await refusal(large + copies)).toMatch(/repeats too much/);
  });

  it("is refused when it is larger than 8 MiB", async () => {
    expect(await refusal(`# ${"x".repeat(MAX_MODEL_BYTES)}`)).toMatch(/larger than 8 MiB/);
  });

  it("has names like __proto__ taken for names", async () => {
    const { roles } = await model("roles: { __proto__: { login: true }, constructor: {} }");
    expect([...roles.keys()]).toEqual(["__proto__", "constructor"]);
    expect(Reflect.get({}, "login")).toBeUndefined();
    expect(await refusal("__proto__: {}")).toMatch(/unknown key "__proto__"/);
  });

  it("shows control characters of a name instead of sending them", async () => {
    const text = await refusal('schemas: { x: { owner: "a\\u001b[31mb" } }');
    expect(text).toContain("\\u{1b}[31m");
    expect(text).not.toContain("\u001b");
  });

  it("is read in linear time with up to ten thousand roles in one chain", async () => {
    const input = (size: number): string => {
      const roles = Array.from({ length: size }, (_, index) => `  r${index}: { member_of: r${index + 1} }\n`).join("");
      return `roles:\n${roles}  r${size}: {}\n`;
    };
    expect((await model(input(10_000))).memberships).toHaveLength(10_000);
    await expectLinearTime({ input, work: model, largest: 10_000 });
  }, 60_000);
});
