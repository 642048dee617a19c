/** Backfill jobs and templates on pg_tide's command line. */
import { jsonText } from "../output.ts";
import { TideUsageError } from "./grammar.ts";
import {
  type Answer,
  type Command,
  failed,
  jsonRows,
  lines,
  numberValue,
  textValue,
  type Work,
  withSession,
} from "./work.ts";

const CREATE = "select tide.backfill_create($1, $2, $3, $4, $5, $6, $7) as id";
const LAST_ID = "9223372036854775807";

export async function backfillCreate(work: Work): Promise<Answer> {
  const { call } = work;
  const [name = ""] = call.positionals;
  return await withSession(work, async (session) => {
    const [row] = await session.query(CREATE, [
      name,
      textValue(call, "outbox") ?? "",
      textValue(call, "pipeline") ?? null,
      String(numberValue(call, "from-id") ?? 0),
      String(numberValue(call, "to-id") ?? LAST_ID),
      String(numberValue(call, "chunk-size") ?? 500),
      String(numberValue(call, "throttle-ms") ?? 0),
    ]);
    return { ok: true, data: { job_id: Number(row?.id), job_name: name }, text: `backfill job ${row?.id} made\n` };
  });
}

const MOVES = {
  pause: { call: "select tide.backfill_pause($1)", done: "pauses after the chunk that is being delivered" },
  resume: { call: "select tide.backfill_resume($1)", done: "goes on" },
  cancel: { call: "select tide.backfill_cancel($1)", done: "was cancelled" },
} as const;

/** A command that changes the state of a job. */
export function backfillMove(action: keyof typeof MOVES): Command {
  return async (work) => {
    const [name = ""] = work.call.positionals;
    const { call, done } = MOVES[action];
    return await withSession(work, async (session) => {
      await session.query(call, [name]);
      return { ok: true, data: { job_name: name, action }, text: `the backfill job ${done}\n` };
    });
  };
}

export async function backfillStatus(work: Work): Promise<Answer> {
  return await withSession(work, async (session) => {
    const [row] = await session.query("select tide.backfill_status() as status");
    const status: unknown = JSON.parse(row?.status ?? "null");
    return { ok: true, data: status, text: `${jsonText(status, 2)}\n` };
  });
}

export async function templateList(work: Work): Promise<Answer> {
  return await withSession(work, async (session) => {
    const templates = await jsonRows(
      session,
      "select t.name, t.description, t.required_keys from tide.relay_pipeline_templates as t order by t.name",
    );
    return {
      ok: true,
      data: { templates },
      text: lines(templates.map(({ name, description }) => ({ name, description }))),
    };
  });
}

/** Whether a template can be filled with these values. */
export async function templateValidate(work: Work): Promise<Answer> {
  const [name = ""] = work.call.positionals;
  const overrides = textValue(work.call, "overrides") ?? "{}";
  if (!isObject(overrides)) {
    throw new TideUsageError("--overrides takes a JSON object", `Write --overrides '{"key": "value"}'.`);
  }
  return await withSession(work, async (session) => {
    const query =
      "select v.is_valid, v.missing_keys, v.invalid_keys from tide.relay_template_validate($1, $2::jsonb) as v";
    const [found = {}] = await jsonRows(session, query, [name, overrides]);
    const { is_valid: isValid, missing_keys: missing, invalid_keys: unknown } = found;
    const data = { template: name, valid: isValid === true, missing_keys: missing, invalid_keys: unknown };
    if (isValid === true) return { ok: true, data, text: "the template can be filled\n" };
    const text = `missing: ${jsonText(missing)}\nof no use: ${jsonText(unknown)}\n`;
    return { ok: false, data, text, error: failed("PGTIDE_INVALID_ARGUMENT", "the template cannot be filled so") };
  });
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
