/** The MCP server as assistants meet it: the current client, the one before, and a database behind it. */
import { spawn } from "node:child_process";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as FormerClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as FormerTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { BIN } from "../../support/pgkeep.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";

interface Tool {
  name: string;
  inputSchema: { properties?: Record<string, unknown>; required?: string[] };
  annotations?: { readOnlyHint?: boolean; destructiveHint?: boolean };
}
interface Answer {
  isError?: boolean;
  content: { type: string; text: string }[];
  structuredContent?: Record<string, unknown>;
}
interface Connected extends AsyncDisposable {
  tools(): Promise<Tool[]>;
  call(name: string, input?: Record<string, unknown>, onProgress?: () => void): Promise<Answer>;
}

const start = (words: readonly string[], env: Record<string, string>) => ({
  command: process.execPath,
  args: [BIN, ...words],
  env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", ...env },
});

// Both clients have the same shape here; their types come from two packages that do not know each other.
// biome-ignore lint/suspicious/noExplicitAny: see above.
const connected = (client: any): Connected => ({
  tools: async () => (await client.listTools()).tools,
  call: (name, input = {}, onProgress) =>
    client.constructor === FormerClient
      ? client.callTool({ name, arguments: input }, undefined, { onprogress: onProgress })
      : client.callTool({ name, arguments: input }, { onprogress: onProgress }),
  [Symbol.asyncDispose]: () => client.close(),
});

const CLIENTS: Record<string, (words: readonly string[], env?: Record<string, string>) => Promise<Connected>> = {
  "the current client": async (words, env = {}) => {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StdioClientTransport(start(words, env)));
    return connected(client);
  },
  "the former client": async (words, env = {}) => {
    const client = new FormerClient({ name: "test", version: "1" });
    await client.connect(new FormerTransport(start(words, env)));
    return connected(client);
  },
};

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

describe.each(Object.entries(CLIENTS))("pgkeep serve with %s", (_, connect) => {
  it("[D-18] offers only what reads, unless writing is allowed", async () => {
    await using reading = await connect(["serve"]);
    const tools = await reading.tools();
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(["deploy_plan", "explain", "ai_contract"]));
    for (const { annotations } of tools) expect(annotations?.readOnlyHint).toBe(true);
    await using writing = await connect(["serve", "--allow-write"]);
    const destructive = (await writing.tools()).filter(({ annotations }) => annotations?.destructiveHint);
    expect(destructive.map(({ name }) => name)).toContain("deploy_run");
    for (const { inputSchema } of destructive) expect(inputSchema.required).toContain("confirm");
  });

  it("[D-18] refuses a tool that is not offered", async () => {
    await using client = await connect(["serve"]);
    const outcome = await client.call("deploy_run", { path: "." }).catch((error: Error) => error);
    expect(outcome instanceof Error || outcome.isError).toBe(true);
  });

  it("answers with structured content", async () => {
    await using client = await connect(["serve"]);
    const answer = await client.call("explain", { code: "DEPLOY_LOCKED" });
    expect(answer.structuredContent).toMatchObject({ code: "DEPLOY_LOCKED", exit_code: 15 });
    expect(JSON.parse(answer.content[0]?.text ?? "")).toEqual(answer.structuredContent);
  });

  it("tells a failure as an error of the tool, with its code", async () => {
    await using client = await connect(["serve"]);
    const answer = await client.call("explain", { code: "NOTHING" });
    expect(answer.isError).toBe(true);
    expect(JSON.parse(answer.content[0]?.text ?? "")).toMatchObject({ code: "USAGE_UNKNOWN_NAME", exit_code: 2 });
  });

  it("[D-18] deploys when confirmed, and only then, and tells the steps", async () => {
    using project = temporaryProject({ "deploy.sql": "begin; create table made_by_tool (); commit;" });
    const database = await cluster.createDatabase();
    await using client = await connect(["serve", "--allow-write"]);
    const input = { path: project.path, connection: cluster.url(database), database };
    const unconfirmed = await client.call("deploy_run", input).catch((error: Error) => error);
    expect(unconfirmed instanceof Error || unconfirmed.isError).toBe(true);
    let steps = 0;
    const answer = await client.call("deploy_run", { ...input, confirm: true }, () => steps++);
    expect(answer.structuredContent).toMatchObject({ status: "success", database });
    expect(steps).toBeGreaterThan(2);
    expect(await cluster.sql("select to_regclass('made_by_tool') is not null as made", { database })).toEqual([
      { made: true },
    ]);
  });

  it("[D-02] answers without secrets, and never with the server's environment", async () => {
    await using client = await connect(["serve", "--allow-write"], { PGPASSWORD: "canary-password-env" });
    using project = temporaryProject({ "deploy.sql": "do $$ begin raise exception 'canary-password-env'; end $$;" });
    const database = await cluster.createDatabase();
    const input = { path: project.path, connection: cluster.url(database), database, confirm: true };
    const answer = await client.call("deploy_run", input);
    expect(answer.isError).toBe(true);
    expect(JSON.stringify(answer)).not.toContain("canary-password-env");
    expect(JSON.stringify(answer)).not.toContain(cluster.password);
  });
});

