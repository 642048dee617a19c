/** Where a model's work begins: its database, or, until apply has made that, the server's maintenance database. */
import { PgkeepError } from "../../base/errors.ts";
import type { Session } from "../../pg/session.ts";
import type { Server } from "../server/connect.ts";

const ALWAYS_THERE = "postgres";

/** A database to be in while `database` is made. A connection string can name `database` itself for that. */
export function maintenanceFor({ connection }: Pick<Server, "connection">, database: string): string {
  const { maintenanceDatabase } = connection;
  return maintenanceDatabase === database ? ALWAYS_THERE : maintenanceDatabase;
}

/** Opens `database`; the maintenance database when there is none of that name. */
export async function openTarget(server: Server, database: string = server.connection.database): Promise<Session> {
  try {
    return await server.open(database);
  } catch (error) {
    const isMissing = error instanceof PgkeepError && error.code === "CONNECT_DATABASE_MISSING";
    const instead = maintenanceFor(server, database);
    if (!isMissing || instead === database) throw error;
    return await server.open(instead);
  }
}
