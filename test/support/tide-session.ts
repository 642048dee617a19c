/** A database with schema tide in it, and short ways to ask it, for the tests of its SQL. */
import { ServerError, type Session, type TextRow } from "../../src/pg/session.ts";
import { type Major, sharedCluster, type TestCluster } from "./cluster.ts";
import { connectTo } from "./connection.ts";
import { installTide } from "./tide.ts";

export interface Tide extends AsyncDisposable {
  cluster: TestCluster;
  database: string;
  session: Session;
  /** Rows of one statement. */
  rows(text: string, ...values: (string | null)[]): Promise<TextRow[]>;
  /** The first column of the first row; null when there is none. */
  one(text: string, ...values: (string | null)[]): Promise<string | null>;
  /** The first column of the first row, parsed. */
  json(text: string, ...values: (string | null)[]): Promise<unknown>;
  /** The error that the statement raises. Fails when it raises none. */
  refused(text: string, ...values: (string | null)[]): Promise<ServerError>;
  /** Statements as they stand. */
  run(text: string): Promise<void>;
  /** The same over a further session, to be closed by whoever asked. */
  another(options?: { user?: string; password?: string }): Promise<Tide>;
}

export interface TideOptions {
  major?: Major;
  cluster?: TestCluster;
  roles?: boolean;
  /** Statements that run before the install. */
  before?: string;
}

/** A new database on the shared cluster of that major (or on `cluster`) with the schema installed. */
export async function openTide(options: TideOptions = {}): Promise<Tide> {
  const cluster = options.cluster ?? (await sharedCluster(options.major));
  const database = await cluster.createDatabase();
  const session = await connectTo(cluster, { database });
  if (options.before !== undefined) await session.script(options.before);
  await installTide(session, { roles: options.roles ?? false });
  return over(cluster, database, session);
}

function over(cluster: TestCluster, database: string, session: Session): Tide {
  const rows: Tide["rows"] = (text, ...values) => session.query(text, values);
  const one: Tide["one"] = async (text, ...values) => Object.values((await rows(text, ...values))[0] ?? {})[0] ?? null;
  return {
    cluster,
    database,
    session,
    rows,
    one,
    json: async (text, ...values) => JSON.parse((await one(text, ...values)) ?? "null"),
    refused: async (text, ...values) => {
      try {
        await rows(text, ...values);
      } catch (error) {
        if (error instanceof ServerError) return error;
        throw error;
      }
      throw new Error(`was not refused: ${text}`);
    },
    run: async (text) => {
      await session.script(text);
    },
    another: async ({ user, password } = {}) => {
      const changes = { database, ...(user === undefined ? {} : { user }) };
      const opened = await connectTo(password === undefined ? cluster : { ...cluster, password }, changes);
      return over(cluster, database, opened);
    },
    [Symbol.asyncDispose]: () => session.close(),
  };
}