/** Sends lines to a server and returns its answers after it ended. The input ends at once, or with the answer `last`. */
async function converse(
  words: readonly string[],
  messages: readonly (string | Record<string, unknown>)[],
  { last }: { last?: number } = {},
) {
  const { command, args, env } = start(words, {});
  const child = spawn(command, args, { env });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
    if (last !== undefined && text.includes(`"id":${last}`)) child.stdin.end();
  });
  for (const message of messages)
    child.stdin.write(`${typeof message === "string" ? message : JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  if (last === undefined) child.stdin.end();
  const status = await new Promise((resolve) => child.once("close", resolve));
  const answers: Record<string, unknown>[] = text
    .trimEnd()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  return { status, answers };
}

describe("lines that are no messages", () => {
  it("are answered with their codes, and the session goes on", async () => {
    const client = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    const { status, answers } = await converse(
      ["serve"],
      [
        "{not json",
        "",
        { id: 1, method: "initialize", params: client },
        { method: "notifications/initialized" },
        { id: null, method: "ping" },
        '{"id":9,"method":"ping"}',
        "[]",
        `"${"x".repeat(17 * 1024 * 1024)}"`,
        { id: 2, method: "ping" },
      ],
      { last: 2 },
    );
    expect(status).toBe(0);
    expect(answers.filter(({ id }) => id !== null)).toMatchObject([
      { id: 1, result: { capabilities: { tools: {} } } },
      { id: 2, result: {} },
    ]);
    const codes = answers.filter(({ id }) => id === null).map(({ error }) => Reflect.get(Object(error), "code"));
    expect(codes).toEqual([-32_700, -32_600, -32_600, -32_600, -32_700]);
  });

  it("leave a server that a signal ends at once, its input still open", async () => {
    const { command, args, env } = start(["serve"], {});
    const child = spawn(command, args, { env });
    const ended = new Promise((resolve) => child.once("close", resolve));
    const answered = new Promise((resolve) => child.stdout.once("data", resolve));
    child.stdin.write("{not json\n");
    await answered;
    child.kill("SIGTERM");
    expect(await ended).toBe(130);
  });
});

describe("pgmi serve", () => {
  it.each([
    ["2025-06-18", "2025-06-18"],
    ["2025-03-26", "2025-03-26"],
    ["2024-11-05", "2024-11-05"],
    ["2031-01-01", "2025-06-18"],
  ])("[TL-11] answers version %s with %s", async (asked, answered) => {
    const initialize = { id: 1, method: "initialize", params: { protocolVersion: asked } };
    const { status, answers } = await converse(["pgmi", "serve"], [initialize]);
    expect(status).toBe(0);
    expect(answers).toMatchObject([{ id: 1, result: { protocolVersion: answered, capabilities: { tools: {} } } }]);
  });

  it("[TL-11] tells protocol mistakes by their codes and goes on", async () => {
    const { answers } = await converse(
      ["pgmi", "serve"],
      [
        { id: 1, method: "initialize", params: {} },
        "{not json",
        { id: 2, method: "tools/call", params: { name: "nothing" } },
        { id: 3, method: "resources/list" },
        { method: "notifications/initialized" },
        { id: 4, method: "ping" },
      ],
    );
    const codes = new Map(answers.map(({ id, error }) => [id, Reflect.get(Object(error), "code")]));
    expect(codes).toEqual(
      new Map([
        [1, -32_602],
        [null, -32_700],
        [2, -32_602],
        [3, -32_601],
        [4, undefined],
      ]),
    );
    expect(answers.find(({ id }) => id === 4)).toMatchObject({ result: {} });
  });

  it("[TL-11] lists the reference's tools in alphabetical order", async () => {
    const { answers } = await converse(["pgmi", "serve"], [{ id: 1, method: "tools/list" }]);
    const { tools } = Object(answers[0]?.result);
    const names = tools.map(({ name }: Tool) => name);
    expect(names).toEqual([
      "ai_contract",
      "ai_overview",
      "ai_skill",
      "ai_skills",
      "deploy",
      "init",
      "metadata_plan",
      "metadata_validate",
      "templates_list",
    ]);
    for (const { outputSchema } of tools)
      if (outputSchema) expect(outputSchema).toMatchObject({ type: "object", anyOf: [{}, {}] });
  });

  it.each(Object.entries(CLIENTS))("[TL-12] serves %s: read, init, plan, validate, deploy", async (_, connect) => {
    await using client = await connect(["pgmi", "serve"]);
    using folder = temporaryDirectory();
    const path = folder.at("shop");
    const database = await cluster.createDatabase();
    expect((await client.call("ai_overview")).content[0]?.text).toContain("deploy.sql");
    expect((await client.call("templates_list")).structuredContent).toBeDefined();
    expect((await client.call("init", { path })).isError).toBeUndefined();
    expect((await client.call("metadata_plan", { path })).structuredContent).toHaveProperty("plan");
    expect((await client.call("metadata_validate", { path })).structuredContent).toMatchObject({
      validation_passed: true,
    });
    const deployed = await client.call("deploy", { path, connection: cluster.url(database), database });
    expect(deployed.structuredContent).toMatchObject({ status: "success", database });
    expect(Object.keys(deployed.structuredContent ?? {})).toEqual(
      expect.arrayContaining(["filesLoaded", "testMacros", "durationMs", "notices"]),
    );
  });

  it("[TL-12, D-18] tells a failing deploy with its place, and needs the name to overwrite", async () => {
    await using client = await CLIENTS["the current client"]?.(["pgmi", "serve"]);
    using project = temporaryProject({ "deploy.sql": "select 1;\nselect nothing_like_it;" });
    const database = await cluster.createDatabase();
    const input = { path: project.path, connection: cluster.url(database), database };
    const failed = await client?.call("deploy", input);
    expect(failed).toMatchObject({
      isError: true,
      structuredContent: { exitCode: 13, sqlstate: "42703", script: "deploy.sql", line: 2, column: 8 },
    });
    const overwrite = await client?.call("deploy", { ...input, overwrite: true, confirmDatabaseName: "other" });
    expect(overwrite).toMatchObject({ isError: true, structuredContent: { exitCode: 12 } });
  });

  it("[TL-12] takes its target from the call alone, not from the project's configuration", async () => {
    await using client = await CLIENTS["the current client"]?.(["pgmi", "serve"]);
    using project = temporaryProject({
      "pgmi.yaml": "connection:\n  host: 192.0.2.1\nparams:\n  a: from-yaml\n",
      "deploy.sql":
        "do $$ begin if current_setting('pgmi.a', true) is not null then raise exception 'read'; end if; end $$;",
    });
    const database = await cluster.createDatabase();
    const answer = await client?.call("deploy", { path: project.path, connection: cluster.url(database), database });
    expect(answer?.structuredContent).toMatchObject({ status: "success" });
  });
});
