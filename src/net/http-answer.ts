/** Answers of the HTTP server, also those to what could not be read as a request. */
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { errorCodeOf } from "../base/errors.ts";

export interface HttpAnswer {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Default: the words of the status, as text. */
  body?: string | Buffer;
  /** Default: "text/plain; charset=utf-8". */
  contentType?: string;
}

/** `closes`: nothing follows on this connection. Does nothing when it was answered, or nobody is there any more. */
export function send(response: ServerResponse, answer: HttpAnswer, closes = false): void {
  if (response.headersSent || response.destroyed) return;
  const body = answer.body ?? `${STATUS_CODES[answer.status] ?? answer.status}\n`;
  const isHead = response.req.method === "HEAD";
  response.writeHead(answer.status, {
    "content-type": answer.contentType ?? "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...answer.headers,
    ...(closes ? { connection: "close" } : {}),
  });
  response.end(isHead ? undefined : body);
}

/** By the parser's code; everything else that it cannot read is a bad request. */
const BROKEN: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export function answerBrokenRequest(error: Error, socket: Duplex): void {
  if (!socket.writable || errorCodeOf(error) === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = BROKEN[errorCodeOf(error) ?? ""] ?? 400;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  setTimeout(() => socket.destroy(), 250).unref();
}
