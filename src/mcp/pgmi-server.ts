/**
 * pgmi's MCP server: its tools, their arguments and answers, and its session rules, over our operations.
 *
 * Existing assistants' settings start it by name, so versions, error codes and result shapes are the reference's. Each
 * call stands alone: neither this process's environment nor a project's configuration files choose what it deploys.
 */
import { systemClock } from "../base/clock.ts";
import { PgkeepError } from "../base/errors.ts";
import type { OperationContext } from "../base/operation.ts";
import { scrub, scrubDeep } from "../base/secrets.ts";
import { captureEnvironment } from "../config/environment.ts";
import { INVALID_PARAMS, isRecord, METHOD_NOT_FOUND, RpcError, serveLines } from "./json-rpc.ts";
import { callTool, listTools } from "./pgmi-tools.ts";

/** Newest first: the first one answers a client that asks for one we do not know. */
const PROTOCOL_VERSIONS = ["2025-06-18", "2025-03-26", "2024-11-05"];

/** Serves until stdin ends. Returns the exit status. */
export async function servePgmi(version: string): Promise<number> {
  captureEnvironment();
  const stop = new AbortController();
  const interrupted = new Promise<number>((resolve) => {
    const end = (): void => {
      stop.abort();
      resolve(130);
    };
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
  });
  const handle = requestHandler(version, callContext(stop.signal));
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  process.stdout.on("error", () => stop.abort());
  return await Promise.race([interrupted, serveLines(process.stdin, handle, write).then(() => 0)]);
}

function callContext(signal: AbortSignal): OperationContext {
  return {
    environment: {},
    settings: {},
    workingDirectory: process.cwd(),
    clock: systemClock,
    signal,
    report: () => undefined,
  };
}

/** Answers of one server to requests by method. */
export function requestHandler(version: string, context: OperationContext) {
  return async (method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> => {
    switch (method) {
      case "initialize":
        return initialize(version, params);
      case "ping":
        return {};
      case "tools/list":
        return { tools: await listTools() };
      case "tools/call":
        return await call(params, context);
      default:
        throw new RpcError(METHOD_NOT_FOUND, "there is no such method");
    }
  };
}

function initialize(version: string, { protocolVersion }: Readonly<Record<string, unknown>>): unknown {
  if (typeof protocolVersion !== "string") throw new RpcError(INVALID_PARAMS, "initialize needs a protocolVersion");
  return {
    protocolVersion: PROTOCOL_VERSIONS.includes(protocolVersion) ? protocolVersion : PROTOCOL_VERSIONS[0],
    capabilities: { tools: {} },
    serverInfo: { name: "pgmi", version },
  };
}

async function call(params: Readonly<Record<string, unknown>>, context: OperationContext): Promise<unknown> {
  const { name, arguments: given } = params;
  const input = isRecord(given) ? given : {};
  try {
    const { text, structured } = await callTool(String(name), input, context);
    const content = [{ type: "text", text: scrub(text) }];
    return structured === undefined ? { content } : { content, structuredContent: scrubDeep(structured) };
  } catch (error) {
    if (error instanceof RpcError) throw error;
    return failedCall(error);
  }
}

/** A tool that fails answers; only the protocol's own mistakes are protocol errors. */
function failedCall(thrown: unknown): unknown {
  const error = thrown instanceof PgkeepError ? thrown : new PgkeepError("INTERNAL_BUG", "internal error");
  const { detail, hint, where, sqlstate, file, line, column, sourceLine, data } = error.parts;
  const failure = {
    message: error.message,
    exitCode: error.exit,
    ...present({ sqlstate, detail, hint, where, failedFile: file === "deploy.sql" ? undefined : file }),
    ...present({ script: file === "deploy.sql" ? file : undefined, line, column, sourceLine }),
    ...known(data),
  };
  const safe: unknown = scrubDeep(failure);
  return { isError: true, content: [{ type: "text", text: scrub(error.message) }], structuredContent: safe };
}

const present = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ""));

/** Keys of a failed deploy's document that this answer has too. */
function known(data: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const keys = ["failedFile", "script", "line", "column", "sourceLine", "scriptExpanded"];
  return present(Object.fromEntries(keys.map((key) => [key, data[key]])));
}
