/** Everything of one role that has no object of the governed schemas; of its own rows 18 to 24 and 30 of the matrix. */
import { literal } from "../../pg/identifiers.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import { explained, roleMembership, serverRelationPrivilege, serverRoutinePrivilege } from "./attempts.ts";
import { databaseProbes, publicSchemaProbes } from "./database-probes.ts";
import type { Expectations } from "./expectations.ts";
import { labelOf, type ProbeSource } from "./object-probes.ts";
import { type Attempt, type Expected, expectedIf, type Probe } from "./probe.ts";
import { type Line, lines } from "./probe-lines.ts";
import { becomingProbes, passingOnProbes, selfProbes } from "./role-probes.ts";

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
  const { model, wanted } = source.expectations;
  const acting = wanted.actsAs(source.role);
  const isSuperuser = wanted.isSuperuser(source.role);
  // A model that speaks of parameters means to give some of this away.
  const speaksOfParameters = model.rules.some(({ target, role: to }) => target.kind === "parameter" && acting.has(to));
  const expected: Expected = isSuperuser ? "allowed" : speaksOfParameters ? "either" : "refused";
  return lines(source, [
    ...hiddenSettingLines(source.role, expectedIf(isSuperuser || acting.has("pg_read_all_settings"))),
    ...settingLines(expected),
    { row: 23, action: "alter system", object: "server", expected, attempt: alterSystem(source) },
    {
      row: 23,
      action: "pg_reload_conf",
      object: "server",
      expected: expectedIf(isSuperuser),
      attempt: {
        kind: "ask",
        question: serverRoutinePrivilege(source.role, "pg_catalog.pg_reload_conf()"),
        why: CHANGES_THE_SERVER,
      },
    },
  ]);
}

function hiddenSettingLines(role: string, expected: Expected): Line[] {
  return HIDDEN_SETTINGS.map((name) => ({
    row: 20,
    action: `show ${name}`,
    object: "server",
    expected,
    attempt: { kind: "run", sql: `show ${name}` },
    otherwise: roleMembership(role, "pg_read_all_settings", "usage"),
  }));
}

/** Settings for superusers only. LOAD: the right is looked at before the file is, and no such library exists. */
const PRIVILEGED_SETTINGS: readonly { action: string; sql: string }[] = [
  { action: "set session_replication_role", sql: "set local session_replication_role = replica" },
  { action: "set log_statement", sql: "set local log_statement = none" },
  { action: "load", sql: "load 'pgkeep_probe'" },
];

function settingLines(expected: Expected): Line[] {
  return PRIVILEGED_SETTINGS.map(({ action, sql }) => ({
    row: 22,
    action,
    object: "server",
    expected,
    attempt: { kind: "run", sql },
  }));
}

const CHANGES_THE_SERVER = "it would change the server";

function alterSystem({ expectations: { snapshot }, role }: ProbeSource): Attempt {
  const why = CHANGES_THE_SERVER;
  if (snapshot.major < 15) return { kind: "known", allowed: snapshot.roles.get(role)?.superuser ?? false, why };
  const asked = `pg_catalog.has_parameter_privilege(${literal(role)}, 'archive_command', 'alter system')`;
  return { kind: "ask", question: `select ${asked}`, why };
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
  const asked = (question: string): Attempt => ({ kind: "ask", question, why: "its effect could not be undone" });
  return lines(source, [
    ...SERVER_ROLES.map(({ row, action, role: needed }) => ({
      row,
      action,
      object: "server",
      expected: expectedIf(isSuperuser || acting.has(needed)),
      attempt: asked(roleMembership(role, needed, "usage")),
    })),
    ...FILE_ROUTINES.map(({ action, signature }) => ({
      row: 21,
      action,
      object: "server",
      expected: expectedIf(isSuperuser),
      attempt: asked(serverRoutinePrivilege(role, signature)),
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
