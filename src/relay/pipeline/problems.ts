/**
 * What is wrong with a configuration, as lines that name fields and never a value: values may be secrets that somebody
 * put into the wrong field.
 */
import type { z as Zod } from "zod";
import { PgkeepError } from "../../base/errors.ts";
import { nearestName } from "../../base/suggest.ts";
import { tameLine } from "../../base/tame.ts";
import { alternativesOf, elementOf, fieldsOf, ownField, type SchemaNode } from "./schema-node.ts";

/** 20: more problems of one pipeline than that are not read. */
const MAX_PROBLEMS = 20;

/** pg_tide's code for what its configuration can say and this version cannot do. */
export const UNSUPPORTED_SURFACE = "PGTIDE_CONFIG_UNSUPPORTED_SURFACE";

/** Throws RELAY_PIPELINE_INVALID when there are problems. */
export function refuseProblems(pipeline: string, problems: readonly string[]): void {
  if (problems.length > 0) throw invalid(pipeline, problems);
}

/** The failure that names all `problems`. */
export function invalid(pipeline: string, problems: readonly string[]): PgkeepError {
  const shown = problems.slice(0, MAX_PROBLEMS);
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  return new PgkeepError(
    "RELAY_PIPELINE_INVALID",
    `the configuration of pipeline "${tameLine(pipeline)}" cannot work`,
    {
      detail: [...shown, ...more].join("\n"),
      hint: `Correct the pipeline's configuration; pgkeep relay config validate --pipeline ${tameLine(pipeline)} checks it.`,
      state: "this pipeline was not started; others are not affected",
    },
  );
}

/** One line per issue. `at` is the place of the parsed value within the configuration: "sink". */
export function problemsOf(issues: readonly Zod.core.$ZodIssue[], schema: SchemaNode, at = ""): string[] {
  return issues.flatMap((issue) => {
    const path = pathText(at, issue.path);
    if (issue.code !== "unrecognized_keys") return [`${path || "configuration"}: ${wording(issue.message)}`];
    const known = knownAt(schema, issue.path);
    return issue.keys.map((key) => unknownKey(path, key, known));
  });
}

export function unknownKey(path: string, key: string, known: readonly string[]): string {
  const near = nearestName(key, known);
  const place = pathText(path, [key]);
  return `${place}: unknown key${near ? `; did you mean "${near}"?` : known.length > 0 ? `; known: ${known.join(", ")}` : ""}`;
}

function knownAt(schema: SchemaNode, path: readonly PropertyKey[]): string[] {
  let nodes = alternativesOf(schema);
  for (const step of path) {
    nodes = nodes.flatMap((node) =>
      alternativesOf(typeof step === "number" ? elementOf(node) : (ownField(node, String(step)) ?? elementOf(node))),
    );
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(fieldsOf(node) ?? {})))];
}

export function pathText(at: string, path: readonly PropertyKey[]): string {
  return tameLine([...(at ? [at] : []), ...path.map(String)].join("."));
}

function wording(text: string): string {
  if (text.endsWith("received undefined")) return "required";
  return text.charAt(0).toLowerCase() + text.slice(1);
}
