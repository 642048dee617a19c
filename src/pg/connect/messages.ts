/**
 * PostgreSQL's messages, protocol 3.0: bytes to values and values to bytes.
 *
 * The driver's reader is not used for this: it loops for ever on an error message that lacks its end, and it holds
 * whole messages in memory. Here every read is bounded by the message it is in, and a message that is not as documented
 * is a CONNECT_PROTOCOL failure.
 *
 * Source: PostgreSQL 18 manual, chapter 54, "Message Formats" and "Error and Notice Message Fields".
 */
import { PgkeepError } from "../../base/errors.ts";
import type { ArrayRow, Notification, ServerErrorFields, ServerNotice, TextRow } from "../session.ts";
import { MAX_REPORT_BYTES } from "./frames.ts";

/** Types of messages from the server. */
export const FROM_SERVER = {
  authentication: 0x52, // R
  parameterStatus: 0x53, // S
  backendKey: 0x4b, // K
  ready: 0x5a, // Z
  error: 0x45, // E
  notice: 0x4e, // N
  rowDescription: 0x54, // T
  dataRow: 0x44, // D
  commandComplete: 0x43, // C
  emptyQuery: 0x49, // I
  copyIn: 0x47, // G
  copyOut: 0x48, // H
  copyBoth: 0x57, // W
  copyData: 0x64, // d
  copyDone: 0x63, // c
  notification: 0x41, // A
  negotiateVersion: 0x76, // v
  parseComplete: 0x31,
  bindComplete: 0x32,
  noData: 0x6e, // n
} as const;

/** A cursor over one message's body. */
export class MessageReader {
  readonly #body: Buffer;
  #offset = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  get remaining(): number {
    return this.#body.length - this.#offset;
  }

  byte(): number {
    return this.bytes(1).readUInt8(0);
  }

  int16(): number {
    return this.bytes(2).readInt16BE(0);
  }

  int32(): number {
    return this.bytes(4).readInt32BE(0);
  }

  bytes(count: number): Buffer {
    if (count < 0 || count > this.remaining) throw malformed();
    const start = this.#offset;
    this.#offset += count;
    return this.#body.subarray(start, this.#offset);
  }

  text(count: number): string {
    return this.bytes(count).toString("utf8");
  }

  /** Text up to a NUL. */
  cstring(): string {
    const end = this.#body.indexOf(0, this.#offset);
    if (end === -1) throw malformed();
    const text = this.#body.toString("utf8", this.#offset, end);
    this.#offset = end + 1;
    return text;
  }
}

function malformed(): PgkeepError {
  return new PgkeepError("CONNECT_PROTOCOL", "the server sent a message that is not as the protocol documents it", {
    hint: "Check that host and port name a PostgreSQL server, and no proxy changes the traffic.",
  });
}

/** 128 bytes: a secret at the end of a text that was cut short may be cut itself, and then nobody recognises it. */
const BLURRED_BYTES = 128;

/** Fields of an error or notice by their one-letter code. A text that was cut short ends a little before the cut. */
function reportFields(body: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  const blurred = body.length < MAX_REPORT_BYTES ? 0 : BLURRED_BYTES;
  let offset = 0;
  while (offset < body.length && body[offset] !== 0) {
    const code = String.fromCharCode(body[offset] ?? 0);
    const end = body.indexOf(0, offset + 1);
    const stop = end === -1 ? Math.max(offset + 1, body.length - blurred) : end;
    fields.set(code, body.toString("utf8", offset + 1, stop));
    offset = end === -1 ? body.length : end + 1;
  }
  return fields;
}

/** An ErrorResponse. Position fields count characters. */
export function decodeError(body: Buffer): ServerErrorFields {
  const fields = reportFields(body);
  const number = (code: string) => (fields.has(code) ? Number(fields.get(code)) : undefined);
  return {
    message: fields.get("M") ?? "",
    severity: severityOf(fields, "ERROR"),
    sqlstate: stateOf(fields),
    detail: fields.get("D"),
    hint: fields.get("H"),
    where: fields.get("W"),
    position: number("P"),
    internalPosition: number("p"),
    internalQuery: fields.get("q"),
    objects: objectNames(fields),
  };
}

/** Five letters and digits, or nothing: the state is printed and compared, so it is never free text. */
function stateOf(fields: Map<string, string>): string {
  const state = fields.get("C") ?? "";
  return /^[0-9A-Z]{5}$/.test(state) ? state : "";
}

function severityOf(fields: Map<string, string>, otherwise: string): string {
  const severity = fields.get("V") ?? fields.get("S") ?? "";
  return /^[A-Z]{1,20}[0-9]?$/.test(severity) ? severity : otherwise;
}

function objectNames(fields: Map<string, string>): NonNullable<ServerErrorFields["objects"]> {
  const named = [
    ["schema", "s"],
    ["table", "t"],
    ["column", "c"],
    ["dataType", "d"],
    ["constraint", "n"],
  ] as const;
  return Object.fromEntries(named.flatMap(([name, code]) => (fields.has(code) ? [[name, fields.get(code)]] : [])));
}

