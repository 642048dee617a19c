/** `pgkeep access explain`: whether a role may do something with an object, and every path that lets it. */
import { dependentViews } from "../access/catalog/dependent-views.ts";
import { inspect, NAMES_UNWRITABLE } from "../access/catalog/inspect.ts";
import { privilegeKinds } from "../access/catalog/kinds.ts";
import type { Snapshot } from "../access/catalog/snapshot.ts";
import { effectiveAccess } from "../access/effective/effective.ts";
import { explain } from "../access/effective/explain.ts";
import { type AccessPath, type Explanation, SOURCES } from "../access/effective/explanation.ts";
import { type Found, findObjects, nearestObject, plainName, type Wanted } from "../access/effective/find-object.ts";
import { OBJECT_KINDS, type ObjectKind } from "../access/privileges/catalog-object.ts";
import { isPrivilegeName, type PrivilegeName, privilegeSince } from "../access/privileges/privilege.ts";
import type { PrivilegeKind } from "../access/privileges/privilege-kind.ts";
import { EXIT, PgkeepError } from "../base/errors.ts";
import type { ZodNamespace } from "../base/operation.ts";
import { defineOperation } from "../base/operation.ts";
import { shellWord } from "../base/shell.ts";
import { nearestName } from "../base/suggest.ts";
import { tameLine } from "../base/tame.ts";
import { settingsFields } from "../config/input.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { PUBLIC_NAME } from "./access/public-name.ts";
import { serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "access.explain",
  summary: "Explain why a role may do something, or why not",
  description:
    "Answers with every path: attributes, ownership, grants, PUBLIC, columns, built-in defaults and predefined roles, now " +
    "or after SET ROLE, through every chain of memberships, each step with the statement that takes it away. Says what a " +
    "missing USAGE on the schema or row level security leaves of it. Ends with 0 for yes and for no, with 21 when it " +
    "cannot be known. Reads only.",
  effects: "read",
  surfaces: ["cli", "library", "mcp", "console"],
  cli: {
    command: "access explain",
    positionals: ["role", "privilege", "object"],
    exitCodes: [10, 11, 13, 16, 21, 130],
    examples: [
      { line: "pgkeep access explain django delete app.orders -d shop", does: "why django may delete orders, or not" },
      { line: "pgkeep access explain reporter select 'app.users(email)' -d shop", does: "one column" },
      { line: "pgkeep access explain public execute 'app.total(integer)' -d shop", does: "what everybody may" },
      { line: "pgkeep access explain app create shop --kind database -d shop", does: "tell a database from a schema" },
    ],
  },
  input: (z) =>
    z.strictObject({
      role: z.string().meta({ description: "The role, its case kept; public for everybody", valueName: "ROLE" }),
      privilege: z.string().meta({ description: "As GRANT spells it: select, execute", valueName: "PRIVILEGE" }),
      object: z.string().meta({
        description: "schema.name, schema.routine(types), schema.table(column), or the bare name of what has no schema",
        valueName: "OBJECT",
      }),
      kind: z
        .enum(OBJECT_KINDS)
        .optional()
        .meta({ description: "What kind of object it is, where the name alone does not say", group: "what" }),
      ...settingsFields(z),
      ...connectionFields(z),
    }),
  output: (z) => outputShape(z),
  run: async ({ role, privilege, object, kind, ...request }, context) => {
    const wanted: Wanted = { name: object, privilege: privilegeOf(privilege), kind };
    const server = await serverOf(request, context);
    await using session = await server.open();
    const snapshot = await inspect(session, { includeSystem: /^"?(pg_|information_schema)/.test(object) });
    const asked = roleOf(snapshot, role);
    const found = await objectOf(snapshot, wanted);
    const access = await effectiveAccess(snapshot);
    const views = found.kind.name === "table" ? await dependentViews(session, found.object.oid) : undefined;
    return {
      database: snapshot.database,
      ...document(explain(access, { role: asked, privilege: wanted.privilege, views, ...found })),
    };
  },
  exitCode: ({ answer }) => (answer === "unknown" ? EXIT.unknown : EXIT.ok),
});

function outputShape(z: ZodNamespace) {
  return z.strictObject({
    database: z.string(),
    role: z.string().nullable().meta({ description: "null: PUBLIC" }),
    privilege: z.string(),
    object: z.strictObject({
      kind: z.enum(OBJECT_KINDS),
      schema: z.string().nullable(),
      name: z.string(),
      column: z.string().nullable(),
      owner: z.string().nullable(),
    }),
    answer: z.enum(["now", "after set role", "some columns", "no", "unknown"]),
    reasons: z.array(z.string()).meta({ description: "Why it is unknown, or why a held privilege is of no use" }),
    paths: z.array(pathShape(z)),
    is_complete: z.boolean().meta({ description: "false: there are more paths than are listed" }),
    not_by: z.array(z.enum(SOURCES)).meta({ description: "What was looked at and gives nothing" }),
    notes: z.array(z.string()),
  });
}

function pathShape(z: ZodNamespace) {
  return z.strictObject({
    source: z.enum(SOURCES),
    when: z.enum(["now", "after set role"]),
    acting: z.string().nullable().meta({ description: "The role that acts at the end; null: PUBLIC" }),
    columns: z.array(z.string()).nullable().meta({ description: "null: the whole object" }),
    reaches: z.boolean().meta({ description: "false: without USAGE on the schema it leads nowhere" }),
    rows: rowsShape(z).nullable().meta({ description: "What row level security leaves; null: not a table" }),
    steps: z.array(
      z.strictObject({
        text: z.string(),
        evidence: z.string(),
        remove: z.string().nullable().meta({ description: "SQL that takes this step away" }),
      }),
    ),
  });
}

function rowsShape(z: ZodNamespace) {
  return z.strictObject({
    limit: z.enum(["all", "some", "none"]),
    reason: z.string(),
    policies: z.array(
      z.strictObject({
        name: z.string(),
        permissive: z.boolean(),
        using: z.string().nullable(),
        check: z.string().nullable(),
      }),
    ),
  });
}

/** What people ask for that no grant gives. */
const OWNERS_DEEDS: ReadonlySet<string> = new Set(["alter", "drop", "own", "comment", "index"]);

function privilegeOf(text: string): PrivilegeName {
  const name = text.toLowerCase().replaceAll("-", " ");
  const spelled = name === "temp" ? "temporary" : name;
  if (isPrivilegeName(spelled)) return spelled;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "there is no such privilege", {
    detail: "It is none of those that GRANT knows.",
    hint: OWNERS_DEEDS.has(name)
      ? "Only owners may do that: pgkeep access matrix marks them with O."
      : "Use one of: select, insert, update, delete, truncate, references, trigger, maintain, usage, create, execute, connect, temporary, set, alter-system.",
  });
}

