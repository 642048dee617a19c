/** What the library needs of somebody's PostgreSQL driver. `pg` (Client, Pool, PoolClient) has it all. */

/** Anything that runs one statement with bound values. */
export interface Queryable {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

/** A connection that is nobody else's until it is given back. */
export interface Connection extends Queryable {
  /** Gives it back to its pool; true or an error: it is broken, close it. */
  release?(destroy?: boolean | Error): void;
  /** Closes it, where there is no pool. */
  end?(): Promise<void>;
  on?(event: "error", listener: (error: Error) => void): unknown;
  off?(event: "error", listener: (error: Error) => void): unknown;
}

/** SQLSTATE of a server's error; undefined for everything else, a broken connection among it. */
export function sqlstateOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  const { code } = error;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code) ? code : undefined;
}
