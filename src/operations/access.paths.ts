/** `pgkeep access paths`: ways in which a role can get more than it was given, each step with what removes it. */
import { type EscalationPath, GOALS, type PathsReport, targetName } from "../access/paths/paths.ts";
import { readEscalationPaths } from "../access/paths/read-paths.ts";
import { EXIT, PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { nearestName } from "../base/suggest.ts";
import { settingsFields } from "../config/input.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { serverOf } from "./server/connect.ts";

const STRENGTHS = ["certain", "waiting", "conditional"] as const;

export default defineOperation({
  name: "access.paths",
  summary: "Find ways in which a role can escalate",
  description:
    "Looks at memberships, attributes, ownership, functions, triggers, search paths, foreign servers and pg_hba.conf, and " +
    "says for each role that can log in how it could become superuser, reach the server's account, its files, stored " +
    "passwords or a copy of the cluster, or get the privileges of a role that owns something here. A path to superuser " +
    "stands for all other targets. Every step has its evidence and the statement that removes it; each path has the fewest statements that close all ways to its target. " +
    "Reads only.",
  effects: "read",
  surfaces: ["cli", "library", "mcp", "console"],
  cli: {
    command: "access paths",
    list: "paths",
    exitCodes: [10, 11, 13, 16, 20, 21, 130],
    formats: ["dot", "mermaid"],
    examples: [
      { line: "pgkeep access paths -d shop", does: "every path in database shop, worst first" },
      { line: "pgkeep access paths -d shop --role app", does: "what app can get" },
      {
        line: "pgkeep access paths -d shop --fail-on superuser",
        does: "end with 20 when somebody can become superuser",
      },
      { line: "pgkeep access paths -d shop --format mermaid", does: "as a diagram" },
    ],
  },
  input: (z) =>
    z.strictObject({
      role: z
        .string()
        .optional()
        .meta({ description: "Only paths that start at this role", valueName: "ROLE", group: "what" }),
      goalsOnly: z
        .boolean()
        .optional()
        .meta({ description: "Leave out paths to roles that own something", group: "what" }),
      certain: z
        .boolean()
        .optional()
        .meta({ description: "Only paths that need nobody else to do anything", group: "what" }),
      failOn: z
        .enum([...GOALS.map(asFlag), "owner", "none"])
        .optional()
        .meta({ description: "End with 20 when a shown path reaches this (default none)", group: "output" }),
      strict: z
        .boolean()
        .optional()
        .meta({ description: "End with 21 when something could not be looked at", group: "output" }),
      ...settingsFields(z),
      ...connectionFields(z),
    }),
  output: (z) =>
    z.strictObject({
      database: z.string(),
      roles: z.int().meta({ description: "Roles that were looked at as starts" }),
      paths: z.array(
        z.strictObject({
          from: z.string().nullable().meta({ description: "null: anybody who reaches the server" }),
          target: z.string(),
          target_kind: z.enum(["goal", "owner"]),
          strength: z.enum(STRENGTHS).meta({ description: "The weakest step's" }),
          steps: z.array(
            z.strictObject({
              rule: z.string(),
              evidence: z.string(),
              strength: z.enum(STRENGTHS),
              condition: z.string().nullable(),
              remove: z.string().nullable().meta({ description: "Statement that removes this step" }),
            }),
          ),
          cut: z.array(z.string()).nullable().meta({
            description: "Fewest statements that close every path from here to there; null: there is no small set",
          }),
        }),
      ),
      unknown: z.array(z.strictObject({ target: z.string(), reason: z.string() })),
      other_databases: z.array(z.string()).meta({ description: "Databases whose objects were not looked at" }),
      fails: z.boolean().meta({ description: "Whether a path reaches what --fail-on names" }),
      is_strict: z.boolean(),
    }),
  run: async ({ role, goalsOnly = false, certain = false, failOn = "none", strict = false, ...request }, context) => {
    const server = await serverOf(request, context);
    await using session = await server.open();
    const report = await readEscalationPaths(session, { role, owners: !goalsOnly, cuts: true });
    if (role !== undefined && report.starts === 0) throw unknownRole(role, report);
    const paths = report.paths.filter(({ strength }) => !certain || strength === "certain").map(pathDocument);
    return {
      database: report.database,
      roles: report.starts,
      paths,
      unknown: report.unknown.map(({ goal, why }) => ({ target: goal, reason: why })),
      other_databases: [...report.otherDatabases],
      fails: paths.some((path) => reaches(path, failOn)),
      is_strict: strict,
    };
  },
  exitCode: ({ fails, unknown, is_strict }) => {
    if (is_strict && unknown.length > 0) return EXIT.unknown;
    return fails ? EXIT.findings : EXIT.ok;
  },
});

/** "server account" as a flag's value: "server-account". */
function asFlag(goal: string): string {
  return goal.replaceAll(" ", "-");
}

/** A superuser has every other target too, so such a path stands for paths to all of them. */
function reaches({ target, target_kind }: { target: string; target_kind: string }, failOn: string): boolean {
  if (failOn === "none") return false;
  if (target_kind === "owner") return failOn === "owner";
  return target === "superuser" || failOn === asFlag(target);
}

function pathDocument({ from, target, strength, steps, cut }: EscalationPath) {
  return {
    from: from ?? null,
    target: targetName(target),
    target_kind: target.kind,
    strength,
    steps: steps.map((step) => ({ ...step, condition: step.condition ?? null, remove: step.remove ?? null })),
    cut: cut ? [...cut] : null,
  };
}

function unknownRole(role: string, { roleNames }: PathsReport): PgkeepError {
  const near = nearestName(role, roleNames);
  return new PgkeepError("CONFIG_VALUE_INVALID", "there is no such role", {
    detail: "The role that --role names does not exist on this server.",
    hint: near ? `Did you mean "${near}"?` : "List the roles: pgkeep access report",
    state: "nothing was changed",
  });
}
