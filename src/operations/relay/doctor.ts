/**
 * Is the relay's side of a database in order: schema, role, pipelines, what waits and what nobody looks after.
 *
 * Asked only where schema tide is. Each answer says what to do; what the role may not see is unknown, never good.
 */
import { ageText } from "../../base/duration.ts";
import { ServerError, type Session, type TextRow } from "../../pg/session.ts";
import { checkPipeline, pipelineRows } from "./pipelines.ts";
import { readStatus } from "./status.ts";
import { TRESPASSER } from "./tide.ts";

export interface RelayCheck {
  what: string;
  status: "ok" | "warn" | "fail" | "unknown";
  detail: string;
  fix: string | null;
}

const FACTS = `
  select pg_catalog.to_regnamespace('tide') is not null as has_schema,
         exists (select from pg_catalog.pg_class as c
                  where c.relnamespace = pg_catalog.to_regnamespace('tide') and c.relname = 'relay_dlq') as has_tables,
         exists (select from pg_catalog.pg_proc as f
                  where f.pronamespace = pg_catalog.to_regnamespace('tide') and f.proname = 'relay_commit') as is_current,
         coalesce(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('tide')::oid, 'usage'), false) as may_use,
         pg_catalog.current_setting('is_superuser') = 'on' as is_superuser,
         coalesce((select pg_catalog.pg_has_role(current_user, r.oid, 'usage')
                     from pg_catalog.pg_roles as r where r.rolname = 'tide_relay'), false) as is_relay,
         exists (select from pg_catalog.pg_roles as r where r.rolname = 'tide_relay') as has_roles,
         ${TRESPASSER} as trespasser`;

/** undefined when there is no schema tide. */
export async function checkRelay(
  session: Session,
  { isEmbedded = false }: { isEmbedded?: boolean } = {},
): Promise<RelayCheck[] | undefined> {
  const [facts] = await session.query(FACTS);
  if (facts?.has_schema !== "t") return undefined;
  if (facts.may_use !== "t")
    return [
      unknown("schema", "schema tide is there and this role may not use it", "Ask for tide_reader, then repeat."),
    ];
  if (facts.trespasser != null)
    return [
      fail(
        "schema",
        `role "${facts.trespasser}" chooses what schema tide does, and it would do it as a superuser`,
        "Connect as a role that was granted tide_reader, or as the schema's owner.",
      ),
    ];
  if (facts.has_tables !== "t" || facts.is_current !== "t")
    return [fail("schema", "schema tide is of another version", "pgkeep relay install")];
  const checks: RelayCheck[] = [await schemaCheck(session), roleCheck(facts, isEmbedded)];
  for (const check of [pipelinesCheck, hiddenCheck, ownersCheck, backlogCheck, deadCheck])
    checks.push(await guarded(check, session));
  return checks;
}

type Ask = (session: Session) => Promise<RelayCheck>;

/** What the role may not ask is unknown. */
async function guarded(ask: Ask, session: Session): Promise<RelayCheck> {
  try {
    return await ask(session);
  } catch (error) {
    if (!(error instanceof ServerError) || error.sqlstate !== "42501") throw error;
    return unknown(ask.name.replace("Check", ""), "this role may not see it", "Ask for tide_reader or tide_relay.");
  }
}

async function schemaCheck(session: Session): Promise<RelayCheck> {
  const [row] = await session.query("select tide.version() as version");
  return ok("schema", `schema tide of version ${row?.version ?? "unknown"}`);
}

/** The embedded server's only role is its superuser, and a relay runs as it there. */
function roleCheck(
  { is_superuser: isSuperuser, is_relay: isRelay, has_roles: hasRoles }: TextRow,
  isEmbedded: boolean,
): RelayCheck {
  if (isSuperuser === "t" && isEmbedded) return ok("role", "the embedded server's own role");
  if (isSuperuser === "t")
    return warn(
      "role",
      "this role is a superuser; relay run refuses it",
      "Connect as a login role that was granted tide_relay.",
    );
  if (isRelay === "t") return ok("role", "has the rights of tide_relay");
  const fix = hasRoles === "t" ? "grant tide_relay to the role that runs the relay;" : "pgkeep relay install --roles";
  return warn("role", "this role has not the rights of tide_relay; it can look, not deliver", fix);
}

