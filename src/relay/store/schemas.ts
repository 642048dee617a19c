/** The fields that events of a topic were seen to have, and what a pipeline wants to happen when they change. */
import type { Session } from "../../pg/session.ts";

export interface SchemaChange {
  /** none: the fields are known, or the first that were seen. */
  action: "none" | "warn" | "pause" | "dlq" | "continue";
  added: readonly string[];
  removed: readonly string[];
}

const OBSERVE = `
  select o.action, pg_catalog.to_jsonb(o.added), pg_catalog.to_jsonb(o.removed)
    from tide.relay_schema_observe(
           $1, $2, array(select f from pg_catalog.jsonb_array_elements_text($3::jsonb) as f), $4) as o`;
const PAUSE = "select tide.relay_pause($1, $2)";

/** Compares the fields of an event with the known ones; notes them when the policy lets them pass. */
export async function observeSchema(
  session: Session,
  { pipeline, topic, fields, policy }: { pipeline: string; topic: string; fields: readonly string[]; policy: string },
): Promise<SchemaChange> {
  const [row] = await session.rows(OBSERVE, [pipeline, topic, JSON.stringify(fields), policy]);
  return { action: actionOf(row?.[0]), added: namesOf(row?.[1]), removed: namesOf(row?.[2]) };
}

/** Switches a pipeline off; false when it is not one that can be. */
export async function pausePipeline(session: Session, pipeline: string, reason: string): Promise<boolean> {
  const [row] = await session.rows(PAUSE, [pipeline, reason]);
  return row?.[0] === "t";
}

function actionOf(text: string | null | undefined): SchemaChange["action"] {
  return text === "warn" || text === "pause" || text === "dlq" || text === "continue" ? text : "none";
}

function namesOf(text: string | null | undefined): readonly string[] {
  const names: unknown = JSON.parse(text ?? "[]");
  return Array.isArray(names) ? names.map(String) : [];
}
