/** Where a deploy could show a secret. */
import { describe, expect, it } from "vitest";
import type { Project } from "../../../../src/deploy/project/project.ts";
import {
  clearTextPassword,
  exposuresOf,
  passwordsIn,
  statementLogging,
  staysOnThisMachine,
} from "../../../../src/deploy/run/exposure.ts";
import type { SessionTarget } from "../../../../src/pg/session.ts";

const VERIFIER =
  "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

describe("a password in clear text is found", () => {
  it.each([
    ["a literal", "create role x login password 'secret'", 1, true],
    ["whatever the case and spacing", "ALTER\n USER x\n WITH ENCRYPTED PASSWORD\n'secret';", 4, true],
    ["as an escape string", "alter role x password E'secret'", 1, true],
    ["in a DO body", "do $$\nbegin\n  create role x password 'secret';\nend $$;", 3, true],
    ["in a quoted body", "do '\ncreate role x password ''secret'';\n'", 2, true],
    ["after one that is a verifier", `alter role a password '${VERIFIER}'; alter role b password 'x'`, 1, true],
    ["put in by format", "do $$ begin execute format('alter role %I password %L', r, p); end $$;", 1, false],
    [
      "put in by format with numbered places",
      "do $$ begin execute format('create user %1$I password %2$L', r, p); end $$;",
      1,
      false,
    ],
    ["appended", "do $$ begin execute 'alter role x password ' || quote_literal(p); end $$;", 1, false],
  ])("%s", (_name, sql, line, certain) => {
    expect(passwordsIn(sql)[0]).toEqual({ line, certain });
  });
});

describe("what is no password in clear text", () => {
  it.each([
    ["a verifier", `create role x password '${VERIFIER}'`],
    ["an MD5 verifier", `create role x password 'md5${"0".repeat(32)}'`],
    ["PASSWORD NULL", "alter role x password null"],
    ["a column", "create table t(password text); select 'a' as password, 'b'"],
    ["a value", "insert into users (name, password) values ('role', 'hash')"],
    ["a comment", "-- create role x password 'secret'\n/* alter role x password 'secret' */"],
    ["another statement after it", "alter role x login; select password 'x'"],
    ["a text about it", "comment on role x is 'has no password'"],
    ["a role without one", "create role password_keeper"],
  ])("%s", (_name, sql) => {
    expect(passwordsIn(sql)).toEqual([]);
  });
});

const project = (deployScript: string): Project => ({ root: "/p", deployScript, files: [], testDirectories: [] });

describe("a password put in at run time", () => {
  const dynamic = project(
    "do $$ begin execute format('alter role %I password %L', 'x', current_setting('pgmi.app_password')); end $$;",
  );

  it("is none when the parameters it can come from are verifiers", () => {
    expect(clearTextPassword(dynamic, [])).toMatchObject({ certain: false });
    expect(clearTextPassword(dynamic, [{ key: "app_password", value: "clear" }])).toMatchObject({ certain: false });
    expect(clearTextPassword(dynamic, [{ key: "app_password", value: VERIFIER }])).toBeUndefined();
    expect(
      clearTextPassword(dynamic, [
        { key: "app_password", value: VERIFIER },
        { key: "admin_password", value: "clear" },
      ]),
    ).toMatchObject({ certain: false });
  });

  it("that is a literal counts whatever the parameters are", () => {
    const literal = project("create role x password 'x'");
    expect(clearTextPassword(literal, [{ key: "app_password", value: VERIFIER }])).toMatchObject({
      certain: true,
      path: "deploy.sql",
    });
  });
});

const target = (host: string, tls?: SessionTarget["tls"]): SessionTarget => ({
  host,
  port: 5432,
  user: "app",
  database: "shop",
  tls,
  authentication: "scram-sha-256",
});

describe("exposures", () => {
  const ids = (host: string, facts: Record<string, string>, script = "", tls?: SessionTarget["tls"]) =>
    exposuresOf({
      target: target(host, tls),
      facts: new Map(Object.entries(facts)),
      project: project(script),
      parameters: [],
      isEmbedded: false,
    }).map(({ id }) => id);

  it("are missing TLS beyond this machine, and the superuser", () => {
    expect(ids("db.example.org", {})).toEqual(["no-tls"]);
    expect(ids("db.example.org", {}, "", { protocol: "TLSv1.3", verified: true })).toEqual([]);
    expect(ids("/run/postgresql", { is_superuser: "on" })).toEqual(["superuser"]);
  });

  it("are not the only role of the embedded server, which is its superuser", () => {
    const facts = new Map([["is_superuser", "on"]]);
    const own = { target: target("/home/me/.pgkeep/run"), facts, project: project(""), parameters: [] };
    expect(exposuresOf({ ...own, isEmbedded: true })).toEqual([]);
    expect(exposuresOf({ ...own, isEmbedded: false })).toHaveLength(1);
  });

  it("are told with a remedy that a shell takes as it stands", () => {
    const own = project("create role x password 'x'");
    const facts = new Map([["log_statement", "all"]]);
    const [first] = exposuresOf({
      target: target("localhost"),
      facts,
      project: own,
      parameters: [],
      isEmbedded: false,
    });
    expect(first?.remedy).toContain("--param 'key=scram(${env:NAME})'");
  });

  it("are a logging server or its statistics only when the project sets a password", () => {
    const noisy = { log_statement: "ddl", "pg_stat_statements.track": "top" };
    expect(ids("localhost", noisy)).toEqual([]);
    expect(ids("localhost", noisy, "create role x password 'x'")).toEqual([
      "password-logged",
      "password-in-statistics",
    ]);
    expect(
      ids("localhost", { log_statement: "none", "pg_stat_statements.track": "none" }, "create role x password 'x'"),
    ).toEqual([]);
  });
});

it.each([
  [{ log_statement: "mod" }, "log_statement = mod"],
  [{ log_statement: "none", log_min_duration_statement: "0" }, "log_min_duration_statement = 0"],
  [{ log_min_duration_statement: "250ms" }, "log_min_duration_statement = 250ms"],
  [{ log_min_duration_sample: "1s" }, "log_min_duration_sample = 1s"],
  [{ log_transaction_sample_rate: "0.5" }, "log_transaction_sample_rate = 0.5"],
  [{ "pgaudit.log": "ddl" }, "pgaudit.log = ddl"],
  [
    {
      log_statement: "none",
      log_min_duration_statement: "-1",
      log_transaction_sample_rate: "0",
      "pgaudit.log": "none",
    },
    undefined,
  ],
  [{}, undefined],
])("statement logging: %o -> %s", (settings, expected) => {
  expect(statementLogging(new Map(Object.entries(settings)))).toBe(expected);
});

it.each(["localhost", "LOCALHOST.", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "/tmp"])(
  "%s is this machine",
  (host) => {
    expect(staysOnThisMachine(host)).toBe(true);
  },
);

it.each(["localhost.example.org", "127.0.0.1.example.org", "10.0.0.1", "::2", "128.0.0.1"])(
  "%s is not this machine",
  (host) => {
    expect(staysOnThisMachine(host)).toBe(false);
  },
);
