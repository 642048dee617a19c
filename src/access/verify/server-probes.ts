/** Probes of the database, the server and the role itself: rows 1, 8 to 15, 18 to 24 and 30 of the matrix. */
import { ident, literal } from "../../pg/identifiers.ts";
import { type PrivilegeName, privilegeSet } from "../privileges/privilege.ts";
import {
  databasePrivilege,
  explained,
  roleAttribute,
  roleMembership,
  serverRelationPrivilege,
  serverRoutinePrivilege,
} from "./attempts.ts";
import type { Expectations } from "./expectations.ts";
import { creations, labelOf, type ProbeSource } from "./object-probes.ts";
import type { Attempt, Expected, Probe } from "./probe.ts";
import { probeStatement } from "./statements.ts";

/** Everything that has no object of the governed schemas, for one role. */
export function serverProbes(source: ProbeSource): Probe[] {
  return [
    ...databaseProbes(source),
    ...publicSchemaProbes(source),
    ...selfProbes(source),
    ...passingOnProbes(source),
    ...becomingProbes(source),
    ...secretProbes(source),
    ...settingProbes(source),
    ...serverFileProbes(source),
    ...informationProbes(source),
  ];
}

interface Line {
  row: number;
  action: string;
  object: string;
  expected: Expected;
  attempt: Attempt;
  otherwise?: string;
}

function lines({ role }: ProbeSource, all: readonly Line[]): Probe[] {
  return all.map((line) => ({ ...line, role, schema: undefined }));
}

function expectedIf(isAllowed: boolean): Expected {
  return isAllowed ? "allowed" : "refused";
}

function run(name: string, names: Parameters<typeof probeStatement>[1]): Attempt {
  return { kind: "run", sql: probeStatement(name, names) };
}

function databaseProbes(source: ProbeSource): Probe[] {
  const { expectations, role, freshName } = source;
  const { snapshot, model } = expectations;
  const database = expectations.objects.find(({ object }) => object.kind === "database");
  if (!database) return [];
  const object = labelOf(database.object);
  const wanted = expectations.privileges(role, database);
  const may = (privilege: PrivilegeName): Expected => expectedIf((wanted & privilegeSet([privilege])) !== 0);
  const name = ident(freshName);
  const isLogin = model.roles.get(role)?.login ?? snapshot.roles.get(role)?.login ?? false;
  const connect: Line = {
    row: 1,
    action: "connect",
    object,
    // A role that cannot log in connects with nobody's rights.
    expected: isLogin ? may("connect") : "either",
    attempt: {
      kind: "ask",
      question: databasePrivilege(role, snapshot.databaseOid, "connect"),
      why: "only a login connects",
    },
  };
  const extension: Line = {
    row: 9,
    action: "create extension (trusted)",
    object,
    expected: may("create"),
    attempt: {
      kind: "ask",
      question: databasePrivilege(role, snapshot.databaseOid, "create"),
      why: "an extension brings code along",
    },
  };
  const creation = (row: number, action: string, privilege: PrivilegeName): Line => ({
    row,
    action,
    object,
    expected: may(privilege),
    attempt: run(action, { name }),
    otherwise: databasePrivilege(role, snapshot.databaseOid, privilege),
  });
  return lines(source, [
    connect,
    creation(9, "create schema", "create"),
    creation(9, "create publication", "create"),
    extension,
    creation(10, "create temporary table", "temporary"),
  ]);
}

/** Nobody but its owner makes objects in "public", whether the model speaks of it or not. */
function publicSchemaProbes(source: ProbeSource): Probe[] {
  const { expectations, role, freshName } = source;
  const { model, snapshot } = expectations;
  const schema = snapshot.objects.schema.find(({ name }) => name === "public");
  if (!schema || model.schemas.has("public") || model.mode === "additive") return [];
  const isOwner = expectations.isOwner(role, {
    object: schema,
    owner: schema.owner,
    grants: new Map(),
    columns: new Map(),
  });
  return creations({ role, schema, freshName }, isOwner).map((draft) => ({
    ...draft,
    role,
    object: labelOf(schema),
    schema: undefined,
  }));
}

