/**
 * The connection flags, one meaning for every command.
 *
 * There is no password field: passwords come from the environment, the password file, a connection string or a cloud
 * identity, never from a flag of their own. Values are checked where they are resolved, together with those of
 * the environment and the files, so that one mistake gives one error whatever it came from.
 */
import type { z as Zod } from "zod";
import type { ZodNamespace } from "../../base/operation.ts";

/** What a person asked for on the command line or through the library. Every field is optional. */
export interface ConnectionRequest {
  connection?: string | undefined;
  host?: string | undefined;
  port?: number | undefined;
  username?: string | undefined;
  database?: string | undefined;
  sslmode?: string | undefined;
  sslcert?: string | undefined;
  sslkey?: string | undefined;
  sslrootcert?: string | undefined;
  azure?: boolean | undefined;
  azureTenantId?: string | undefined;
  azureClientId?: string | undefined;
  aws?: boolean | undefined;
  awsRegion?: string | undefined;
  google?: boolean | undefined;
  googleInstance?: string | undefined;
  requireAuth?: string | undefined;
  channelBinding?: string | undefined;
  embedded?: boolean | undefined;
}

type ConnectionShape = {
  [Field in keyof Required<ConnectionRequest>]: Zod.ZodOptional<
    NonNullable<ConnectionRequest[Field]> extends string
      ? Zod.ZodString
      : NonNullable<ConnectionRequest[Field]> extends number
        ? Zod.ZodNumber
        : Zod.ZodBoolean
  >;
};

/** The fields to spread into an operation's input: `z.strictObject({ ...connectionFields(z), path: ... })`. */
export function connectionFields(z: ZodNamespace): ConnectionShape {
  const text = (description: string, valueName: string, short?: string) =>
    z
      .string()
      .optional()
      .meta({ description, valueName, group: "connection", ...(short ? { short } : {}) });
  const flag = (description: string) => z.boolean().optional().meta({ description, group: "connection" });
  return {
    connection: text("Connection string: URI, keyword/value pairs or ADO.NET pairs", "STRING"),
    host: text("Server name, address or directory of its Unix socket", "HOST", "h"),
    port: z
      .number()
      .optional()
      .meta({ description: "Port of the server", valueName: "PORT", short: "p", group: "connection" }),
    username: text("Role to connect as", "ROLE", "U"),
    database: text("Database to work on", "NAME", "d"),
    sslmode: text("TLS: disable, allow, prefer, require, verify-ca or verify-full", "MODE"),
    sslcert: text("File of the client certificate", "FILE"),
    sslkey: text("File of the client certificate's key", "FILE"),
    sslrootcert: text("File of trusted certificate authorities, or system", "FILE"),
    azure: flag("Authenticate with Microsoft Entra ID"),
    azureTenantId: text("Tenant of the Azure service principal", "ID"),
    azureClientId: text("Client of the Azure service principal or managed identity", "ID"),
    aws: flag("Authenticate with AWS IAM (RDS, Aurora)"),
    awsRegion: text("Region of the RDS instance", "REGION"),
    google: flag("Authenticate with Google Cloud SQL IAM"),
    googleInstance: text("Cloud SQL instance, project:region:name", "INSTANCE"),
    requireAuth: text("Authentication methods to accept, as libpq's require_auth", "LIST"),
    channelBinding: text("SCRAM channel binding: disable, prefer or require", "MODE"),
    embedded: flag("Use the embedded server of this directory"),
  };
}