async function pipelinesCheck(session: Session): Promise<RelayCheck> {
  const checked = await Promise.all((await pipelineRows(session)).map(checkPipeline));
  const wrong = checked.filter(({ valid, enabled }) => enabled && !valid);
  const first = wrong[0];
  if (first)
    return fail(
      "pipelines",
      `${wrong.length} of ${checked.length} cannot work: "${first.pipeline}": ${first.problems[0] ?? ""}`,
      "pgkeep relay config validate",
    );
  return ok("pipelines", checked.length === 0 ? "none yet" : `${checked.length}, all can work`);
}

/** Row level security hides pipelines of other owners and tenants without a word. */
async function hiddenCheck(session: Session): Promise<RelayCheck> {
  const [row] = await session.query(`
    select greatest(0, coalesce(c.reltuples, 0))::bigint as estimate, (select count(*) from tide.relay_outbox_config) as seen,
           pg_catalog.row_security_active('tide.relay_outbox_config') as is_active
      from pg_catalog.pg_class as c where c.oid = 'tide.relay_outbox_config'::regclass`);
  if (row?.is_active !== "t") return ok("row security", "hides no pipeline from this role");
  const hidden = Number(row.estimate) - Number(row.seen);
  if (hidden <= 0) return ok("row security", "active; nothing seems to be hidden");
  return warn(
    "row security",
    `hides about ${hidden} pipelines from this role`,
    "select tide.relay_grant_tenant(...), or grant tide_relay",
  );
}

async function ownersCheck(session: Session): Promise<RelayCheck> {
  const { pipelines } = await readStatus(session);
  const orphans = pipelines.filter(({ enabled, state }) => enabled && (state === "unowned" || state === "unknown"));
  const failing = pipelines.filter(({ state }) => state === "failed" || state === "retrying");
  if (orphans.length > 0) return warn("owners", `no relay runs ${names(orphans)}`, "Start one: pgkeep relay run");
  if (failing.length > 0) return warn("owners", `not delivering: ${names(failing)}`, "pgkeep relay status");
  return ok("owners", pipelines.length === 0 ? "no pipelines yet" : "every enabled pipeline is run by a relay");
}

function names(pipelines: readonly { pipeline: string }[]): string {
  const shown = pipelines.slice(0, 3).map(({ pipeline }) => `"${pipeline}"`);
  return pipelines.length > 3 ? `${shown.join(", ")} and ${pipelines.length - 3} more` : shown.join(", ");
}

/** 5 minutes: an event that waits longer is noticed by people. */
const OLD_SECONDS = 300;

async function backlogCheck(session: Session): Promise<RelayCheck> {
  const [row] = await session.query(`
    select count(*) filter (where s.oldest_pending_age_seconds > ${OLD_SECONDS}) as slow,
           round(max(s.oldest_pending_age_seconds)) as oldest
      from tide.outbox_retention_status as s`);
  if (Number(row?.slow ?? 0) === 0) return ok("backlog", "no event waits for more than 5 minutes");
  const where = row?.slow === "1" ? "1 outbox has events" : `${row?.slow} outboxes have events`;
  return warn("backlog", `${where} that wait for up to ${ageText(Number(row?.oldest) * 1_000)}`, "pgkeep relay status");
}

async function deadCheck(session: Session): Promise<RelayCheck> {
  const [row] = await session.query("select count(*) as open from tide.relay_dlq as d where not d.resolved");
  const open = Number(row?.open ?? 0);
  return open === 0
    ? ok("dead letters", "none")
    : warn("dead letters", `${open} ${open === 1 ? "waits" : "wait"} for somebody`, "pgkeep relay dlq list");
}

const make =
  (status: RelayCheck["status"]) =>
  (what: string, detail: string, fix: string | null = null): RelayCheck => ({ what, status, detail, fix });
const ok = make("ok");
const warn = make("warn");
const fail = make("fail");
const unknown = make("unknown");
