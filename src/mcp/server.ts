/**
 * The operations as MCP tools, over stdin and stdout.
 *
 * A tool is an operation: its schemas are the tool's, its output is the structured content. Started plainly the server
 * offers what only reads; `--allow-write` adds the rest, and a tool that can lose data also wants `confirm: true`, so
 * that an assistant says in its call what a person at a terminal would be asked. Nothing but protocol goes to stdout,
 * and everything that leaves is scrubbed.
 */
import { Readable } from "node:stream";
import { McpServer, type ServerContext } from "@modelcontextprotocol/server";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { z } from "zod";
import { systemClock } from "../base/clock.ts";
import { messageOf, PgkeepError } from "../base/errors.ts";
import type { Operation, OperationContext, ProgressEvent } from "../base/operation.ts";
import { scrub, scrubDeep } from "../base/secrets.ts";
import { captureEnvironment } from "../config/environment.ts";
import { loadOperation, operationNames, runOperation } from "../operations/call.ts";
import { isRecord, messageLines } from "./json-rpc.ts";

export interface ServeOptions {
  version: string;
  allowWrite: boolean;
}

/** Serves until stdin ends. Returns the exit status. */
export async function serve({ version, allowWrite }: ServeOptions): Promise<number> {
  const environment = captureEnvironment();
  const operations = await offeredOperations(allowWrite);
  const input = Readable.from(messageLines(process.stdin, writeLine));
  const ended = untilInputEnds(input);
  const handle = serveStdio(
    () => {
      const server = new McpServer({ name: "pgkeep", version });
      for (const operation of operations) registerTool(server, operation, environment);
      return server;
    },
    { transport: new StdioServerTransport(input) },
  );
  const status = await ended;
  await handle.close();
  return status;
}

/** The operations that name this surface, without those that change anything unless `allowWrite`. */
export async function offeredOperations(allowWrite: boolean): Promise<Operation[]> {
  const all = await Promise.all(operationNames().map(loadOperation));
  return all.filter(({ surfaces, effects }) => surfaces.includes("mcp") && (allowWrite || effects === "read"));
}

const writeLine = (line: string): void => void process.stdout.write(`${line}\n`);

/** 0 when the client closes the pipe, 130 on a signal. */
function untilInputEnds(input: Readable): Promise<number> {
  return new Promise((resolve) => {
    input.once("end", () => resolve(0));
    input.once("close", () => resolve(0));
    process.stdout.once("error", () => resolve(0));
    process.once("SIGINT", () => resolve(130));
    process.once("SIGTERM", () => resolve(130));
  });
}

/** "audit.run" is the tool "audit_run". */
export const toolName = (operation: string): string => operation.replaceAll(".", "_");

function registerTool(server: McpServer, operation: Operation, environment: OperationContext["environment"]): void {
  const { name, summary, description, effects } = operation;
  server.registerTool(
    toolName(name),
    {
      title: summary,
      description: description === undefined ? summary : `${summary}. ${description}`,
      inputSchema: toolInput(operation),
      outputSchema: operation.output(z),
      annotations: {
        readOnlyHint: effects === "read",
        destructiveHint: effects === "destructive",
        openWorldHint: false,
      },
    },
    (input: unknown, context: ServerContext) => answer(operation, input, operationContext(environment, context)),
  );
}

/** The operation's input, with `confirm` for what can lose data. */
function toolInput(operation: Operation): z.ZodObject {
  const input = operation.input(z);
  if (operation.effects !== "destructive") return input;
  const confirm = z.literal(true).meta({ description: "true, to say that losing what this replaces is meant" });
  return input.extend({ confirm });
}

interface ToolAnswer {
  [key: string]: unknown;
  content: { type: "text"; text: string }[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
}

async function answer(operation: Operation, input: unknown, context: OperationContext): Promise<ToolAnswer> {
  try {
    const output: unknown = await runOperation(operation, withoutConfirm(input), context);
    const safe: unknown = scrubDeep(output);
    return {
      content: [{ type: "text", text: JSON.stringify(safe, null, 2) }],
      ...(isRecord(safe) ? { structuredContent: safe } : {}),
    };
  } catch (error) {
    return failure(error);
  }
}

function withoutConfirm(input: unknown): Record<string, unknown> {
  if (!isRecord(input)) return {};
  const { confirm: _, ...rest } = input;
  return rest;
}

/** The parts of a failure as JSON text. An exception that is no failure of ours is not repeated: it can hold anything. */
function failure(error: unknown): ToolAnswer {
  const known = error instanceof PgkeepError ? error : new PgkeepError("INTERNAL_BUG", "internal error, this is a bug");
  const { code, exit, retryable, parts } = known;
  const { detail, hint, state, sqlstate, where, file, line, column } = parts;
  const document = {
    code,
    message: messageOf(known),
    detail,
    hint,
    state,
    sqlstate,
    where,
    file,
    line,
    column,
    retryable,
    exit_code: exit,
    ...(parts.data ? { data: parts.data } : {}),
  };
  return { isError: true, content: [{ type: "text", text: JSON.stringify(scrubDeep(document), null, 2) }] };
}

function operationContext(environment: OperationContext["environment"], context: ServerContext): OperationContext {
  return {
    environment,
    workingDirectory: process.cwd(),
    clock: systemClock,
    signal: context.mcpReq.signal,
    report: progressReporter(context),
    recordsRuns: true,
  };
}

/** Sends each event to a client that asked for progress; a client that went away is no reason to fail. */
function progressReporter(context: ServerContext): (event: ProgressEvent) => void {
  const progressToken = context.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => undefined;
  let progress = 0;
  return (event) => {
    progress += 1;
    const params = { progressToken, progress, message: scrub(progressText(event)) };
    context.mcpReq.notify({ method: "notifications/progress", params }).catch(() => undefined);
  };
}

function progressText({ type, ...fields }: ProgressEvent): string {
  const shown = Object.entries(fields).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [type, ...shown].join(" ");
}
