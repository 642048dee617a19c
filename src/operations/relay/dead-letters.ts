/**
 * Dead letters as the commands see them: which are meant, what they say, and what is done to them.
 *
 * A selection is ids, or a match of conditions ("pipeline=orders kind=sink_permanent attempts>3 error~timeout"), never
 * both and never neither where something is changed. Conditions become bound values of one fixed statement. What is done
 * is done by the functions of schema tide, which also write who, when and why.
 */
import { PgkeepError } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { nearestName } from "../../base/suggest.ts";
import type { Session, TextRow } from "../../pg/session.ts";
import { instantOf } from "./instant.ts";

export interface DeadLetter {
  id: number;
  pipeline: string;
  direction: string;
  source: string;
  sink: string;
  dedup_key: string;
  subject: string | null;
  outbox_id: string | null;
  kind: string;
  error: string;
  attempts: number;
  first_failed_at: string;
  last_failed_at: string;
  status: "waiting" | "queued" | "settled";
  settled_by: string | null;
  version: number;
  payload_bytes: number;
}

export interface Selection {
  ids?: readonly string[] | undefined;
  match?: string | undefined;
  /** Settled ones too. */
  all?: boolean | undefined;
  limit: number;
}

/** What a condition may compare: the name people write, the column, and how values of the column are compared. */
const FIELDS: Readonly<Record<string, { column: string; type: "text" | "number" | "time" }>> = {
  id: { column: "d.id", type: "number" },
  pipeline: { column: "d.pipeline_name", type: "text" },
  direction: { column: "d.relay_mode", type: "text" },
  source: { column: "d.source_name", type: "text" },
  sink: { column: "d.sink_name", type: "text" },
  subject: { column: "d.subject", type: "text" },
  kind: { column: "d.error_kind", type: "text" },
  error: { column: "d.error_message", type: "text" },
  attempts: { column: "d.attempt_count", type: "number" },
  failed: { column: "d.last_failed_at", type: "time" },
  key: { column: "d.dedup_key", type: "text" },
};

/** `~` is "contains"; the others compare. */
const CONDITION = /^([a-z]+)(!=|>=|<=|=|>|<|~)("(?:[^"\\]|\\.)*"|\S*)$/;
const WORDS = /(?:"(?:[^"\\]|\\.)*"|[^\s"])+/g;
const CASTS = { text: "text", number: "numeric", time: "timestamptz" } as const;

/** The conditions as SQL with `$n` from `first` on, and their values. Throws CONFIG_VALUE_INVALID. */
export function conditionsOf(match: string, first = 1): { sql: string[]; values: string[] } {
  const sql: string[] = [];
  const values: string[] = [];
  for (const word of match.match(WORDS) ?? []) {
    const [, name = "", operator = "", given = ""] = CONDITION.exec(word) ?? [];
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (!field) throw badCondition(name);
    const value = given.startsWith('"') ? given.slice(1, -1).replace(/\\(.)/g, "$1") : given;
    const place = `$${first + values.length}`;
    if (operator === "~") sql.push(`pg_catalog.strpos(lower(${field.column}::text), lower(${place}::text)) > 0`);
    else {
      sql.push(`${field.column} ${operator === "!=" ? "<>" : operator} ${place}::${CASTS[field.type]}`);
    }
    values.push(operator === "~" ? value : comparable(name, field.type, value));
  }
  if (sql.length > 0) return { sql, values };
  throw badCondition("");
}

function badCondition(name: string): PgkeepError {
  const near = nearestName(name, Object.keys(FIELDS));
  return new PgkeepError("CONFIG_VALUE_INVALID", "--match holds something that is no condition", {
    detail: `A condition is a name, one of = != < <= > >= ~ and a value. Names: ${Object.keys(FIELDS).join(", ")}.`,
    hint: near ? `Did you mean "${near}"?` : "Write it as --match 'pipeline=orders kind=sink_permanent error~timeout'.",
    state: "nothing was changed",
  });
}

/** The value as the server is to compare it. Throws CONFIG_VALUE_INVALID. */
function comparable(name: string, type: "text" | "number" | "time", value: string): string {
  if (type === "text") return value;
  const known = type === "time" ? instantOf(value) : /^\d{1,18}$/.test(value) ? value : undefined;
  if (known !== undefined) return known;
  const what = type === "time" ? "no time with its zone" : "no number";
  throw new PgkeepError("CONFIG_VALUE_INVALID", `--match compares ${name} with something that is ${what}`, {
    hint: type === "time" ? "Write a time as 2026-03-01T12:00:00Z." : "Write a whole number.",
    state: "nothing was changed",
  });
}

