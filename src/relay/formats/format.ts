/**
 * A wire format: how an event is written for those who read it elsewhere, and read when it comes from there.
 *
 * One file per format, default export `defineFormat({...})`; the file's name is what `wire_format` says ("_" as in SQL).
 * Encoding gets the message after transforms; decoding gives what an inbox row needs.
 */
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";
import type { Message } from "../message.ts";

export interface Encoded {
  /** null: a tombstone. */
  body: string | Buffer | null;
  contentType: string;
  /** Key of the message where the sink has one. */
  key: string;
  /** Additional headers, names in lower case. */
  headers: Readonly<Record<string, string>>;
}

export interface Decoded {
  /** undefined: the event carries none, the runner takes the source's or a hash. */
  eventId: string | undefined;
  /** JSON text. */
  payload: string;
  headers: Readonly<Record<string, unknown>>;
  /** Replaces the source's subject when given. */
  subject: string | undefined;
}

/** An event that cannot be read or written in this format: says what is wrong, without the event. */
export class FormatFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FormatFailure";
  }
}

export interface EncodeContext {
  /** Rendered subject of this message, if its sink has one. */
  subject: string | undefined;
  database: string;
}

export interface FormatDefinition<Options extends Zod.ZodObject = Zod.ZodObject> {
  name: string;
  summary: string;
  /** Shape of `wire_config`: a strict object in which everything has a default. */
  options: (z: ZodNamespace) => Options;
  /** More than one only where the format calls for it (a tombstone after a delete). Throws FormatFailure. */
  encode?(message: Message, options: Zod.output<Options>, context: EncodeContext): readonly Encoded[];
  /** None when the format says that there is nothing to store (DDL, heartbeats). Throws FormatFailure. */
  decode?(body: Buffer, options: Zod.output<Options>, subject: string): readonly Decoded[];
}

export function defineFormat<Options extends Zod.ZodObject>(
  definition: FormatDefinition<Options>,
): FormatDefinition<Options> {
  return definition;
}