export function decodeNotice(body: Buffer): ServerNotice {
  const fields = reportFields(body);
  return {
    severity: severityOf(fields, "NOTICE"),
    code: stateOf(fields),
    message: fields.get("M") ?? "",
    detail: fields.get("D"),
    hint: fields.get("H"),
    where: fields.get("W"),
    routine: fields.get("R"),
  };
}

/** Column names of a RowDescription. */
export function decodeColumns(body: Buffer): string[] {
  const reader = new MessageReader(body);
  const count = reader.int16();
  return Array.from({ length: Math.max(count, 0) }, () => {
    const name = reader.cstring();
    reader.bytes(18); // table, column, type, size, modifier, format: not needed, values stay text
    return name;
  });
}

/** Values of a DataRow by column name; of two columns with one name the last counts. */
export function decodeRow(body: Buffer, columns: readonly string[]): TextRow {
  const reader = new MessageReader(body);
  const count = reader.int16();
  if (count !== columns.length) throw malformed();
  const row: Record<string, string | null> = Object.create(null);
  for (const column of columns) {
    const length = reader.int32();
    row[column] = length === -1 ? null : reader.text(length);
  }
  return row;
}

/** Values of a DataRow by place. Checks bounds itself, because it is the inner loop of reading events. */
export function decodeArrayRow(body: Buffer): ArrayRow {
  if (body.length < 2) throw malformed();
  const count = body.readUInt16BE(0);
  const row = new Array<string | null>(count);
  let offset = 2;
  for (let column = 0; column < count; column++) {
    if (offset + 4 > body.length) throw malformed();
    const length = body.readInt32BE(offset);
    offset += 4;
    if (length === -1) {
      row[column] = null;
      continue;
    }
    const end = offset + length;
    if (length < 0 || end > body.length) throw malformed();
    row[column] = body.toString("utf8", offset, end);
    offset = end;
  }
  return row;
}

export function decodeNotification(body: Buffer): Notification {
  const reader = new MessageReader(body);
  return { processId: reader.int32(), channel: reader.cstring(), payload: reader.cstring() };
}

function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const header = Buffer.alloc(5);
  header.write(type, 0, "latin1");
  header.writeInt32BE(length, 1);
  return Buffer.concat([header, ...parts]);
}

function cstring(text: string): Buffer {
  // A NUL would end the text early and turn the rest into something else: never send one.
  if (text.includes("\0")) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "a text for the server holds a NUL character", {
      hint: "Remove the NUL character from the connection's settings or the SQL.",
    });
  }
  return Buffer.from(`${text}\0`, "utf8");
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

/** Messages to the server. */
export const toServer = {
  sslRequest: () => Buffer.concat([int32(8), int32(80877103)]),

  startup: (parameters: Readonly<Record<string, string>>): Buffer => {
    const pairs = Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)]);
    const body = Buffer.concat([int32(3 << 16), ...pairs, Buffer.from([0])]);
    return Buffer.concat([int32(body.length + 4), body]);
  },

  cancel: (processId: number, secretKey: Buffer): Buffer =>
    Buffer.concat([int32(12 + secretKey.length), int32(80877102), int32(processId), secretKey]),

  password: (text: string) => message("p", cstring(text)),

  saslInitial: (mechanism: string, response: string): Buffer => {
    const bytes = Buffer.from(response, "utf8");
    return message("p", cstring(mechanism), int32(bytes.length), bytes);
  },

  saslResponse: (response: string) => message("p", Buffer.from(response, "utf8")),

  query: (text: string) => message("Q", cstring(text)),

  /** One statement with text values: parse, bind, describe, execute, sync, all unnamed. */
  extendedQuery: (text: string, values: readonly (string | null)[]): Buffer =>
    Buffer.concat([toServer.parse("", text), toServer.execute("", values)]),

  parse: (statement: string, text: string): Buffer => message("P", cstring(statement), cstring(text), int16(0)),

  /** Runs a parsed statement with text values: bind, describe, execute, sync. */
  execute: (statement: string, values: readonly (string | null)[]): Buffer => {
    const bound = values.flatMap((value) => {
      if (value === null) return [int32(-1)];
      const bytes = Buffer.from(value, "utf8");
      return [int32(bytes.length), bytes];
    });
    return Buffer.concat([
      message("B", cstring(""), cstring(statement), int16(0), int16(values.length), ...bound, int16(0)),
      message("D", Buffer.from("P\0")),
      message("E", cstring(""), int32(0)),
      message("S"),
    ]);
  },

  /** Header of a CopyData message; its bytes follow, uncopied. */
  copyDataHeader: (bytes: number) => Buffer.concat([Buffer.from("d"), int32(bytes + 4)]),
  copyDone: () => message("c"),
  copyFail: (reason: string) => message("f", cstring(reason)),
  sync: () => message("S"),
  terminate: () => message("X"),
};
