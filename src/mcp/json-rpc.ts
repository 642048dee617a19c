/**
 * JSON-RPC 2.0 over lines: one message in, at most one message out, and a bad line never ends the session.
 *
 * Requests run side by side, so that a ping is answered while a deploy runs; each answer carries its request's id.
 * When the input ends, answers still under way are written before `serveLines` returns.
 */
import type { Readable } from "node:stream";

export type RequestId = string | number;

/** A failure with one of JSON-RPC's codes. Its message is shown to the client. */
export class RpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = "RpcError";
    this.code = code;
  }
}

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;

/** Answers one request; what it throws becomes the error. */
export type RequestHandler = (method: string, params: Readonly<Record<string, unknown>>) => Promise<unknown>;

/** 16 MiB: no message of these tools comes near it, and a line without end must not take all memory. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/** Reads messages until `input` ends; `write` gets each answer as one line without its line break. */
export async function serveLines(
  input: Readable,
  handle: RequestHandler,
  write: (line: string) => void,
): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const line of linesOf(input)) {
    if (line !== undefined && line.trim() === "") continue;
    const answering = answerTo(line, handle).then((answer) => {
      if (answer) write(JSON.stringify(answer));
    });
    running.add(answering);
    void answering.finally(() => running.delete(answering));
  }
  await Promise.all(running);
}

/**
 * The lines of `input` that are messages of JSON-RPC, each with its line break, for a reader that passes over others in
 * silence. What is none is answered through `write`, as `serveLines` does, so that no client waits for it in vain.
 */
export async function* messageLines(input: Readable, write: (line: string) => void): AsyncGenerator<Buffer> {
  for await (const line of linesOf(input)) {
    if (line?.trim() === "") continue;
    const message = parsed(line);
    if (line === undefined || message === undefined) write(JSON.stringify(NOT_JSON));
    else if (isRequest(message) || isResponse(message)) yield Buffer.from(`${line}\n`);
    else write(JSON.stringify(NO_REQUEST));
  }
}

/** Lines of the input; undefined for one that is too long. */
async function* linesOf(input: Readable): AsyncGenerator<string | undefined> {
  let rest = "";
  let tooLong = false;
  input.setEncoding("utf8");
  for await (const chunk of input) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) {
      yield tooLong || part.length > MAX_LINE_CHARACTERS ? undefined : part;
      tooLong = false;
    }
    if (rest.length <= MAX_LINE_CHARACTERS) continue;
    rest = "";
    tooLong = true;
  }
  if (tooLong) yield undefined;
  else if (rest !== "") yield rest;
}

type Answer = { jsonrpc: "2.0"; id: RequestId | null } & (
  | { result: unknown }
  | { error: { code: number; message: string } }
);

async function answerTo(line: string | undefined, handle: RequestHandler): Promise<Answer | undefined> {
  const message = parsed(line);
  if (message === undefined) return NOT_JSON;
  if (!isRequest(message)) return NO_REQUEST;
  const { id, method, params } = message;
  if (id === undefined) return undefined;
  try {
    return { jsonrpc: "2.0", id, result: await handle(method, isRecord(params) ? params : {}) };
  } catch (error) {
    if (error instanceof RpcError) return errorAnswer(id, error.code, error.message);
    return errorAnswer(id, INTERNAL_ERROR, "internal error");
  }
}

function parsed(line: string | undefined): unknown {
  if (line === undefined) return undefined;
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A request, or a notification when it has no id. */
interface Request extends Record<string, unknown> {
  method: string;
  id?: RequestId;
}

const isRequest = (message: unknown): message is Request =>
  isRecord(message) && isVersion2(message) && hasValidId(message) && typeof message.method === "string";

/** What a client says to a request of ours. */
const isResponse = (message: unknown): boolean =>
  isRecord(message) && isVersion2(message) && "id" in message && ("result" in message || "error" in message);

const isVersion2 = ({ jsonrpc }: Record<string, unknown>): boolean => jsonrpc === "2.0";

const hasValidId = (message: Record<string, unknown>): boolean =>
  !("id" in message) || typeof message.id === "string" || typeof message.id === "number";

const errorAnswer = (id: RequestId | null, code: number, message: string): Answer => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

const NOT_JSON = errorAnswer(null, PARSE_ERROR, "this line is not JSON");
const NO_REQUEST = errorAnswer(null, INVALID_REQUEST, "this is not a JSON-RPC 2.0 request");
