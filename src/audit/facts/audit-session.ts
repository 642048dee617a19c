/**
 * A session that can be trusted with a hostile database: everything its owner could plant for whoever connects is put back.
 *
 * The owner of a database may set almost any parameter for it (ALTER DATABASE ... SET) and make objects that shadow the
 * catalog's. Settings are read first, as they were planted, and then set to ours: what we say afterwards means one thing.
 * Read-only and short of patience: a statement may run 10 s, and waits half a second for a lock.
 */
import type { Session, TextRow } from "../../pg/session.ts";
import { ALL_SETTINGS } from "./settings.ts";

/** 10 s: the slowest query of the catalogue takes a fraction of a second on 10,000 tables. */
export const STATEMENT_TIMEOUT_MS = 10_000;
/** 0.5 s: catalogs are rarely locked, and an audit must not stand in anybody's queue. */
export const LOCK_TIMEOUT_MS = 500;

const OWN_SETTINGS = `
  set role none;
  set default_transaction_read_only = on;
  set search_path = pg_catalog;
  set statement_timeout = ${STATEMENT_TIMEOUT_MS};
  set lock_timeout = ${LOCK_TIMEOUT_MS};
  set idle_in_transaction_session_timeout = 0;
  set application_name = 'pgkeep-audit';
  set client_min_messages = warning;
  set standard_conforming_strings = on;
  set bytea_output = hex;
  set datestyle = 'ISO, MDY';
  set intervalstyle = postgres;
  set timezone = 'UTC';
  set extra_float_digits = 1;
  set quote_all_identifiers = off;
  set array_nulls = on;
  set transform_null_equals = off;
  set row_security = on;
  set xmloption = content;
  set jit = off;
  set default_transaction_isolation = 'read committed';
  set default_transaction_deferrable = off`;

/** Makes `session` ours. Returns the settings that it began with. */
export async function beginAuditSession(session: Session): Promise<readonly TextRow[]> {
  const planted = await session.query(ALL_SETTINGS);
  await session.script([OWN_SETTINGS, ...newerSettings(session.serverVersion)].join(";\n"));
  return planted;
}

function newerSettings(serverVersion: number): string[] {
  return [
    ...(serverVersion >= 140_000 ? ["set idle_session_timeout = 0"] : []),
    ...(serverVersion >= 170_000 ? ["set transaction_timeout = 0"] : []),
  ];
}
