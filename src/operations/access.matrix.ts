/** `pgkeep access matrix`: every role against every object, a few letters per cell. */
import { inspect } from "../access/catalog/inspect.ts";
import type { Snapshot } from "../access/catalog/snapshot.ts";
import { effectiveAccess } from "../access/effective/effective.ts";
import { accessMatrix, type MatrixObject, USUAL_KINDS } from "../access/effective/matrix.ts";
import { nameMatcher } from "../access/model/object-pattern.ts";
import { type CatalogObject, OBJECT_KINDS, type ObjectKind } from "../access/privileges/catalog-object.ts";
import { defineOperation } from "../base/operation.ts";
import { settingsFields } from "../config/input.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { PUBLIC_NAME } from "./access/public-name.ts";
import { serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "access.matrix",
  summary: "Show roles against objects",
  description:
    "Effective privileges, with inheritance, PUBLIC, ownership and predefined roles worked out. Letters: R read or use, W " +
    "write, D define, O own; marks: * may be passed on, p by PUBLIC, s only after SET ROLE, ◐ limited by columns or row " +
    "level security, ⚑ a security definer routine may do more, ? unknown. Superusers are listed, not repeated in every " +
    "row, and roles that have no more than PUBLIC have no cell. Reads only.",
  effects: "read",
  surfaces: ["cli", "library", "mcp", "console"],
  cli: {
    command: "access matrix",
    list: "objects",
    formats: ["csv"],
    exitCodes: [10, 11, 13, 16, 130],
    examples: [
      { line: "pgkeep access matrix -d shop", does: "schemas, tables, sequences and routines of database shop" },
      { line: "pgkeep access matrix -d shop --schema app --role django", does: "one role in one schema" },
      { line: "pgkeep access matrix -d shop --kind database --kind language", does: "other kinds of objects" },
      { line: "pgkeep access matrix -d shop --format csv", does: "for a spreadsheet" },
    ],
  },
  input: (z) =>
    z.strictObject({
      role: z.array(z.string()).optional().meta({
        description: "Only this role; * and ? stand for any, public for everybody",
        valueName: "ROLE",
        group: "what",
      }),
      schema: z
        .array(z.string())
        .optional()
        .meta({ description: "Only this schema and what is in it; * and ?", valueName: "NAME", group: "what" }),
      object: z
        .array(z.string())
        .optional()
        .meta({ description: "Only objects of this name; * and ?", valueName: "NAME", group: "what" }),
      kind: z
        .array(z.enum(OBJECT_KINDS))
        .optional()
        .meta({ description: `Only this kind (default ${USUAL_KINDS.join(", ")})`, group: "what" }),
      ...settingsFields(z),
      ...connectionFields(z),
    }),
  output: (z) =>
    z.strictObject({
      database: z.string(),
      superusers: z.array(z.string()).meta({ description: "May do everything; they have no cells" }),
      roles: z.array(z.string().nullable()).meta({ description: "Roles that have a cell; null: PUBLIC" }),
      objects: z.array(
        z.strictObject({
          kind: z.enum(OBJECT_KINDS),
          schema: z.string().nullable(),
          name: z.string(),
          owner: z.string().nullable(),
          cells: z.array(
            z.strictObject({
              role: z.string().nullable().meta({ description: "null: PUBLIC" }),
              cell: z.string().meta({ description: "Letters and marks" }),
              now: z.array(z.string()),
              after_set_role: z.array(z.string()).meta({ description: "What only SET ROLE gives" }),
            }),
          ),
        }),
      ),
      unreadable: z
        .array(z.string())
        .meta({ description: "What this role could not see, which the matrix leaves out" }),
    }),
  run: async ({ role, schema, object, kind, ...request }, context) => {
    const server = await serverOf(request, context);
    await using session = await server.open();
    const snapshot = await inspect(session);
    const access = await effectiveAccess(snapshot);
    const objects = objectsOf(snapshot, { kinds: kind ?? USUAL_KINDS, schema, object });
    const rows = accessMatrix(access, { roles: rolesOf(snapshot, role), objects });
    return {
      database: snapshot.database,
      superusers: [...snapshot.roles.values()].filter(({ superuser }) => superuser).map(({ name }) => name),
      roles: rolesIn(rows),
      objects: rows.map(objectDocument),
      unreadable: [...snapshot.unreadable],
    };
  },
});

/** Without a choice: everybody but superusers and the server's own roles, PUBLIC first. */
function rolesOf({ roles }: Snapshot, patterns: readonly string[] | undefined): string[] {
  const plain = [...roles.values()].filter(({ superuser }) => !superuser).map(({ name }) => name);
  if (!patterns) return ["", ...plain.filter((name) => !name.startsWith("pg_"))];
  const wanted = nameMatcher(patterns);
  const isPublicWanted = patterns.some((pattern) => pattern.toLowerCase() === PUBLIC_NAME);
  return [...(isPublicWanted ? [""] : []), ...plain.filter((name) => wanted(name))];
}

interface Choice {
  kinds: readonly ObjectKind[];
  schema: readonly string[] | undefined;
  object: readonly string[] | undefined;
}

function objectsOf(snapshot: Snapshot, { kinds, schema, object }: Choice): CatalogObject[] {
  const inSchema = schema && nameMatcher(schema);
  const named = object && nameMatcher(object);
  return OBJECT_KINDS.filter((kind) => kinds.includes(kind)).flatMap((kind) =>
    snapshot.objects[kind].filter(
      (item) =>
        (inSchema === undefined || inSchema(item.kind === "schema" ? item.name : (item.schema ?? ""))) &&
        (named === undefined || named(item.name)),
    ),
  );
}

function rolesIn(rows: readonly MatrixObject[]): (string | null)[] {
  const names = new Set(rows.flatMap(({ cells }) => cells.map(({ role }) => role)));
  return [...names].sort().map((name) => (name === "" ? null : name));
}

function objectDocument({ object, cells }: MatrixObject) {
  const { kind, schema = null, name, owner = null } = object;
  return {
    kind,
    schema,
    name,
    owner,
    cells: cells.map(({ role, text, now, afterSetRole }) => ({
      role: role === "" ? null : role,
      cell: text,
      now: [...now],
      after_set_role: [...afterSetRole],
    })),
  };
}
