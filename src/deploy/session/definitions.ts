/** Reads the definitions of sql/deploy, in the order of their names, once per process. */
import { readFileSync } from "node:fs";

const DIRECTORY = new URL("../../../sql/deploy/", import.meta.url);

/** Before loading: tables, views and functions. After it: what is cheaper to build on rows that are there. */
const BEFORE = [
  "010_leftovers.sql",
  "020_tables.sql",
  "030_views.sql",
  "040_trace.sql",
  "045_commit.sql",
  "050_functions.sql",
  "060_tests.sql",
];
const AFTER = ["080_constraints.sql"];

let cached: { before: string; after: string } | undefined;

export function definitions(): { before: string; after: string } {
  cached ??= { before: read(BEFORE), after: read(AFTER) };
  return cached;
}

function read(names: readonly string[]): string {
  return names.map((name) => withoutCommentLines(readFileSync(new URL(name, DIRECTORY), "utf8"))).join("\n");
}

/** Comments are for readers of the files; the server need not get them with every deploy. */
function withoutCommentLines(sql: string): string {
  return sql.replace(/^[ \t]*--.*\n/gm, "");
}
