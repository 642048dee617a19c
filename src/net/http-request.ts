/** The head of a request as routes see it, and what of it is refused although Node's parser lets it through. */
import type { IncomingMessage } from "node:http";
import type { HttpAnswer } from "./http-answer.ts";

export interface RequestHead {
  /** "GET", "POST": upper case. */
  method: string;
  /** As sent, without the query; begins with "/". */
  path: string;
  /** What follows "?", "" when nothing does. */
  query: string;
  /** Names in lower case; a header that came twice is joined by ", ". */
  headers: Readonly<Record<string, string>>;
  remoteAddress: string;
}

export function headOf(request: IncomingMessage): RequestHead {
  const target = request.url ?? "/";
  const mark = target.indexOf("?");
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return {
    method: request.method ?? "",
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    headers,
    remoteAddress: request.socket.remoteAddress ?? "",
  };
}

/** The refusal of what Node lets through and a server in front may read in another way. */
export function problemOf(request: IncomingMessage, { headerCount }: { headerCount: number }): HttpAnswer | undefined {
  const names = request.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
  if (names.length > headerCount) return { status: 431 };
  for (const name of ["host", "content-length", "transfer-encoding"]) {
    if (names.indexOf(name) !== names.lastIndexOf(name)) return { status: 400 };
  }
  const coding = request.headers["transfer-encoding"];
  if (coding !== undefined && coding.trim().toLowerCase() !== "chunked") return { status: 400 };
  if (coding !== undefined && request.httpVersion !== "1.1") return { status: 400 };
  if (names.includes("content-encoding") && request.headers["content-encoding"] !== "identity") return { status: 415 };
  return request.url?.startsWith("/") ? undefined : { status: 400 };
}
