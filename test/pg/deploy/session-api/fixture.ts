/** Sessions and projects for the tests of the session API: made in memory, prepared on a real server. */
import { createHash } from "node:crypto";
import { systemClock } from "../../../../src/base/clock.ts";
import { Secret } from "../../../../src/base/secrets.ts";
import type { Project, ProjectFile, TestDirectory } from "../../../../src/deploy/project/project.ts";
import { findMacros } from "../../../../src/deploy/script/macros.ts";
import { MarkerLog } from "../../../../src/deploy/session/markers.ts";
import { type Prepared, type PrepareInput, prepareSession } from "../../../../src/deploy/session/prepare.ts";
import { openSession } from "../../../../src/pg/connect/open.ts";
import type { ServerNotice, Session } from "../../../../src/pg/session.ts";
import type { TestCluster } from "../../../support/cluster.ts";

export interface Login {
  database?: string;
  user?: string;
  password?: string;
}

export async function connectTo(cluster: TestCluster, { database = "postgres", user, password }: Login = {}) {
  const notices: ServerNotice[] = [];
  const secret = new Secret(password ?? cluster.password);
  const session = await openSession(
    {
      hosts: [{ host: cluster.host, port: cluster.port }],
      user: user ?? cluster.superuser,
      database,
      password: async () => secret,
      sslMode: "disable",
      sslNegotiation: "postgres",
      tlsFiles: {},
      tlsKeyPassphrase: undefined,
      channelBinding: "prefer",
      requireAuth: undefined,
      targetSessionAttrs: "any",
      connectTimeoutMs: 10_000,
      applicationName: "pgkeep",
      serverSettings: {},
      loadBalanceHosts: false,
    },
    {
      signal: new AbortController().signal,
      clock: systemClock,
      onNotice: (notice) => notices.push(notice),
    },
  );
  return { session, notices };
}

export function fileOf(path: string, content: string, metadata?: ProjectFile["metadata"]): ProjectFile {
  return {
    path,
    content,
    sizeBytes: Buffer.byteLength(content),
    checksum: createHash("sha256").update(content).digest("hex"),
    // The preparation takes it as it comes; that it is right is the project reader's promise.
    normalizedChecksum: createHash("sha256").update(`normalized ${content}`).digest("hex"),
    isSql: /\.(sql|ddl|dml|dql|dcl|psql|pgsql|plpgsql)$/i.test(path),
    isTest: /\/__tests?__\//.test(path),
    metadata,
  };
}

/** A project of these files, test directories derived as the project reader would. */
export function projectOf(
  files: Readonly<Record<string, string>> | readonly ProjectFile[],
  deployScript = "",
): Project {
  const list = Array.isArray(files)
    ? [...files]
    : Object.entries(files as Readonly<Record<string, string>>).map(([path, content]) => fileOf(path, content));
  list.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return { root: "/project", deployScript, files: list, testDirectories: testDirectoriesOf(list) };
}

function testDirectoriesOf(files: readonly ProjectFile[]): TestDirectory[] {
  const paths = new Set(
    files.filter(({ isTest }) => isTest).map(({ path }) => path.slice(0, path.lastIndexOf("/") + 1)),
  );
  return [...paths].sort().map((path) => {
    const ancestors = [...paths].filter((other) => other !== path && path.startsWith(other));
    const below = path.slice(path.search(/\/__tests?__\//) + 1).split("/").length - 2;
    return { path, parentPath: ancestors.sort((a, b) => b.length - a.length)[0], depth: below };
  });
}

export interface PreparedSession extends AsyncDisposable {
  session: Session;
  /** All notices since the connection, ours included. */
  notices: ServerNotice[];
  /** Messages of the notices that are not ours. */
  said(): string[];
  prepared: Prepared;
  project: Project;
  log: MarkerLog;
}

/** A session prepared for `project`; macros are those of its deploy.sql. */
export async function prepared(
  cluster: TestCluster,
  { project = projectOf({}), ...input }: Partial<PrepareInput> & Login = {},
): Promise<PreparedSession> {
  const { session, notices } = await connectTo(cluster, input);
  const log = new MarkerLog();
  try {
    const result = await prepareSession(session, {
      parameters: [],
      macros: findMacros(project.deployScript),
      verbose: false,
      instrument: true,
      ...input,
      project,
    });
    session.onNotice((notice) => {
      notices.push(notice);
      log.take(notice);
    });
    return {
      session,
      notices,
      said: () => notices.filter(({ code }) => code !== "PGK01").map(({ message }) => message),
      prepared: result,
      project,
      log,
      [Symbol.asyncDispose]: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** The first column of the rows of `query`. */
export async function column(session: Session, query: string): Promise<(string | null)[]> {
  const rows = await session.query(query);
  return rows.map((row) => Object.values(row)[0] ?? null);
}
