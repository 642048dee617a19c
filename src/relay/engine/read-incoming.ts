/**
 * Turns what arrived into rows of an inbox, or into a dead letter when it cannot be read.
 *
 * Ids and texts come from strangers: what the database could not hold (NUL, half a character, an id longer than an
 * index takes) is replaced here, so that storing fails only for what is in the payload itself.
 */
import { createHash } from "node:crypto";
import { type Decoded, FormatFailure } from "../formats/format.ts";
import { isRecord } from "../json/kinds.ts";
import type { Incoming } from "../sources/source.ts";
import { type DueInboxLetter, type InboxDeadLetter, type InboxRow, RAW_KEY } from "../store/inbox.ts";

export type Decode = (body: Buffer, subject: string) => readonly Decoded[];
export type ReadIncoming = (event: Incoming) => { rows: InboxRow[] } | { dead: InboxDeadLetter };

/** 512 characters: an index holds an id of about 2,700 bytes. */
const MAX_ID_LENGTH = 512;
const MAX_SUBJECT_LENGTH = 1_000;

export function incomingReader(decode: Decode, sourceType: string): ReadIncoming {
  return (event) => {
    const fallback = event.eventId === undefined ? hashOf(event.body) : storableId(event.eventId);
    const subject = storable(event.subject).slice(0, MAX_SUBJECT_LENGTH);
    const headers = storableHeaders(event.headers);
    try {
      const decoded = decode(event.body, event.subject);
      return { rows: decoded.map((one, index) => rowOf(one, { fallback, index, subject, headers })) };
    } catch (error) {
      if (!(error instanceof FormatFailure)) throw error;
      const payload = JSON.stringify({ [RAW_KEY]: event.body.toString("base64") });
      const reason = error.message;
      return { dead: { eventId: fallback, subject, payload, headers, sourceType, kind: "decode", reason } };
    }
  };
}

/** What a dead letter is when it is tried again: its bytes read anew, or, after an edit, the payload as it stands. */
export function letterReader(decode: Decode, sourceType: string) {
  const read = incomingReader(decode, sourceType);
  return ({ eventId, subject, payload, headers }: DueInboxLetter): ReturnType<ReadIncoming> => {
    const parsed: unknown = JSON.parse(payload);
    const raw = isRecord(parsed) ? parsed[RAW_KEY] : undefined;
    const fields: Record<string, unknown> = JSON.parse(headers);
    if (typeof raw !== "string") return { rows: [{ eventId, source: subject, payload, headers: fields }] };
    const texts = Object.entries(fields).filter((entry): entry is [string, string] => typeof entry[1] === "string");
    return read({ body: Buffer.from(raw, "base64"), eventId, subject, headers: Object.fromEntries(texts) });
  };
}

interface RowContext {
  fallback: string;
  index: number;
  subject: string;
  headers: Readonly<Record<string, unknown>>;
}

function rowOf(decoded: Decoded, { fallback, index, subject, headers }: RowContext): InboxRow {
  const own = decoded.eventId === undefined ? undefined : storableId(decoded.eventId);
  return {
    eventId: own ?? (index === 0 ? fallback : `${fallback}:${index}`),
    source: decoded.subject === undefined ? subject : storable(decoded.subject).slice(0, MAX_SUBJECT_LENGTH),
    payload: decoded.payload,
    headers: { ...headers, ...storableHeaders(decoded.headers) },
  };
}

/** An id as it is; one that cannot be stored by its hash, which is as good for telling two apart. */
function storableId(id: string): string {
  const isPlain = id !== "" && id.length <= MAX_ID_LENGTH && id.isWellFormed() && !id.includes("\0");
  return isPlain ? id : hashOf(Buffer.from(id, "utf8"));
}

function hashOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}

function storableHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      storable(name),
      typeof value === "string" ? storable(value) : value,
    ]),
  );
}
