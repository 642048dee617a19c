/**
 * Makes schema tide, or brings an older one to this version.
 *
 * One transaction: the lock, the look at what is there, every missing migration, the closing of rights. So a failure
 * leaves nothing behind, and of two installs at once the second waits and then finds nothing left to do.
 *
 * Owner. What runs with its owner's rights must not run with a superuser's, so a superuser's install makes the role
 * tide_owner, which nobody can log in as; everybody else installs as themselves, or for the role they name.
 */
import { assert } from "../../base/assert.ts";
import { PgkeepError } from "../../base/errors.ts";
import { checkIdentifier, ident, literal } from "../../pg/identifiers.ts";
import type { Session } from "../../pg/session.ts";
import { index as sinks } from "../sinks/index.ts";
import { index as sources } from "../sources/index.ts";
import { migrations, relaySql } from "./migrations.ts";
import { readState, type SchemaState } from "./state.ts";

/** Both halves of the advisory lock: "pgkp" and "tide" in ASCII. Held by the transaction of an install. */
const INSTALL_LOCK = [0x70676b70, 0x74696465] as const;

/** Owner when a superuser installs and names none. */
const DEFAULT_OWNER = "tide_owner";

/** What tide.relay_connector_types() tells, from the folders of sinks and sources: nothing else lists them. */
const CONNECTORS = [
  ["connectors/forward", Object.keys(sinks).sort().join(" ")],
  ["connectors/reverse", Object.keys(sources).sort().join(" ")],
] as const;

export interface InstallRequest {
  /** Version of pgkeep, noted in tide.meta. */
  version: string;
  /** Role that is to own the schema; made, without login, when there is none. */
  owner?: string | undefined;
  /** Also make the roles of roles.sql. */
  roles?: boolean | undefined;
  /** Look and say what would run; change nothing. */
  dryRun?: boolean | undefined;
  /** Stop after this migration, to meet an older version in a test. */
  upTo?: number | undefined;
}

export interface InstallReport {
  /** made: there was no schema. adopted: it was pg_tide's. upgraded: it was older. current: nothing was missing. */
  outcome: "made" | "adopted" | "upgraded" | "current";
  owner: string;
  /** Files that ran, or would run. */
  migrations: readonly string[];
  /** Whether roles.sql ran, or would. */
  roles: boolean;
}

/**
 * Installs or upgrades schema tide over `session`, which must be idle.
 *
 * Throws RELAY_SCHEMA_FOREIGN when the schema is somebody else's, and errors of the server (ServerError) as they are;
 * nothing is changed then.
 */
export async function installSchema(session: Session, request: InstallRequest): Promise<InstallReport> {
  if (request.owner !== undefined) checkIdentifier(request.owner, "role");
  try {
    await session.script(OPENING);
    const state = await readState(session);
    refuseForeign(state);
    const plan = planInstall(state, request);
    const hasWork = plan.migrations.length > 0 || plan.roles || plan.changesOwner || plan.changesConnectors;
    if (hasWork && !request.dryRun && state.owner !== undefined) {
      await session.script(lockTables(state));
      refuseForeign(await readState(session));
    }
    await session.script(hasWork && !request.dryRun ? `${installScript(plan, request)}\ncommit` : "rollback");
    const { changesOwner: _, changesConnectors: __, ...report } = plan;
    return report;
  } finally {
    if (session.transactionStatus() !== "idle") await session.script("rollback").catch(() => {});
  }
}

/** The settings that could bend the statements below are ours for the length of the transaction. */
const OPENING = `begin isolation level read committed read write;
set local search_path = pg_catalog, pg_temp;
set local standard_conforming_strings = on;
set local transform_null_equals = off;
set local client_min_messages = warning;
set local check_function_bodies = on;
set local default_tablespace = '';
set local default_table_access_method = heap;
set local lock_timeout = '60s';
select pg_catalog.pg_advisory_xact_lock(${INSTALL_LOCK.join(", ")});
set local lock_timeout = '10s'`;

/** Nobody adds a trigger between the look and the work: what a trigger calls would run with the installer's rights. */
const lockTables = ({ isSuperuser, owner = "" }: SchemaState): string => `
${isSuperuser ? "" : `set local role ${ident(owner)};`}
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class as c
     where c.relnamespace = pg_catalog.to_regnamespace('tide') and c.relkind in ('r', 'p') order by c.oid
  loop
    execute pg_catalog.format('lock table only %s in share row exclusive mode', v_table);
  end loop;
end $$;
${isSuperuser ? "" : "reset role"}`;

