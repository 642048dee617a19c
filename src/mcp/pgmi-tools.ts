/**
 * The tools of pgmi's MCP server, in alphabetical order: argument schemas, and how each is answered by an operation.
 *
 * A tool whose operation this build does not have is not listed.
 */
import { basename } from "node:path";
import { z } from "zod";
import { PgkeepError } from "../base/errors.ts";
import type { OperationContext } from "../base/operation.ts";
import { loadOperation, operationNames, runOperation } from "../operations/call.ts";
import { parseInput } from "../operations/validate.ts";
import { INVALID_PARAMS, RpcError } from "./json-rpc.ts";

export interface ToolResult {
  text: string;
  structured?: unknown;
}

interface Tool {
  name: string;
  description: string;
  operation: string;
  input: z.ZodObject;
  /** Shape of `structuredContent` on success; absent: text only. */
  output?: z.ZodType;
  answer(input: Readonly<Record<string, unknown>>, context: OperationContext): Promise<ToolResult>;
}

/** 200: what an assistant can read of a run's notices. */
const MAX_NOTICES = 200;

const FAILURE = z.object({
  message: z.string(),
  exitCode: z.int(),
  sqlstate: z.string().optional(),
  detail: z.string().optional(),
  hint: z.string().optional(),
  where: z.string().optional(),
  failedFile: z.string().optional(),
  script: z.string().optional(),
  line: z.int().optional(),
  column: z.int().optional(),
  sourceLine: z.string().optional(),
  scriptExpanded: z.boolean().optional(),
});

const path = z.string().meta({ description: "Directory of the project" });
const anything = z.looseObject({});

const nothing = z.object({});

const TOOLS: readonly Tool[] = [
  structured({
    name: "ai_contract",
    operation: "ai.contract",
    description: "The session interface as JSON",
    input: nothing,
  }),
  text({ name: "ai_overview", operation: "ai.overview", description: "What to know first", input: nothing }),
  text({
    name: "ai_skill",
    operation: "ai.skill",
    description: "One guide by name",
    input: z.object({ name: z.string() }),
  }),
  structured({ name: "ai_skills", operation: "ai.skills", description: "Names of the guides", input: nothing }),
  deployTool(),
  {
    name: "init",
    description: "Create a project from a template",
    operation: "project.init",
    input: z.object({ path, template: z.string().optional(), name: z.string().optional() }),
    output: anything,
    answer: initProject,
  },
  structured({
    name: "metadata_plan",
    operation: "metadata.plan",
    description: "The files of a project in the order they would run",
    input: z.object({ path }),
  }),
  structured({
    name: "metadata_validate",
    operation: "metadata.validate",
    description: "Check the metadata of a project's files",
    input: z.object({ path }),
  }),
  structured({
    name: "templates_list",
    operation: "templates.list",
    description: "The templates that init knows",
    input: nothing,
  }),
];

async function initProject(input: Readonly<Record<string, unknown>>, context: OperationContext): Promise<ToolResult> {
  const { path: directory, template, name } = input;
  if (name !== undefined && name !== basename(String(directory)))
    throw new PgkeepError("CONFIG_VALUE_INVALID", "a project has the name of its directory", {
      hint: "Leave name out, or let path end with it.",
    });
  return both(await run("project.init", { directory, ...(template === undefined ? {} : { template }) }, context));
}

/** A tool that is an operation under pgmi's name. */
type NamedOperation = Pick<Tool, "name" | "operation" | "description" | "input">;

function structured(named: NamedOperation): Tool {
  return {
    ...named,
    output: anything,
    answer: async (given, context) => both(await run(named.operation, given, context)),
  };
}

function text(named: NamedOperation): Tool {
  return {
    ...named,
    answer: async (given, context) => {
      const output = await run(named.operation, given, context);
      return { text: typeof output.text === "string" ? output.text : JSON.stringify(output) };
    },
  };
}

const both = (output: Record<string, unknown>): ToolResult => ({
  text: JSON.stringify(output, null, 2),
  structured: output,
});

