/**
 * Real logins: what only a connection of the role itself can show.
 *
 * The server admits it, over TLS, as the role that was meant, with the settings that the model gives it, and into no
 * other database. Rights on objects are probed elsewhere; here they are asked once more of the login's own session,
 * without running anything, so that a role that becomes another at login is seen as it really is.
 */
import { PgkeepError } from "../../base/errors.ts";
import type { ProgressEvent } from "../../base/operation.ts";
import type { Session, TextRow } from "../../pg/session.ts";
import type { RoleModel } from "../model/model.ts";
import type { Expectations } from "./expectations.ts";
import type { ProbeOutcome } from "./probe.ts";

/** Opens a session as `role`; in `database`, or in the one that its connection string names. */
export type OpenLogin = (role: string, database?: string) => Promise<Session>;

export interface LoginOptions {
  openLogin?: OpenLogin | undefined;
  signal: AbortSignal;
  report?: ((event: ProgressEvent) => void) | undefined;
}

/** 20 other databases are tried; a server of hundreds would make it a matter of minutes. */
const MAX_OTHER_DATABASES = 20;

const FACTS = `
select pg_catalog.current_database() as database, session_user as session_user, current_user as current_user,
       coalesce((select s.ssl from pg_catalog.pg_stat_ssl as s where s.pid = pg_catalog.pg_backend_pid()), false) as tls`;

const OTHER_DATABASES = `
select d.datname as name
  from pg_catalog.pg_database as d
 where d.datallowconn and not d.datistemplate and d.datname <> pg_catalog.current_database()
 order by d.datname
 limit ${MAX_OTHER_DATABASES}`;

/** Probes of every login of the model; none without a way to open them. */
export async function loginOutcomes(expectations: Expectations, options: LoginOptions): Promise<ProbeOutcome[]> {
  const { openLogin, signal } = options;
  if (!openLogin) return [];
  const outcomes: ProbeOutcome[] = [];
  for (const name of expectations.model.verify.logins.keys()) {
    signal.throwIfAborted();
    options.report?.({ type: "access.verify_login", role: name });
    outcomes.push(...(await outcomesOf(name, expectations, openLogin)));
  }
  return outcomes;
}

async function outcomesOf(name: string, expectations: Expectations, openLogin: OpenLogin): Promise<ProbeOutcome[]> {
  const base = { row: 1, role: name, object: `database ${expectations.snapshot.database}` };
  let session: Session;
  try {
    session = await openLogin(name);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!refusal) throw error;
    return [{ ...base, action: "log in", expected: "allowed", ...refusal.asAllowed }];
  }
  await using login = session;
  const [facts] = await login.query(FACTS);
  const others = await login.query(OTHER_DATABASES);
  return [
    { ...base, action: "log in", expected: "allowed", result: "pass", actual: "allowed" },
    ...factOutcomes(name, facts ?? {}, expectations),
    ...(await settingOutcomes(login, expectations.model.roles.get(name))),
    ...(await otherDatabases(name, others, openLogin)),
  ];
}

function factOutcomes(name: string, facts: TextRow, { model, snapshot }: Expectations): ProbeOutcome[] {
  const role = model.roles.get(name);
  const isSocket = facts.tls !== "t";
  const check = (action: string, isTrue: boolean, message: string): ProbeOutcome => ({
    row: 1,
    role: name,
    action,
    object: `database ${snapshot.database}`,
    expected: "allowed",
    result: isTrue ? "pass" : "fail",
    actual: isTrue ? "allowed" : "refused",
    message,
  });
  return [
    check("log in to the model's database", facts.database === model.database, `the database is ${facts.database}`),
    check("log in as the role itself", facts.session_user === name, `session_user is ${facts.session_user}`),
    check(
      role?.runAs === undefined ? "act as the role itself" : `act as ${role.runAs}`,
      facts.current_user === (role?.runAs ?? name),
      `current_user is ${facts.current_user}`,
    ),
    check("use TLS", !isSocket, isSocket ? "the connection is not encrypted" : "pg_stat_ssl says that it is encrypted"),
  ];
}

/** The session's search_path is our own, so what a login starts with is what RESET brings back. */
async function settingOutcomes(session: Session, role: RoleModel | undefined): Promise<ProbeOutcome[]> {
  if (!role) return [];
  const outcomes: ProbeOutcome[] = [];
  for (const [setting, wanted] of role.settings) {
    const [row] = await session.query("select reset_val as value from pg_catalog.pg_settings where name = $1", [
      setting.toLowerCase(),
    ]);
    const [same] = await session.query(
      "select pg_catalog.set_config($1, $2, false) as wanted, pg_catalog.set_config($1, $3, false) as actual",
      [setting, wanted, row?.value ?? wanted],
    );
    const isSame = row?.value !== undefined && same?.wanted === same?.actual;
    outcomes.push({
      row: 1,
      role: role.name,
      action: `start with ${setting}`,
      object: `role ${role.name}`,
      expected: "allowed",
      result: row ? (isSame ? "pass" : "fail") : "unknown",
      ...(row
        ? { actual: isSame ? "allowed" : "refused", message: `the value is ${row.value}` }
        : { reason: "the server does not show that setting" }),
    });
  }
  return outcomes;
}

async function otherDatabases(name: string, others: readonly TextRow[], openLogin: OpenLogin): Promise<ProbeOutcome[]> {
  const outcomes: ProbeOutcome[] = [];
  for (const { name: database } of others) {
    if (!database) continue;
    const base = {
      row: 1,
      role: name,
      action: "connect",
      object: `database ${database}`,
      expected: "refused" as const,
    };
    try {
      await (await openLogin(name, database)).close();
      outcomes.push({ ...base, result: "fail", actual: "allowed" });
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) throw error;
      outcomes.push({ ...base, ...refusal.asRefused });
    }
  }
  return outcomes;
}

type Judged = Pick<ProbeOutcome, "result" | "actual" | "sqlstate" | "message" | "reason">;

/** invalid authorization (28...) and insufficient privilege: the server knows the role and says no. */
const REFUSALS = /^(?:28\w{3}|42501)$/;

/** What a connection that failed amounts to; undefined when it is no answer of a server at all. */
function refusalOf(error: unknown): { asAllowed: Judged; asRefused: Judged } | undefined {
  if (!(error instanceof PgkeepError) || !error.code.startsWith("CONNECT_")) return undefined;
  const { sqlstate } = error.parts;
  const words = { message: error.message, ...(sqlstate ? { sqlstate } : {}) };
  if (sqlstate !== undefined && REFUSALS.test(sqlstate)) {
    return {
      asAllowed: { result: "fail", actual: "refused", ...words },
      asRefused: { result: "pass", actual: "refused", ...words },
    };
  }
  const unknown: Judged = {
    result: "unknown",
    reason: "the connection failed before the server could answer",
    ...words,
  };
  return { asAllowed: unknown, asRefused: unknown };
}