const AT = (column: string): string =>
  `pg_catalog.to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

const COLUMNS = `
         d.id, d.pipeline_name, d.relay_mode, d.source_name, d.sink_name, d.dedup_key, d.subject, d.outbox_id,
         d.error_kind, pg_catalog.left(d.error_message, 4096) as error_message, d.attempt_count,
         ${AT("d.first_failed_at")} as first_failed_at, ${AT("d.last_failed_at")} as last_failed_at,
         d.resolved, d.retried_at is not null as is_queued, d.resolved_by, d.version,
         pg_catalog.octet_length(d.payload::text) as payload_bytes`;

/** The letters that `selection` means, the oldest first, at most its limit. Without ids and match: all that wait. */
export async function findDeadLetters(session: Session, selection: Selection): Promise<DeadLetter[]> {
  const { sql, values } = whereOf(selection);
  const text = `select ${COLUMNS} from tide.relay_dlq as d where ${sql} order by d.id limit $${values.length + 1}::bigint`;
  return (await session.query(text, [...values, String(selection.limit)])).map(letterOf);
}

export async function countDeadLetters(session: Session, selection: Selection): Promise<number> {
  const { sql, values } = whereOf(selection);
  const [row] = await session.query(`select count(*) as found from tide.relay_dlq as d where ${sql}`, values);
  return Number(row?.found ?? 0);
}

function whereOf({ ids = [], match, all = false }: Selection): { sql: string; values: string[] } {
  const open = all ? [] : ["not d.resolved"];
  if (ids.length > 0)
    return { sql: ["d.id = any ($1::bigint[])", ...open].join(" and "), values: [`{${ids.join(",")}}`] };
  if (match === undefined) return { sql: open.join(" and ") || "true", values: [] };
  const { sql, values } = conditionsOf(match);
  return { sql: [...sql, ...open].join(" and "), values };
}

function letterOf(row: TextRow): DeadLetter {
  return {
    id: Number(row.id),
    pipeline: row.pipeline_name ?? "",
    direction: row.relay_mode ?? "",
    source: row.source_name ?? "",
    sink: row.sink_name ?? "",
    dedup_key: row.dedup_key ?? "",
    subject: row.subject ?? null,
    outbox_id: row.outbox_id ?? null,
    kind: row.error_kind ?? "",
    error: scrub(row.error_message ?? ""),
    attempts: Number(row.attempt_count),
    first_failed_at: row.first_failed_at ?? "",
    last_failed_at: row.last_failed_at ?? "",
    status: row.resolved === "t" ? "settled" : row.is_queued === "t" ? "queued" : "waiting",
    settled_by: row.resolved_by ?? null,
    version: Number(row.version ?? 1),
    payload_bytes: Number(row.payload_bytes),
  };
}

export interface DeadLetterChange {
  at: string;
  action: string;
  actor: string;
  reason: string | null;
}

export interface DeadLetterDetail extends DeadLetter {
  /** Only when asked for. */
  payload: unknown;
  headers: unknown;
  history: DeadLetterChange[];
}

/** One letter with its history. Throws RELAY_DEAD_LETTER_UNKNOWN. */
export async function readDeadLetter(
  session: Session,
  id: string,
  { withPayload }: { withPayload: boolean },
): Promise<DeadLetterDetail> {
  const [letter] = await findDeadLetters(session, { ids: [id], all: true, limit: 1 });
  if (!letter) throw unknownLetter(id);
  const [content] = withPayload
    ? await session.query("select d.payload, d.headers from tide.relay_dlq as d where d.id = $1", [id])
    : [];
  const history = await session.query(
    `select h.action, h.actor, h.reason, ${AT("h.at")} as at
       from tide.relay_dlq_history as h where h.dlq_id = $1 order by h.id`,
    [id],
  );
  return {
    ...letter,
    payload: content ? parsed(content.payload) : null,
    headers: content ? parsed(content.headers) : null,
    history: history.map((row) => ({
      at: row.at ?? "",
      action: row.action ?? "",
      actor: row.actor ?? "",
      reason: row.reason === null || row.reason === undefined ? null : scrub(row.reason),
    })),
  };
}

const parsed = (text: string | null | undefined): unknown => (text ? JSON.parse(text) : null);

export function unknownLetter(id: string): PgkeepError {
  return new PgkeepError("RELAY_DEAD_LETTER_UNKNOWN", `there is no open dead letter ${id}`, {
    hint: "List them: pgkeep relay dlq list",
    state: "nothing was changed",
  });
}