/** Attributes that a role must not give to itself, and the two things that PostgreSQL lets every role do. */
function selfProbes(source: ProbeSource): Probe[] {
  const { expectations, role, freshName } = source;
  const attributes = expectations.model.roles.get(role) ?? expectations.snapshot.roles.get(role);
  const isSuperuser = expectations.wanted.isSuperuser(role);
  const createsRoles = isSuperuser || (attributes?.createRole ?? false);
  const createsDatabases = isSuperuser || (attributes?.createDatabase ?? false);
  // Up to 15 CREATEROLE reaches every role that is not a superuser, the role itself too.
  const changesItself: Expected = isSuperuser
    ? "allowed"
    : createsRoles && expectations.snapshot.major < 16
      ? "either"
      : "refused";
  const present = expectations.snapshot.roles.get(role);
  const self = (action: string): Line => ({
    row: 12,
    action,
    object: `role ${role}`,
    expected: changesItself,
    attempt: run(action, { role: ident(role) }),
  });
  return lines(source, [
    {
      row: 11,
      action: "create role",
      object: "server",
      expected: expectedIf(createsRoles),
      attempt: run("create role", { name: ident(freshName) }),
      otherwise: roleAttribute(role, "rolcreaterole"),
    },
    {
      row: 11,
      action: "create database",
      object: "server",
      expected: expectedIf(createsDatabases),
      attempt: {
        kind: "known",
        allowed: (present?.createDatabase ?? false) || (present?.superuser ?? false),
        why: "a database cannot be made and undone",
      },
    },
    self("alter self createdb"),
    self("alter self createrole"),
    self("alter self connection limit"),
    self("alter self valid until"),
    {
      row: 13,
      action: "alter self set",
      object: `role ${role}`,
      expected: "either",
      attempt: run("alter self set", { role: ident(role) }),
    },
    {
      row: 13,
      action: "alter self password",
      object: `role ${role}`,
      expected: "either",
      attempt: { kind: "known", allowed: true, why: "PostgreSQL lets every role change its own password" },
    },
  ]);
}

const PASSED_ON: readonly PrivilegeName[] = ["select", "insert", "update", "delete"];

/** Passing on a right that the role has without grant option: the server only warns, so the list is what is looked at. */
function passingOnProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const { model, snapshot } = expectations;
  const other = [...model.roles.keys()].find((name) => name !== role && snapshot.roles.get(name)?.addressable);
  if (other === undefined) return [];
  const acting = expectations.wanted.actsAs(role);
  const mayPassOn = model.rules.some((rule) => rule.grantable && acting.has(rule.role));
  const seen = new Set<string>();
  return expectations.objects.flatMap((desired): Probe[] => {
    const { object } = desired;
    if (object.kind !== "table" || seen.has(object.schema ?? "") || expectations.isOwner(role, desired)) return [];
    const privilege = PASSED_ON.find((each) => (expectations.privileges(role, desired) & privilegeSet([each])) !== 0);
    if (!privilege) return [];
    seen.add(object.schema ?? "");
    const sql = `grant ${privilege} on table ${object.sql} to ${ident(other)}`;
    const attempt: Attempt = { kind: "grant", sql };
    const action = `grant ${privilege} to role ${other}`;
    return [
      {
        row: 14,
        relation: object.oid,
        role,
        action,
        object: labelOf(object),
        schema: object.schema,
        expected: mayPassOn ? "either" : "refused",
        attempt,
      },
    ];
  });
}

/** Roles of the file, owners of what is governed, and superusers: whoever it would be worth to become. */
function becomingProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const { snapshot, wanted, model } = expectations;
  const owners = expectations.objects.flatMap(({ owner }) => (owner === undefined ? [] : [owner]));
  const superusers = [...snapshot.roles.values()].filter(({ superuser }) => superuser).map(({ name }) => name);
  const targets = new Set([...model.roles.keys(), ...owners, ...superusers]);
  const how = snapshot.major >= 16 ? "set" : "member";
  return [...targets]
    .filter((target) => target !== role && snapshot.roles.get(target)?.addressable)
    .map((target) => ({
      row: 15,
      role,
      action: "set role",
      object: `role ${target}`,
      schema: undefined,
      expected: expectedIf(wanted.isSuperuser(role) || wanted.becomes(role).has(target)),
      attempt: { kind: "become", role: target } as const,
      otherwise: roleMembership(role, target, how),
    }));
}

/** Catalogs with secrets, and what each needs beyond "select *". */
const SECRETS: readonly { action: string; select: string; relation?: string; since?: number }[] = [
  { action: "select pg_authid", select: "select * from pg_catalog.pg_authid", relation: "pg_authid" },
  { action: "select pg_shadow", select: "select * from pg_catalog.pg_shadow", relation: "pg_shadow" },
  { action: "select pg_user_mapping", select: "select * from pg_catalog.pg_user_mapping", relation: "pg_user_mapping" },
  { action: "select pg_subscription.subconninfo", select: "select subconninfo from pg_catalog.pg_subscription" },
  { action: "select pg_statistic", select: "select * from pg_catalog.pg_statistic", relation: "pg_statistic" },
  { action: "select pg_largeobject", select: "select * from pg_catalog.pg_largeobject", relation: "pg_largeobject" },
];

const FILE_VIEWS: readonly { action: string; select: string; since?: number }[] = [
  { action: "select pg_hba_file_rules", select: "select * from pg_catalog.pg_hba_file_rules" },
  { action: "select pg_file_settings", select: "select * from pg_catalog.pg_file_settings" },
  { action: "select pg_ident_file_mappings", select: "select * from pg_catalog.pg_ident_file_mappings", since: 15 },
];

function secretProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const isSuperuser = expectations.wanted.isSuperuser(role);
  const readsAll = expectations.wanted.actsAs(role).has("pg_read_all_data");
  const probes = (row: number, list: typeof SECRETS, expected: Expected): Line[] =>
    list
      .filter(({ since = 0 }) => expectations.snapshot.major >= since)
      .map(({ action, select, relation }) => ({
        row,
        action,
        object: "server",
        // What the model grants there is probed with the object itself; a view also needs its function.
        expected: expectations.readsSystem(role, action.replace("select ", "")) ? "either" : expected,
        attempt: explained(select),
        ...(relation === undefined ? {} : { otherwise: serverRelationPrivilege(role, relation) }),
      }));
  return lines(source, [
    // Rights on single catalogs can be granted too; a role that reads all data has more than the model can say here.
    ...probes(18, SECRETS, isSuperuser ? "allowed" : readsAll ? "either" : "refused"),
    ...probes(19, FILE_VIEWS, isSuperuser ? "allowed" : readsAll ? "either" : "refused"),
  ]);
}

/** Settings whose values only pg_read_all_settings may see. */
const HIDDEN_SETTINGS = ["data_directory", "hba_file", "config_file", "shared_preload_libraries"];

function settingProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const { snapshot, model, wanted } = expectations;
  const isSuperuser = wanted.isSuperuser(role);
  const acting = wanted.actsAs(role);
  const seesSettings = isSuperuser || acting.has("pg_read_all_settings");
  // A model that speaks of parameters means to give some of this away.
  const speaksOfParameters = model.rules.some(({ target, role: to }) => target.kind === "parameter" && acting.has(to));
  const expected: Expected = isSuperuser ? "allowed" : speaksOfParameters ? "either" : "refused";
  const set = (action: string, sql: string): Line => ({
    row: 22,
    action,
    object: "server",
    expected,
    attempt: { kind: "run", sql },
  });
  const why = "it would change the server";
  const alterSystem: Attempt =
    snapshot.major >= 15
      ? {
          kind: "ask",
          question: `select pg_catalog.has_parameter_privilege(${literal(role)}, 'archive_command', 'alter system')`,
          why,
        }
      : { kind: "known", allowed: snapshot.roles.get(role)?.superuser ?? false, why };
  return lines(source, [
    ...HIDDEN_SETTINGS.map((name) => ({
      row: 20,
      action: `show ${name}`,
      object: "server",
      expected: expectedIf(seesSettings),
      attempt: { kind: "run" as const, sql: `show ${name}` },
      otherwise: roleMembership(role, "pg_read_all_settings", "usage"),
    })),
    set("set session_replication_role", "set local session_replication_role = replica"),
    set("set log_statement", "set local log_statement = none"),
    // The right is looked at before the file is: no such library exists.
    set("load", "load 'pgkeep_probe'"),
    { row: 23, action: "alter system", object: "server", expected, attempt: alterSystem },
    {
      row: 23,
      action: "pg_reload_conf",
      object: "server",
      expected: isSuperuser ? "allowed" : "refused",
      attempt: { kind: "ask", question: serverRoutinePrivilege(role, "pg_catalog.pg_reload_conf()"), why },
    },
  ]);
}

const SERVER_ROLES: readonly { row: number; action: string; role: string }[] = [
  { row: 21, action: "copy program", role: "pg_execute_server_program" },
  { row: 21, action: "copy from server file", role: "pg_read_server_files" },
  { row: 21, action: "copy to server file", role: "pg_write_server_files" },
  { row: 24, action: "terminate sessions of others", role: "pg_signal_backend" },
];

const FILE_ROUTINES: readonly { action: string; signature: string }[] = [
  { action: "pg_read_file", signature: "pg_catalog.pg_read_file(text)" },
  { action: "lo_import", signature: "pg_catalog.lo_import(text)" },
];

function serverFileProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const isSuperuser = expectations.wanted.isSuperuser(role);
  const acting = expectations.wanted.actsAs(role);
  return lines(source, [
    ...SERVER_ROLES.map(({ row, action, role: needed }) => ({
      row,
      action,
      object: "server",
      expected: expectedIf(isSuperuser || acting.has(needed)),
      attempt: {
        kind: "ask" as const,
        question: roleMembership(role, needed, "usage"),
        why: "its effect could not be undone",
      },
    })),
    ...FILE_ROUTINES.map(({ action, signature }) => ({
      row: 21,
      action,
      object: "server",
      expected: expectedIf(isSuperuser),
      attempt: {
        kind: "ask" as const,
        question: serverRoutinePrivilege(role, signature),
        why: "its effect could not be undone",
      },
    })),
  ]);
}

function informationProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const writable = expectations.objects.find(
    (desired) =>
      desired.object.kind === "table" &&
      (expectations.privileges(role, desired) & privilegeSet(["update", "delete", "truncate"])) !== 0,
  );
  if (!writable) return [];
  return lines(source, [
    {
      row: 30,
      action: "lock in access exclusive mode",
      object: labelOf(writable.object),
      expected: "either",
      attempt: {
        kind: "known",
        allowed: true,
        why: "PostgreSQL lets whoever may update, delete or truncate lock others out; set lock_timeout and statement_timeout",
      },
    },
  ]);
}

/** Whether the model wants the role at all, for those whose probes make no sense. */
export function isProbed(expectations: Expectations, role: string): boolean {
  const present = expectations.snapshot.roles.get(role);
  return expectations.model.roles.get(role)?.state === "present" && present !== undefined && present.addressable;
}
