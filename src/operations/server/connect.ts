/**
 * The way of an operation to its server: settings of files, environment and flags become an open session.
 *
 * For operations that work on a server as it is. Deploys have their own way (deploy/run), because they also make and
 * replace databases.
 */
import type { OperationContext } from "../../base/operation.ts";
import { loadSettings } from "../../config/settings.ts";
import { wantsEmbedded } from "../../deploy/run/offline.ts";
import { connectedEvent } from "../../pg/connect/connected.ts";
import type { ConnectionRequest } from "../../pg/connect/input.ts";
import { openSession } from "../../pg/connect/open.ts";
import { type ResolvedConnection, resolveConnection } from "../../pg/connect/resolve.ts";
import { embeddedConnection } from "../../pg/embedded/running-server.ts";
import type { Session } from "../../pg/session.ts";

/** What says where the server is: connection flags and those that name a configuration. */
export interface ServerRequest extends ConnectionRequest {
  config?: string | undefined;
  env?: string | undefined;
}

export interface Server {
  connection: ResolvedConnection;
  /** Opens a session, on the target's own database unless another is named. `startup`: further settings of it. The caller closes it. */
  open(database?: string, startup?: Readonly<Record<string, string>>): Promise<Session>;
}

/** Resolves the target; connects to nothing. Throws CONFIG_... and CONNECT_... as the settings call for. */
export async function serverOf(request: ServerRequest, context: OperationContext): Promise<Server> {
  const { workingDirectory, environment, signal, clock } = context;
  const { config, env } = request;
  const warn = (message: string): void => context.report({ type: "warning", message });
  const settings = await loadSettings({ workingDirectory, environment, config, env, instead: context.settings });
  settings.warnings.forEach(warn);
  const connection = await resolveConnection(
    { ...request, embedded: wantsEmbedded(request, settings) },
    {
      environment: settings.environment,
      workingDirectory,
      fileSettings: settings.connection,
      embedded: () => embeddedConnection(workingDirectory),
      warn,
      signal,
      clock,
      applicationName: "pgkeep",
    },
  );
  const open: Server["open"] = async (database = connection.database, startup = {}) => {
    const serverSettings = { ...connection.settings.serverSettings, ...startup };
    const session = await openSession({ ...connection.settings, database, serverSettings }, { signal, clock, warn });
    if (database === connection.database) context.report(connectedEvent(session));
    return session;
  };
  return { connection, open };
}
