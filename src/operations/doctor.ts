/**
 * Is everything ready: this machine, the configuration, the way to the server, the rights there, the project.
 *
 * Reads only. A question that could not be asked is answered "unknown" with what would answer it, never left out.
 */
import { resolve } from "node:path";
import { EXIT, PgkeepError } from "../base/errors.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { settingsFields } from "../config/input.ts";
import { loadSettings, type Settings } from "../config/settings.ts";
import { maxFileBytesOf, scanProject } from "../deploy/project/scan.ts";
import { wantsEmbedded } from "../deploy/run/offline.ts";
import { type ConnectionRequest, connectionFields } from "../pg/connect/input.ts";
import { resolveConnection } from "../pg/connect/resolve.ts";
import { embeddedConnection } from "../pg/embedded/running-server.ts";
import type { ConnectionSettings, Session } from "../pg/session.ts";
import { type Check, checksOf } from "./doctor/check.ts";
import { reachServer } from "./doctor/connection.ts";
import { checkServer } from "./doctor/server.ts";

export default defineOperation({
  name: "doctor",
  summary: "Check this machine, the configuration, the connection, the rights and the project",
  description:
    "Asks one question after the other and says for each what was found and what to do. Changes nothing. With a path it " +
    "also reads that project and its configuration. Ends with 20 when something has to be repaired, with 11 when the " +
    "server could not be reached.",
  effects: "read",
  surfaces: ["cli", "library", "mcp"],
  cli: {
    command: "doctor",
    positionals: ["path?"],
    list: "checks",
    exitCodes: [11, 20],
    examples: [
      { line: "pgkeep doctor -d shop", does: "check the connection to database shop" },
      { line: "pgkeep doctor ./shop", does: "with the project's own configuration" },
    ],
  },
  input: (z) =>
    z.strictObject({
      path: z.string().optional().meta({ description: "Directory of a project" }),
      ...connectionFields(z),
      ...settingsFields(z),
    }),
  output: (z) =>
    z.strictObject({
      checks: z.array(
        z.strictObject({
          section: z.enum(["runtime", "config", "connection", "rights", "server", "project", "relay"]),
          what: z.string(),
          status: z.enum(["ok", "warn", "fail", "unknown"]),
          detail: z.string(),
          fix: z.string().nullable(),
        }),
      ),
      is_connected: z.boolean(),
    }),
  run: async (input, context) => {
    const checks = [...runtimeChecks(), ...(await projectChecks(input.path, context))];
    const server = await serverChecks(input, context);
    // Ended from outside: what was not answered in time says nothing about the server.
    context.signal.throwIfAborted();
    return { checks: [...checks, ...server.checks], is_connected: server.isConnected };
  },
  exitCode: ({ checks, is_connected }) => {
    if (!is_connected && checks.some(({ section, status }) => section === "connection" && status === "fail"))
      return EXIT.connection;
    return checks.some(({ status }) => status === "fail") ? EXIT.findings : EXIT.ok;
  },
});

function runtimeChecks(): Check[] {
  const { ok, fail } = checksOf("runtime");
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNewEnough = major > 20 || (major === 20 && minor >= 19);
  const shown = `Node.js ${process.versions.node} on ${process.platform}/${process.arch}`;
  return [
    isNewEnough ? ok("Node.js", shown) : fail("Node.js", `${shown} is too old`, "Install Node.js 20.19 or newer."),
  ];
}

async function projectChecks(
  path: string | undefined,
  { workingDirectory, environment, signal }: OperationContext,
): Promise<Check[]> {
  const { ok, fail } = checksOf("project");
  if (path === undefined) return [];
  try {
    const project = await scanProject(resolve(workingDirectory, path), {
      signal,
      maxFileBytes: maxFileBytesOf(environment),
    });
    return [ok("project", `deploy.sql and ${project.files.length} more files`)];
  } catch (error) {
    if (!(error instanceof PgkeepError)) throw error;
    return [fail("project", `${error.message} (${error.code})`, error.parts.hint ?? `pgkeep explain ${error.code}`)];
  }
}

