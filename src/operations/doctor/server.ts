/** What the server says about itself and about us: version, clock, and the rights a deploy needs. */
import type { Clock } from "../../base/clock.ts";
import { ident } from "../../pg/identifiers.ts";
import type { Session, TextRow } from "../../pg/session.ts";
import { type Check, checksOf } from "./check.ts";

const server = checksOf("server");
const rights = checksOf("rights");

/** One round trip for everything. Catalog names are qualified: the search path may be somebody's trap. */
const FACTS = `
  select pg_catalog.current_setting('server_version') as version,
         extract(epoch from pg_catalog.clock_timestamp())::text as epoch,
         current_user as role,
         pg_catalog.current_database() as database,
         r.rolsuper as is_superuser,
         r.rolcreatedb as can_create_databases,
         pg_catalog.has_database_privilege(pg_catalog.current_database(), 'temporary') as can_create_temporary,
         pg_catalog.has_database_privilege(pg_catalog.current_database(), 'create') as can_create_schemas
    from pg_catalog.pg_roles as r
   where r.rolname = current_user`;

/** Asks the server and judges its answers. */
export async function checkServer(
  session: Session,
  { clock, isEmbedded }: { clock: Clock; isEmbedded: boolean },
): Promise<Check[]> {
  const [facts] = await session.query(FACTS);
  if (!facts)
    return [server.unknown("role", "the server does not list our own role", "Connect as a role that exists.")];
  return [versionCheck(session, facts), clockCheck(facts, clock), roleCheck(facts, isEmbedded), ...rightsChecks(facts)];
}

/** The oldest major with security fixes, and the oldest the session interface works on. */
const SUPPORTED_SINCE = 140_000;
const WORKS_SINCE = 110_000;

function versionCheck({ serverVersion }: Session, { version }: TextRow): Check {
  const shown = `PostgreSQL ${version ?? "?"}`;
  if (serverVersion < WORKS_SINCE)
    return server.fail("version", `${shown} is too old`, "Upgrade to a supported major.");
  if (serverVersion < SUPPORTED_SINCE)
    return server.warn("version", `${shown} gets no security fixes any more`, "Upgrade to a supported major.");
  return server.ok("version", shown);
}

/** 5 s: above it tokens, certificates and the times in logs begin to disagree. */
const MAX_SKEW_MS = 5_000;

function clockCheck({ epoch }: TextRow, clock: Clock): Check {
  const skewMs = Number(epoch) * 1_000 - clock.now().getTime();
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return server.ok("clock", `within ${seconds} s of this machine`);
  return server.warn(
    "clock",
    `${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} this machine`,
    "Synchronise both clocks (NTP).",
  );
}

/** The embedded server's only role is its superuser, so there is nothing to change about it. */
function roleCheck({ role: name, is_superuser }: TextRow, isEmbedded: boolean): Check {
  const role = ident(name ?? "");
  if (is_superuser !== "t") return rights.ok("who am I", role);
  if (isEmbedded) return rights.ok("who am I", `${role}, the embedded server's own role`);
  return rights.warn("who am I", `${role}, a superuser`, "Deploy as a role that owns only its schemas.");
}

function rightsChecks(facts: TextRow): Check[] {
  const database = ident(facts.database ?? "");
  const role = ident(facts.role ?? "");
  return [
    facts.can_create_temporary === "t"
      ? rights.ok("temporary tables", "allowed")
      : rights.fail(
          "temporary tables",
          "not allowed; a deploy needs them",
          `grant temporary on database ${database} to ${role};`,
        ),
    facts.can_create_schemas === "t"
      ? rights.ok("new schemas", `allowed in ${database}`)
      : rights.warn("new schemas", `not allowed in ${database}`, `grant create on database ${database} to ${role};`),
    facts.can_create_databases === "t" || facts.is_superuser === "t"
      ? rights.ok("new databases", "allowed")
      : rights.ok("new databases", "not allowed; only --overwrite and a missing target need it"),
  ];
}
