/**
 * The outboxes, inboxes and pipelines of a database as an AsyncAPI 3.0 document, and whether a document that
 * somebody keeps still tells the truth.
 *
 * Names and kinds only: no configuration, so no address and no secret, gets into a document that is made to be passed on.
 */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Session } from "../../pg/session.ts";
import { jsonText } from "../output.ts";
import { type Answer, failed, jsonRows, lines, TideFailure, textValue, type Work, withSession } from "./work.ts";

/** 16 MiB: a document of tens of thousands of channels. */
const MAX_BYTES = 16 * 1024 * 1024;
/** What the document has and the database has not. */
const DRIFT = 1;
/** What the database has and the document has not. */
const UNDOCUMENTED = 2;

const BOXES = `
  select 'outbox' as kind, o.outbox_name as name from tide.tide_outbox_config as o
   union all
  select 'inbox', i.inbox_name from tide.tide_inbox_config as i
   order by 1 desc, 2`;
const PIPELINES = `
  select 'send' as action, c.name, c.config ->> 'sink_type' as peer, 'outbox' as kind, c.config #>> '{source,outbox}' as box
    from tide.relay_outbox_config as c
   union all
  select 'receive', c.name, c.config ->> 'source_type', 'inbox', c.config #>> '{sink,inbox}' from tide.relay_inbox_config as c
   order by 1 desc, 2`;

const MESSAGE = { $ref: "#/components/messages/event" };

export async function asyncapiExport(work: Work): Promise<Answer> {
  return await withSession(work, async (session) => {
    const document = await documentOf(session);
    return { ok: true, data: document, text: `${jsonText(document, 2)}\n` };
  });
}

interface Document {
  channels: Record<string, unknown>;
  operations: Record<string, unknown>;
}

async function documentOf(session: Session): Promise<Document & Record<string, unknown>> {
  const boxes = await jsonRows(session, BOXES);
  const pipelines = await jsonRows(session, PIPELINES);
  const channels = boxes.map(({ kind, name }) => {
    const channel = { address: name, title: `${kind} ${name}`, messages: { event: MESSAGE } };
    return [`${kind}.${name}`, channel] as const;
  });
  const operations = pipelines.map(({ action, name, peer, kind, box }) => {
    const channel = { $ref: `#/channels/${pointerOf(`${kind}.${box}`)}` };
    return [`${action}.${name}`, { action, channel, title: `${action} by ${peer}` }] as const;
  });
  return {
    asyncapi: "3.0.0",
    info: { title: `Events of database ${session.target.database}`, version: "1" },
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(operations),
    components: { messages: { event: { contentType: "application/json", headers: { type: "object" }, payload: {} } } },
  };
}

/** A name in a JSON pointer (RFC 6901). */
const pointerOf = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** Ends with 0 when the document tells what there is, 1 when it tells of what is not there, 2 when something is missing in it. */
export async function asyncapiValidate(work: Work): Promise<Answer> {
  const given = await readDocument(work);
  const actual = await withSession(work, documentOf);
  const drift = [
    ...lacking("channel", given.channels, actual.channels),
    ...lacking("operation", given.operations, actual.operations),
  ];
  const undocumented = [
    ...lacking("channel", actual.channels, given.channels),
    ...lacking("operation", actual.operations, given.operations),
  ];
  const data = { drift, undocumented };
  if (drift.length + undocumented.length === 0) return { ok: true, data, text: "the document tells what there is\n" };
  const rows = [
    ...drift.map((what) => ({ what, problem: "documented, and not there or not so" })),
    ...undocumented.map((what) => ({ what, problem: "there, and not documented" })),
  ];
  return {
    ok: false,
    data,
    text: lines(rows),
    error: failed("PGTIDE_INVALID_ARGUMENT", "the document does not tell what there is"),
    exitCode: drift.length > 0 ? DRIFT : UNDOCUMENTED,
  };
}

/** What `one` has and `other` has not; an operation on another channel is another one. */
function lacking(what: string, one: Record<string, unknown>, other: Record<string, unknown>): string[] {
  const same = (name: string): boolean =>
    Object.hasOwn(other, name) && (what === "channel" || channelOf(one[name]) === channelOf(other[name]));
  return Object.keys(one).flatMap((name) => (same(name) ? [] : [`${what} ${name}`]));
}

const channelOf = (operation: unknown): unknown => recordOf(recordOf(operation).channel).$ref;

async function readDocument({ call, context }: Work): Promise<Document> {
  const path = resolve(context.workingDirectory, textValue(call, "file") ?? "");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    throw new TideFailure(
      "PGTIDE_INVALID_ARGUMENT",
      "the document cannot be read",
      "Give --file DOCUMENT, JSON or YAML.",
    );
  }
  const { parse } = await import("yaml");
  let document: unknown;
  try {
    document = text.length > MAX_BYTES ? undefined : parse(text, { maxAliasCount: 100 });
  } catch {
    document = undefined;
  }
  const { asyncapi, channels, operations } = recordOf(document);
  if (typeof asyncapi !== "string" || !asyncapi.startsWith("3.")) {
    const hint = "pg-tide asyncapi export makes one.";
    throw new TideFailure("PGTIDE_INVALID_ARGUMENT", "the document is no AsyncAPI 3 document", hint);
  }
  return { channels: recordOf(channels), operations: recordOf(operations) };
}

const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