async function run(name: string, input: unknown, context: OperationContext): Promise<Record<string, unknown>> {
  const operation = await loadOperation(name);
  const output: unknown = await runOperation(operation, await parseInput(operation, input), context);
  return typeof output === "object" && output !== null ? { ...output } : {};
}

function deployTool(): Tool {
  return {
    name: "deploy",
    description: "Run a project against a database. overwrite drops it first and wants its name repeated.",
    operation: "deploy.run",
    input: z.object({
      path,
      connection: z.string().optional().meta({ description: "Connection string" }),
      database: z.string().meta({ description: "Database to deploy to" }),
      overwrite: z.boolean().optional(),
      confirmDatabaseName: z.string().optional().meta({ description: "The database's name again, for overwrite" }),
      timeout: z.string().optional().meta({ description: "Go duration, default 3m" }),
      maintenanceDatabase: z.string().optional().meta({ description: "For CREATE and DROP DATABASE" }),
      params: z.record(z.string(), z.string()).optional(),
    }),
    output: z.object({
      status: z.string(),
      filesLoaded: z.int(),
      testMacros: z.int(),
      durationMs: z.int(),
      database: z.string(),
      notices: z.array(z.unknown()),
      noticesTruncated: z.boolean().optional(),
    }),
    answer: runDeploy,
  };
}

async function runDeploy(input: Readonly<Record<string, unknown>>, context: OperationContext): Promise<ToolResult> {
  const { path: project, connection, database, overwrite, confirmDatabaseName, timeout, maintenanceDatabase } = input;
  if (overwrite === true && confirmDatabaseName !== database)
    throw new PgkeepError(
      "DEPLOY_OVERWRITE_UNAPPROVED",
      "overwrite needs confirmDatabaseName to repeat the database's name",
    );
  const params = Object.entries(input.params ?? {}).map(([key, value]) => `${key}=${value}`);
  const request = {
    path: project,
    database,
    timeout: timeout ?? "3m",
    param: params,
    ...(connection === undefined ? {} : { connection }),
    ...(overwrite === true ? { overwrite: true, force: true } : {}),
  };
  const settings: Record<string, string> =
    typeof maintenanceDatabase === "string" ? { maintenance_database: maintenanceDatabase } : {};
  const report = await run("deploy.run", request, { ...context, settings });
  const notices = Array.isArray(report.notices) ? report.notices : [];
  const { status, filesLoaded, testMacros, durationMs } = report;
  return both({
    status,
    filesLoaded,
    testMacros,
    durationMs,
    database: report.database,
    notices: notices.slice(-MAX_NOTICES),
    ...(report.noticesTruncated === true || notices.length > MAX_NOTICES ? { noticesTruncated: true } : {}),
  });
}

function offered(): Tool[] {
  const operations = new Set(operationNames());
  return TOOLS.filter(({ operation }) => operations.has(operation));
}

/** The answer to tools/list. */
export async function listTools(): Promise<unknown[]> {
  return offered().map(({ name, description, input, output }) => ({
    name,
    description,
    inputSchema: jsonSchema(input),
    ...(output ? { outputSchema: { type: "object", anyOf: [jsonSchema(output), jsonSchema(FAILURE)] } } : {}),
  }));
}

function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, additionalProperties: __, ...rest } = z.toJSONSchema(schema, { io: "input" });
  return rest;
}

/** Runs one tool. Throws RpcError for a tool that does not exist, PgkeepError for one that fails. */
export async function callTool(
  name: string,
  given: Readonly<Record<string, unknown>>,
  context: OperationContext,
): Promise<ToolResult> {
  const tool = offered().find((each) => each.name === name);
  if (!tool) throw new RpcError(INVALID_PARAMS, "there is no such tool");
  const checked = tool.input.safeParse(given);
  if (checked.success) return await tool.answer(checked.data, context);
  const [issue] = checked.error.issues;
  throw new PgkeepError(
    "CONFIG_VALUE_INVALID",
    `invalid arguments: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
    { hint: "Follow the tool's input schema, as tools/list has it." },
  );
}
