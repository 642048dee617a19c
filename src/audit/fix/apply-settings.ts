/**
 * Brings settings into force: ALTER SYSTEM, a reload, and a look whether the server goes by them.
 *
 * ALTER SYSTEM only writes a file. A value that the server cannot use is reported in its log and nowhere else, at a reload
 * nobody watches, or at the next start; so the files are asked before the reload, and whatever is not in force after it is
 * taken out again. Each setting stands for itself: one that fails is as before, the others are applied.
 */
import { type Clock, sleep } from "../../base/clock.ts";
import { tameLine } from "../../base/tame.ts";
import { ServerError, type Session, type TextRow } from "../../pg/session.ts";
import { type SettingFix, settingStatement } from "../fix.ts";
import type { FixFacts, SettingState } from "./plan.ts";

/** 10 s: a reload takes milliseconds, unless the server's own machine is busy. */
const RELOAD_LIMIT_MS = 10_000;
const POLL_MS = 20;

/** Where ALTER SYSTEM writes. */
const ALTERED_FILE = "postgresql.auto.conf";

const STATES = `
  select s.name, s.setting, s.context, s.source, s.boot_val, s.sourcefile,
         MAY_ALTER as allowed
    from pg_catalog.pg_settings as s
   where s.name = any ($1::pg_catalog.text[])`;

const RIGHTS = `
  select r.rolsuper as super,
         pg_catalog.pg_is_in_recovery() as standby,
         pg_catalog.has_table_privilege('pg_catalog.pg_file_settings', 'SELECT')
           and pg_catalog.has_function_privilege('pg_catalog.pg_show_all_file_settings()', 'EXECUTE')
           and pg_catalog.has_function_privilege('pg_catalog.pg_reload_conf()', 'EXECUTE') as can_see,
         (select s.setting from pg_catalog.pg_settings as s where s.name = 'allow_alter_system') as allow,
         exists (select from pg_catalog.pg_roles as p where p.rolname in ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin')) as managed
    from pg_catalog.pg_roles as r
   where r.rolname = current_user`;

const FILES = `
  select f.sourcefile, f.sourceline, f.name, f.setting, f.applied, f.error
    from pg_catalog.pg_file_settings as f
   order by f.seqno`;

/** What a plan has to know about `names`, in three statements. */
export async function readFixFacts(session: Session, names: readonly string[]): Promise<FixFacts> {
  if (names.length === 0) return { settings: new Map(), settingsRefusal: undefined };
  const [rights = {}] = await session.query(RIGHTS);
  const isNew = session.serverVersion >= 150_000;
  const mayAlter = isNew ? "pg_catalog.has_parameter_privilege(s.name, 'ALTER SYSTEM')" : String(rights.super === "t");
  const rows = await session.query(
    STATES.replace("MAY_ALTER", () => mayAlter),
    [arrayOf(names)],
  );
  const settings = new Map(rows.map((row) => [row.name ?? "", stateOf(row)]));
  const refusal = refusalBy(rights);
  if (refusal !== undefined) return { settings, settingsRefusal: refusal };
  return { settings, settingsRefusal: brokenFile(await session.query(FILES)) };
}

function stateOf({ setting, context, source, boot_val, sourcefile, allowed }: TextRow): SettingState {
  return {
    value: setting ?? "",
    context: context ?? "",
    source: source ?? "",
    defaultValue: boot_val ?? "",
    isAltered: sourcefile?.endsWith(`/${ALTERED_FILE}`) ?? false,
    isAllowed: allowed === "t" || allowed === "true",
  };
}

function refusalBy({ super: isSuper, managed, can_see, allow }: TextRow): string | undefined {
  if (allow === "off") return "allow_alter_system is off: the settings are kept elsewhere";
  if (isSuper !== "t" && managed === "t") return "the managed service sets it, in its own console or parameter group";
  if (can_see !== "t") return "it takes a superuser, or a role that may read pg_file_settings and reload";
  return undefined;
}

/** With such an error no line of any file is applied, at this reload and at every other. */
function brokenFile(rows: readonly TextRow[]): string | undefined {
  if (rows.length === 0 || rows.some(({ applied }) => applied === "t")) return undefined;
  const broken = rows.find(({ error }) => error !== null);
  return broken === undefined
    ? undefined
    : `no reload takes effect before ${tameLine(broken.sourcefile ?? "a settings file")} is repaired, line ${broken.sourceline}`;
}

/** A setting to change, with the value that it had when it was decided about. */
export interface SettingChange {
  fix: SettingFix;
  now: string;
}

export interface SettingResult {
  fix: SettingFix;
  /** What takes it back; undefined where it was not changed, or is as before again. */
  undo: string | undefined;
  /** Why it is not in force; undefined: it is. */
  failure: string | undefined;
}

/** The statements that take the changes back, as things are now. */
export async function settingUndos(session: Session, changes: readonly SettingChange[]): Promise<Map<string, string>> {
  const rows = await session.query(FILES);
  return new Map(
    changes.map(({ fix: { name, risk } }) => {
      const before = rows.filter(
        (row) => row.name?.toLowerCase() === name && row.sourcefile?.endsWith(`/${ALTERED_FILE}`),
      );
      const value = before.at(-1)?.setting ?? null;
      return [name, settingStatement({ kind: "setting", name, value, risk })];
    }),
  );
}