function roleOf({ roles }: Snapshot, text: string): string {
  if (text.toLowerCase() === PUBLIC_NAME) return "";
  if (roles.has(text)) return text;
  const near = nearestName(text, [...roles.keys()]);
  throw new PgkeepError("CONFIG_VALUE_INVALID", "there is no such role", {
    detail: "The server has no role of that name; upper and lower case count.",
    hint: near ? `Did you mean "${tameLine(near)}"?` : "List the roles: pgkeep access report --only roles",
    state: "nothing was changed",
  });
}

async function objectOf(snapshot: Snapshot, wanted: Wanted): Promise<Found> {
  const kinds = await privilegeKinds();
  if (snapshot.major < privilegeSince(wanted.privilege)) {
    throw new PgkeepError(
      "ACCESS_UNSUPPORTED_VERSION",
      `PostgreSQL ${snapshot.major} has no privilege ${wanted.privilege}`,
    );
  }
  const found = findObjects(snapshot, kinds, wanted);
  const [first, ...others] = found;
  if (first && others.length === 0) return first;
  throw first ? ambiguous(found) : notFound(snapshot, kinds, wanted);
}

/** 6: a list that fits a line. */
const MAX_NAMED = 6;

function ambiguous(found: readonly Found[]): PgkeepError {
  const named = found.slice(0, MAX_NAMED).map(({ object }) => `${object.kind} ${tameLine(plainName(object))}`);
  return new PgkeepError("CONFIG_VALUE_INVALID", "the name fits more than one object", {
    detail: `These fit: ${named.join(", ")}.`,
    hint: "Add --kind, or write a routine with the types that it takes.",
  });
}

function notFound(snapshot: Snapshot, kinds: readonly PrivilegeKind[], wanted: Wanted): PgkeepError {
  const near = nearestObject(snapshot, kinds, wanted);
  const unseen = snapshot.unreadable.filter((what) => what.endsWith(NAMES_UNWRITABLE));
  return new PgkeepError("CONFIG_VALUE_INVALID", "there is no such object", {
    detail: `Nothing of that name in database "${tameLine(snapshot.database)}" carries the privilege ${wanted.privilege}${
      unseen.length > 0 ? `; names that could not be read: ${unseen.join(", ")}` : ""
    }.`,
    hint: near ? `Did you mean "${tameLine(near)}"?` : whereToLook(snapshot, wanted),
    state: "nothing was changed",
  });
}

function whereToLook({ database }: Snapshot, { name }: Wanted): string {
  if (!name.includes(".")) return "Write the schema too: app.orders";
  return `See what there is: pgkeep access matrix -d ${shellWord(database)}`;
}

function document({ object, column, role, paths, answer, ...rest }: Explanation) {
  const { kind, schema = null, name, owner = null } = object;
  return {
    role: role === "" ? null : role,
    privilege: rest.privilege,
    object: { kind: kind satisfies ObjectKind, schema, name, column: column ?? null, owner },
    answer,
    reasons: [...rest.reasons],
    paths: paths.map(pathDocument),
    is_complete: rest.isComplete,
    not_by: [...rest.notBy],
    notes: [...rest.notes],
  };
}

function pathDocument({ source, when, acting, columns, reaches, rows, steps }: AccessPath) {
  return {
    source,
    when,
    acting: acting === "" ? null : acting,
    columns: columns ? [...columns] : null,
    reaches,
    rows: rows
      ? {
          limit: rows.rows,
          reason: rows.reason,
          policies: rows.policies.map(({ name, permissive, using = null, check = null }) => ({
            name,
            permissive,
            using,
            check,
          })),
        }
      : null,
    steps: steps.map(({ text, evidence, remove = null }) => ({ text, evidence, remove })),
  };
}
