/**
 * The block `audit:` of pgkeep.yaml: how a server is judged here, and what its operators know that it cannot tell.
 *
 * A declaration explains, it does not excuse: evidence to the contrary stays a finding.
 */
import type { ConfigShape } from "./config-shape.ts";

const PREFIX_OF_IPV4 = { type: "integer", minimum: 0, maximum: 32 } as const;
const PREFIX_OF_IPV6 = { type: "integer", minimum: 0, maximum: 128 } as const;

const WIDE_NETWORKS: ConfigShape = {
  ipv4: { ...PREFIX_OF_IPV4, description: "IPv4 networks with a shorter prefix count as very wide; default 16" },
  ipv6: { ...PREFIX_OF_IPV6, description: "IPv6 networks with a shorter prefix count as very wide; default 48" },
};

export const AUDIT_KEYS: ConfigShape = {
  profile: {
    type: "choice",
    values: ["default", "strict", "cis", "dev", "managed"],
    description: "Which severities count here, unless --profile says otherwise",
  },
  fail_on: {
    type: "choice",
    values: ["critical", "high", "medium", "low", "info"],
    description: "From which severity on findings fail the command, unless --fail-on says otherwise",
  },
  waivers: { type: "text", description: "File of accepted findings, relative to this file" },
  model: { type: "text", description: "Access model that the database is compared with, relative to this file" },
  versions: { type: "text", description: "Table of versions and vulnerabilities in place of the shipped one" },
  backup: { type: "text", description: "How backups are made, where they go, when a restore was last tried" },
  backup_directories: { type: "list", description: "Directories on the server's host that hold dumps" },
  log_shipping: { type: "text", description: "How the server's logs leave its host" },
  separations: {
    type: "pairs",
    description: "Schemas that no login may reach both of: [schema or database.schema, other]",
  },
  sensitive: { type: "list", description: "Columns with personal data: schema.table.column, * for any" },
  deploy_roles: { type: "list", description: "Roles that may change log_statement" },
  extensions: { type: "list", description: "Extensions that are wanted although they widen the attack surface" },
  wide_networks: { type: "section", keys: WIDE_NETWORKS, description: "From which size on networks are reported" },
  certificate_days: {
    type: "integer",
    minimum: 1,
    maximum: 3650,
    description: "Days before its end at which a certificate is reported; default 30",
  },
  projects: { type: "list", description: "Directories of SQL projects whose files are looked at" },
};