/** Those that are not any more as they were decided about. */
export async function changedMeanwhile(
  session: Session,
  changes: readonly SettingChange[],
): Promise<readonly string[]> {
  const names = changes.map(({ fix: { name } }) => name);
  const rows = await session.query(STATES.replace("MAY_ALTER", "true"), [arrayOf(names)]);
  const values = new Map(rows.map(({ name, setting }) => [name ?? "", setting ?? ""]));
  return changes.filter(({ fix: { name }, now }) => values.get(name) !== now).map(({ fix: { name } }) => name);
}

interface Applying {
  /** As of settingUndos. */
  undos: ReadonlyMap<string, string>;
  clock: Clock;
  signal: AbortSignal;
}

/** Applies each of `changes`, or leaves it as it was and says why. Throws only when the connection breaks. */
export async function applySettings(
  session: Session,
  changes: readonly SettingChange[],
  applying: Applying,
): Promise<readonly SettingResult[]> {
  const failures = new Map<string, string>();
  for (const { fix } of changes) {
    const refusal = await alter(session, settingStatement(fix));
    if (refusal !== undefined) failures.set(fix.name, refusal);
  }
  const written = changes.filter(({ fix: { name } }) => !failures.has(name));
  for (const [name, error] of await errorsInFiles(session, written)) failures.set(name, error);
  await takeBack(session, written, { failures, applying });
  const good = written.filter(({ fix: { name } }) => !failures.has(name));
  if (good.length > 0) await reload(session, good, { failures, applying });
  return changes.map(({ fix }) => {
    const failure = failures.get(fix.name);
    return { fix, failure, undo: failure === undefined ? applying.undos.get(fix.name) : undefined };
  });
}

interface Judged {
  failures: Map<string, string>;
  applying: Applying;
}

async function reload(session: Session, good: readonly SettingChange[], judged: Judged): Promise<void> {
  const { failures, applying } = judged;
  const isLoaded = await reloaded(session, applying);
  const late = isLoaded
    ? await notInForce(session, good)
    : good.map(({ fix: { name } }) => [name, NOT_LOADED] as const);
  if (late.length === 0) return;
  for (const [name, reason] of late) failures.set(name, reason);
  await takeBack(session, good, judged);
  await reloaded(session, applying);
}

const NOT_LOADED = `the server did not reload within ${RELOAD_LIMIT_MS / 1_000} s`;

/** Reloads; whether this session has seen it. The server tells its sessions after it has read the files itself. */
async function reloaded(session: Session, { clock, signal }: Applying): Promise<boolean> {
  const loaded = async (): Promise<string | null | undefined> => {
    const [row] = await session.query("select pg_catalog.pg_conf_load_time()::pg_catalog.text as at");
    return row?.at;
  };
  const before = await loaded();
  await session.query("select pg_catalog.pg_reload_conf()");
  const endMs = clock.monotonicMs() + RELOAD_LIMIT_MS;
  while (clock.monotonicMs() < endMs) {
    if ((await loaded()) !== before) return true;
    await sleep(POLL_MS, signal);
  }
  return false;
}

/** What the server said against it; undefined when it took it. */
async function alter(session: Session, sql: string): Promise<string | undefined> {
  try {
    await session.script(sql);
    return undefined;
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    return `the server refused: ${tameLine(error.message)}`;
  }
}

/** The server reads its files as a reload would. */
async function errorsInFiles(session: Session, changes: readonly SettingChange[]): Promise<[string, string][]> {
  if (changes.length === 0) return [];
  const rows = await session.query(FILES);
  return changes.flatMap(({ fix: { name } }): [string, string][] => {
    const last = rows.filter((row) => row.name?.toLowerCase() === name).at(-1);
    if (last === undefined || last.error === null) return [];
    return [[name, `the server cannot use it: ${tameLine(last.error ?? "")}`]];
  });
}

/** A text[] as the server reads it. */
function arrayOf(names: readonly string[]): string {
  return `{${names.map((name) => `"${name.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}

/** Values that come before the files'. */
const OVERRULING = new Set(["command line", "environment variable", "override"]);

async function notInForce(session: Session, changes: readonly SettingChange[]): Promise<[string, string][]> {
  const names = changes.map(({ fix: { name } }) => name);
  const rows = await session.query(
    "select s.name, s.source, s.pending_restart from pg_catalog.pg_settings as s where s.name = any ($1::pg_catalog.text[])",
    [arrayOf(names)],
  );
  const states = new Map(rows.map((row) => [row.name ?? "", row]));
  return names.flatMap((name): [string, string][] => {
    const { source, pending_restart } = states.get(name) ?? {};
    if (pending_restart === "t") return [[name, "it waits for a restart"]];
    return OVERRULING.has(source ?? "") ? [[name, `the value from the ${source} wins`]] : [];
  });
}

/** Settings that failed are as before again, in the file. */
async function takeBack(
  session: Session,
  written: readonly SettingChange[],
  { failures, applying: { undos } }: Judged,
): Promise<void> {
  for (const { fix } of written) {
    const undo = undos.get(fix.name);
    if (!failures.has(fix.name) || undo === undefined) continue;
    const refusal = await alter(session, undo);
    if (refusal !== undefined)
      failures.set(fix.name, `${failures.get(fix.name)}; it could not be taken back: ${refusal}`);
  }
}
