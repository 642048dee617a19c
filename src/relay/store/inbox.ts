/** Rows of an inbox and their dead letters, stored in one fenced transaction. */
import { literal } from "../../pg/identifiers.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import type { PipelineKey } from "./pipeline-key.ts";

/** A row of `<name>_inbox`. */
export interface InboxRow {
  eventId: string;
  source: string;
  /** JSON text. */
  payload: string;
  headers: Readonly<Record<string, unknown>>;
}

export interface InboxDeadLetter {
  eventId: string;
  subject: string;
  /** JSON text; for what could not be read, an object with the bytes in base64 under RAW_KEY. */
  payload: string;
  headers: Readonly<Record<string, unknown>>;
  sourceType: string;
  kind: "decode" | "inbox_permanent";
  reason: string;
}

/** A dead letter of a reverse pipeline that is to be tried again. */
export interface DueInboxLetter {
  id: string;
  eventId: string;
  subject: string;
  payload: string;
  headers: string;
}

export interface SettledLetter {
  id: string;
  ok: boolean;
  reason: string | undefined;
}

export interface StoreRequest {
  key: PipelineKey;
  epoch: bigint;
  leaseMs: number;
  inbox: string;
  rows: readonly InboxRow[];
  dead: readonly InboxDeadLetter[];
  settled: readonly SettledLetter[];
}

/** Member of a dead letter's payload that holds what arrived, in base64. */
export const RAW_KEY = "_raw";

const STORE = "select stored from tide.relay_store($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const DUE =
  "select id, dedup_key, coalesce(subject, ''), payload, headers from tide.relay_due_dead_letters($1, 'reverse', $2)";

/** The ids that were new; undefined when the epoch is old and nothing was stored. Throws ServerError. */
export async function storeInInbox(session: Session, request: StoreRequest): Promise<Set<string> | undefined> {
  try {
    return await store(session, request);
  } catch (error) {
    if (error instanceof ServerError && error.sqlstate === "42501") throw withGrant(error, session, request.inbox);
    throw error;
  }
}

/** Each inbox lets roles in by itself, so a relay's role that is right otherwise lacks this one. */
function withGrant(error: ServerError, { target: { user } }: Session, inbox: string): ServerError {
  const grant = `select tide.inbox_grant_deliver(${literal(inbox)}, ${literal(user)});`;
  return new ServerError({ ...error, message: `${error.message}; grant it with ${grant}` });
}

async function store(session: Session, request: StoreRequest): Promise<Set<string> | undefined> {
  const { key, epoch, leaseMs, inbox } = request;
  const [row] = await session.rows(STORE, [
    key.group,
    key.tenant,
    key.pipeline,
    String(epoch),
    String(leaseMs),
    inbox,
    `[${request.rows.map(rowJson).join(",")}]`,
    request.dead.length === 0 ? null : `[${request.dead.map(letterJson).join(",")}]`,
    request.settled.length === 0 ? null : JSON.stringify(request.settled.map(settledFields)),
  ]);
  return row === undefined ? undefined : new Set<string>(JSON.parse(row[0] ?? "[]"));
}

export async function dueInboxLetters(session: Session, pipeline: string, limit: number): Promise<DueInboxLetter[]> {
  const rows = await session.rows(DUE, [pipeline, String(limit)]);
  return rows.map(([id, eventId, subject, payload, headers]) => ({
    id: id ?? "",
    eventId: eventId ?? "",
    subject: subject ?? "",
    payload: payload ?? "null",
    headers: headers ?? "{}",
  }));
}

/** The payload goes in as it stands: it is JSON already, and reading it here would change its numbers. */
function rowJson({ eventId, source, payload, headers }: InboxRow): string {
  return `{"event_id":${text(eventId)},"source":${text(source)},"payload":${payload},"headers":${text(headers)}}`;
}

function letterJson({ eventId, subject, payload, headers, sourceType, kind, reason }: InboxDeadLetter): string {
  const fields = text({ dedup_key: eventId, subject, headers, source_name: sourceType, error_kind: kind });
  return `${fields.slice(0, -1)},"sink_name":"inbox","error_message":${text(reason)},"payload":${payload}}`;
}

function settledFields({ id, ok, reason }: SettledLetter) {
  return { id, ok, error_message: reason ?? null };
}

function text(value: unknown): string {
  return JSON.stringify(value);
}
