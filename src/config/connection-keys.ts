/** The keys of a `connection:` section, the same in pgmi.yaml, pgkeep.yaml and the user's file. No key is a password. */
import type { ConfigShape } from "./config-shape.ts";

export const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;

const text = (description: string) => ({ type: "text", description }) as const;

/** What pgmi.yaml knows. */
export const PGMI_CONNECTION_KEYS = {
  host: text("Server name, address or directory of its Unix socket"),
  port: { type: "integer", minimum: 1, maximum: 65_535, description: "Port of the server" },
  username: text("Role to connect as"),
  database: text("Database to work on"),
  maintenance_database: text("Database to connect to for CREATE DATABASE and DROP DATABASE"),
  sslmode: { type: "choice", values: SSL_MODES, description: "How TLS is used" },
  sslcert: text("File of the client certificate"),
  sslkey: text("File of the client certificate's key"),
  sslrootcert: text("File of trusted certificate authorities, or system"),
  auth_method: { type: "choice", values: ["azure", "aws", "google"], description: "Cloud identity to log in with" },
  azure_tenant_id: text("Tenant of the Azure service principal"),
  azure_client_id: text("Client of the Azure service principal or managed identity"),
  aws_region: text("Region of the RDS instance"),
  google_instance: text("Cloud SQL instance, project:region:name"),
} as const satisfies ConfigShape;

/** What our own files know on top of it. */
export const PGKEEP_CONNECTION_KEYS = {
  ...PGMI_CONNECTION_KEYS,
  require_auth: text("Authentication methods to accept, as libpq's require_auth"),
  channel_binding: {
    type: "choice",
    values: ["disable", "prefer", "require"],
    description: "SCRAM channel binding",
  },
} as const satisfies ConfigShape;

export type ConnectionKey = keyof typeof PGKEEP_CONNECTION_KEYS;

export function isConnectionKey(name: string): name is ConnectionKey {
  return Object.hasOwn(PGKEEP_CONNECTION_KEYS, name);
}