interface ServerAnswers {
  checks: Check[];
  isConnected: boolean;
}

interface ServerRequest extends ConnectionRequest {
  path?: string | undefined;
  config?: string | undefined;
  env?: string | undefined;
}

async function serverChecks(input: ServerRequest, context: OperationContext): Promise<ServerAnswers> {
  const checks: Check[] = [];
  try {
    const target = await targetOf(input, context, checks);
    const isConnected = await askServer(target, context, checks);
    return { checks, isConnected };
  } catch (error) {
    if (!(error instanceof PgkeepError) || context.signal.aborted) throw error;
    const { fail, unknown } = checksOf("config");
    checks.push(
      fail("settings", `${error.message} (${error.code})`, error.parts.hint ?? `pgkeep explain ${error.code}`),
    );
    checks.push(unknown("connection", "not tried: the configuration is not complete"));
    return { checks, isConnected: false };
  }
}

interface Target {
  settings: ConnectionSettings;
  isEmbedded: boolean;
}

/** Where the configuration leads; what it says on the way goes into `checks`. */
async function targetOf(input: ServerRequest, context: OperationContext, checks: Check[]): Promise<Target> {
  const { ok, warn } = checksOf("config");
  const note = (message: string): void => {
    checks.push(warn("settings", message));
  };
  const settings = await settingsOf(input, context);
  settings.warnings.forEach(note);
  const files = settings.files.length === 0 ? "no configuration file" : settings.files.join(", ");
  const embedded = wantsEmbedded(input, settings);
  const connection = await resolveConnection(
    { ...input, embedded },
    {
      environment: settings.environment,
      workingDirectory: context.workingDirectory,
      fileSettings: settings.connection,
      embedded: () => embeddedConnection(embeddedDirectory(input, context)),
      warn: note,
      signal: context.signal,
      clock: context.clock,
    },
  );
  const { user, database, hosts } = connection.settings;
  const where = hosts.map(({ host, port }) => `${host}:${port}`).join(",");
  checks.push(ok("settings", files), ok("target", `${user}@${where}/${database}`));
  return { settings: connection.settings, isEmbedded: embedded };
}

/** What the server says of itself goes into `checks`. Returns whether it could be asked. */
async function askServer({ settings, isEmbedded }: Target, context: OperationContext, checks: Check[]) {
  const { checks: reached, session } = await reachServer(settings, context);
  checks.push(...reached);
  if (!session) {
    checks.push(checksOf("rights").unknown("rights", "not asked: there is no connection"));
    return false;
  }
  await using _ = session;
  checks.push(...(await checkServer(session, { clock: context.clock, isEmbedded })));
  checks.push(...(await relayChecks(session, isEmbedded)));
  return true;
}

/** Nothing where there is no relay. */
async function relayChecks(session: Session, isEmbedded: boolean): Promise<Check[]> {
  const { checkRelay } = await import("./relay/doctor.ts");
  const checks = (await checkRelay(session, { isEmbedded })) ?? [];
  return checks.map((check) => ({ section: "relay", ...check }));
}

/** With the flag the server of this directory; otherwise a file of the project asked, and it is the project's. */
function embeddedDirectory(
  { embedded, path }: { embedded?: boolean; path?: string },
  context: OperationContext,
): string {
  return embedded || path === undefined ? context.workingDirectory : resolve(context.workingDirectory, path);
}

function settingsOf({ path, config, env }: ServerRequest, context: OperationContext): Promise<Settings> {
  const { workingDirectory, environment } = context;
  const projectDirectory = path === undefined ? undefined : resolve(workingDirectory, path);
  return loadSettings({ projectDirectory, workingDirectory, environment, config, env, instead: context.settings });
}