function refuseForeign({ kind, owner, mayActAsOwner, planted, trespasser }: SchemaState): void {
  if (kind === "foreign") {
    throw new PgkeepError("RELAY_SCHEMA_FOREIGN", `schema "tide" is in use and belongs to "${owner}"`, {
      detail: "It holds objects that neither pgkeep nor pg_tide made.",
      hint: "Rename it (alter schema tide rename to ...), or install into another database.",
      state: "nothing was changed",
    });
  }
  if (!mayActAsOwner) {
    throw new PgkeepError("RELAY_SCHEMA_FOREIGN", `schema "tide" belongs to "${owner}"`, {
      detail: "The role of this connection cannot act as that owner.",
      hint: `Connect as "${owner}", as a member of it, or as a superuser.`,
      state: "nothing was changed",
    });
  }
  if (trespasser !== undefined) {
    throw new PgkeepError("RELAY_SCHEMA_FOREIGN", `schema "tide" belongs to "${owner}"`, {
      detail: `Role "${trespasser}" can act as that owner, and what it puts there would run with this connection's rights.`,
      hint: `Install as "${owner}"; or have the schema given to a role that nobody logs in as, and look at its triggers.`,
      state: "nothing was changed",
    });
  }
  if (planted !== undefined) {
    throw new PgkeepError("RELAY_SCHEMA_FOREIGN", `schema "tide" holds an object of somebody else`, {
      detail: `There is ${planted}. Whoever owns it could change it after the install.`,
      hint: "Look at it, then drop it or give it to the schema's owner, and install again.",
      state: "nothing was changed",
    });
  }
}

interface InstallPlan extends InstallReport {
  changesOwner: boolean;
  /** The schema was made by a version with other connectors. */
  changesConnectors: boolean;
}

function planInstall(state: SchemaState, request: InstallRequest): InstallPlan {
  const { upTo = Number.POSITIVE_INFINITY, roles = false } = request;
  const owner = ownerOf(state, request);
  const missing = migrations().filter(({ name, number }) => number <= upTo && !state.applied.has(name));
  const changesConnectors = CONNECTORS.some(([key, types]) => state.connectors.get(key) !== types);
  return {
    outcome: outcomeOf(state, missing.length > 0 || changesConnectors),
    owner,
    changesConnectors,
    changesOwner: state.owner !== undefined && state.owner !== owner,
    migrations: missing.map(({ name }) => name),
    roles,
  };
}

function outcomeOf({ kind }: SchemaState, isOlder: boolean): InstallReport["outcome"] {
  if (kind === "absent") return "made";
  if (kind === "pg_tide") return "adopted";
  return isOlder ? "upgraded" : "current";
}

/** A schema that is there keeps its owner unless that is a superuser, whose rights are not to be lent. */
function ownerOf(state: SchemaState, { owner }: InstallRequest): string {
  if (owner !== undefined) return owner;
  if (state.owner !== undefined && !state.ownerIsSuperuser) return state.owner;
  return state.isSuperuser ? DEFAULT_OWNER : state.currentUser;
}

function installScript(plan: InstallPlan, { version }: InstallRequest): string {
  const { owner, migrations: names, outcome } = plan;
  const parts = [`set local pgkeep.owner = ${literal(owner)};`, relaySql("schema.sql")];
  if (outcome === "adopted" || plan.changesOwner) parts.push(relaySql("adopt.sql"));
  if (outcome === "adopted") parts.push(shape(), relaySql("adopt_columns.sql"));
  parts.push(`set local role ${ident(owner)};`, ...names.map(relaySql), noted(names, version));
  if (outcome === "adopted") parts.push(ADOPTED_THROUGH);
  parts.push(closed(outcome === "made"), "reset role;");
  if (outcome === "adopted") parts.push(relaySql("adopt_large_objects.sql"));
  if (plan.roles) parts.push(relaySql("roles.sql"));
  return parts.join("\n");
}

/** The tables as they should be, beside the adopted ones, for as long as it takes to compare them. */
function shape(): string {
  const [first] = migrations();
  assert(first !== undefined, "there is a first migration");
  const tables = relaySql(first.name)
    .replaceAll("tide.", "tide_shape.")
    .replaceAll("schema tide ", "schema tide_shape ");
  return `${relaySql("adopt_shape.sql")}\n${tables}`;
}

function noted(names: readonly string[], version: string): string {
  const rows = [
    `('version', ${literal(version)})`,
    ...CONNECTORS.map(([key, types]) => `(${literal(key)}, ${literal(types)})`),
    ...names.map((name) => `(${literal(`migration/${name}`)}, pg_catalog.now()::text)`),
  ];
  return `insert into tide.meta as m (key, value) values ${rows.join(", ")}
on conflict (key) do update set value = excluded.value;`;
}

/** Up to here messages are pg_tide's, and the large objects that they name may be trusted to be theirs. */
const ADOPTED_THROUGH = `insert into tide.meta as m (key, value)
select 'adopted_through', coalesce(pg_catalog.max(t.id), 0)::text from tide.tide_outbox_messages as t
on conflict (key) do nothing;`;

/** Closes what the migrations or default privileges opened. The function is one of the migrations'. */
const closed = (isFirst: boolean): string => `do $$ begin
  if pg_catalog.to_regprocedure('tide.relay_close_rights(boolean)') is not null then
    perform tide.relay_close_rights(${isFirst});
  end if;
end $$;`;
