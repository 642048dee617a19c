/** Changes of a pipeline's configuration, as the database recorded them. */
import { PgkeepError } from "../../base/errors.ts";
import type { Session, TextRow } from "../../pg/session.ts";
import { instantOf } from "./instant.ts";
import { pipelineRow, shownConfig } from "./pipelines.ts";

export interface ConfigChange {
  id: number;
  changed_at: string;
  changed_by: string;
  type: string;
  kind: "created" | "changed" | "deleted";
  fields: string[];
  old_config: unknown;
  new_config: unknown;
}

const HISTORY = `
  select h.change_id, h.pipeline_type, h.changed_by, h.old_config, h.new_config,
         pg_catalog.to_char(h.changed_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as changed_at
    from tide.relay_config_history($1) as h
   where $2::timestamptz is null or h.changed_at > $2::timestamptz
   order by h.change_id desc
   limit $3::int`;

export async function readHistory(
  session: Session,
  { pipeline, since, limit }: { pipeline: string; since?: string | undefined; limit: number },
): Promise<ConfigChange[]> {
  const sinceInstant = since === undefined ? undefined : instantOf(since);
  if (since !== undefined && sinceInstant === undefined) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "--since is not a time with its zone", {
      hint: "Write it as 2026-03-01T12:00:00Z.",
      state: "nothing was started",
    });
  }
  const rows = await session.query(HISTORY, [pipeline, sinceInstant ?? null, String(limit)]);
  // Deleted pipelines keep their history; a name that was never there is a typing error.
  if (rows.length === 0 && since === undefined) await pipelineRow(session, pipeline);
  return rows.map(changeOf);
}

function changeOf(row: TextRow): ConfigChange {
  const [before, after] = [configOf(row.old_config), configOf(row.new_config)];
  return {
    id: Number(row.change_id),
    changed_at: row.changed_at ?? "",
    changed_by: row.changed_by ?? "",
    type: row.pipeline_type ?? "",
    kind: before === null ? "created" : after === null ? "deleted" : "changed",
    fields: differences(before, after),
    old_config: before,
    new_config: after,
  };
}

const configOf = (text: string | null | undefined): unknown => (text ? shownConfig(text) : null);

function differences(before: unknown, after: unknown): string[] {
  if (!isRecord(before) || !isRecord(after)) return [];
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name])).sort();
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
