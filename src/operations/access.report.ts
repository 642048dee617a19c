/** `pgkeep access report`: who may do what on a server, in words, as a matrix, a graph, a page or JSON for version control. */

import { inspect } from "../access/catalog/inspect.ts";
import { privilegeKinds } from "../access/catalog/kinds.ts";
import { accessReport } from "../access/report/report.ts";
import type { ZodNamespace } from "../base/operation.ts";
import { defineOperation } from "../base/operation.ts";
import { settingsFields } from "../config/input.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { serverOf } from "./server/connect.ts";

export const REPORT_SECTIONS = ["roles", "databases", "schemas", "objects", "defaults", "matrix"] as const;

const SCHEMA_ACCESS = ["none", "use", "read", "write", "ddl", "owner", "superuser"] as const;

export default defineOperation({
  name: "access.report",
  summary: "Show who may do what",
  description:
    "Roles with attributes, settings and memberships; databases, schemas and objects with every privilege spelled out, " +
    "built-in defaults included; default privileges with what they apply to; and a matrix of roles and schemas. The JSON " +
    "is sorted and holds no time, so that version control shows what changed between two reports. Reads only.",
  effects: "read",
  surfaces: ["cli", "library", "mcp", "console"],
  cli: {
    command: "access report",
    exitCodes: [10, 11, 13, 16, 130],
    formats: ["html", "dot", "mermaid"],
    examples: [
      { line: "pgkeep access report -d shop", does: "everything about database shop, for people" },
      { line: "pgkeep access report -d shop --only matrix", does: "roles against schemas" },
      { line: "pgkeep access report -d shop -o html=access.html", does: "one page to keep or send" },
      { line: "pgkeep access report -d shop --format mermaid", does: "who is a member of whom, as a diagram" },
    ],
  },
  input: (z) =>
    z.strictObject({
      only: z.enum(REPORT_SECTIONS).optional().meta({ description: "Only this part", group: "what" }),
      schema: z
        .string()
        .optional()
        .meta({ description: "Only objects of this schema", valueName: "NAME", group: "what" }),
      ...settingsFields(z),
      ...connectionFields(z),
    }),
  output: (z) => {
    const grant = grantShape(z);
    const object = objectShape(z, grant);
    return z.strictObject({
      server_version: z.int().meta({ description: "server_version_num" }),
      database: z.string(),
      roles: z.array(roleShape(z)),
      databases: z.array(object),
      schemas: z.array(object),
      objects: z.array(object),
      defaults: z.array(
        z.strictObject({
          creator: z.string(),
          schema: z.string().nullable(),
          on: z.string(),
          grants: z.array(grant),
          meaning: z.string(),
        }),
      ),
      creators_not_covered: z
        .array(z.strictObject({ schema: z.string(), creator: z.string() }))
        .meta({ description: "May create in a schema with default privileges that do not apply to what they create" }),
      matrix: z.array(
        z.strictObject({
          role: z.string(),
          schema: z.string(),
          access: z.enum(SCHEMA_ACCESS),
          because: z.string(),
          after_set_role: z.enum(SCHEMA_ACCESS).nullable().meta({ description: "null: no more than now" }),
        }),
      ),
      unreadable: z.array(z.string()).meta({ description: "What this role may not see" }),
    });
  },
  run: async ({ only, schema, ...request }, context) => {
    const server = await serverOf(request, context);
    await using session = await server.open();
    const snapshot = await inspect(session);
    const report = accessReport(snapshot, await privilegeKinds());
    const has = (section: (typeof REPORT_SECTIONS)[number]): boolean => only === undefined || only === section;
    return {
      server_version: snapshot.version,
      database: snapshot.database,
      roles: has("roles") ? report.roles : [],
      databases: has("databases") ? report.databases : [],
      schemas: has("schemas") ? report.schemas.filter(({ name }) => schema === undefined || name === schema) : [],
      objects: has("objects") ? report.objects.filter((one) => schema === undefined || one.schema === schema) : [],
      defaults: has("defaults") ? report.defaults : [],
      creators_not_covered: has("defaults") ? report.creators_not_covered : [],
      matrix: has("matrix") ? report.matrix.filter((row) => schema === undefined || row.schema === schema) : [],
      unreadable: report.unreadable,
    };
  },
});

function grantShape(z: ZodNamespace) {
  return z.strictObject({
    role: z.string().meta({ description: "PUBLIC: every role" }),
    privileges: z.array(z.string()),
    may: z.array(z.string()).meta({ description: "The same in words" }),
    grantable: z.array(z.string()).meta({ description: "Those that the role may pass on" }),
    granted_by: z.string().nullable().meta({ description: "null: built in, not granted" }),
  });
}

function objectShape(z: ZodNamespace, grant: ReturnType<typeof grantShape>) {
  return z.strictObject({
    kind: z.string(),
    schema: z.string().nullable(),
    name: z.string(),
    owner: z.string().nullable(),
    grants: z.array(grant),
    is_default: z.boolean().meta({ description: "No list is stored; the built-in defaults hold" }),
    columns: z.array(z.strictObject({ column: z.string(), grants: z.array(grant) })),
    row_security: z.strictObject({ enabled: z.boolean(), forced: z.boolean() }).nullable(),
    policies: z.array(
      z.strictObject({
        name: z.string(),
        command: z.string(),
        permissive: z.boolean(),
        roles: z.array(z.string()),
        using: z.string().nullable(),
        check: z.string().nullable(),
      }),
    ),
    runs_as_owner: z.boolean().meta({ description: "SECURITY DEFINER" }),
    extension: z.string().nullable(),
    acl: z.array(z.string()).nullable().meta({ description: "The stored list as psql shows it" }),
  });
}

function roleShape(z: ZodNamespace) {
  return z.strictObject({
    role: z.string(),
    attributes: z.array(z.string()),
    connection_limit: z.int().nullable(),
    valid_until: z.string().nullable(),
    password: z.enum(["scram-sha-256", "md5", "none", "unknown"]),
    settings: z.array(z.strictObject({ database: z.string().nullable(), name: z.string(), value: z.string() })),
    member_of: z.array(
      z.strictObject({
        role: z.string(),
        inherit: z.boolean(),
        set: z.boolean(),
        admin: z.boolean(),
        granted_by: z.string(),
      }),
    ),
    superuser_by: z.string().nullable().meta({ description: "How it is or can become superuser by SET ROLE" }),
    comment: z.string().nullable(),
  });
}
