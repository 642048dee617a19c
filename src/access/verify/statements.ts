/**
 * The SQL that verification sends: definitions and probes of sql/access/verify, read once per process.
 *
 * A probe's text is a template; names come in quoted, so nothing of a catalog becomes anything but a name.
 */
import { readFileSync } from "node:fs";
import { assert } from "../../base/assert.ts";
import { sqlFile } from "../apply/sql-files.ts";

const PROBES = new URL("../../../sql/access/verify/probes.sql", import.meta.url);

export interface ProbeNames {
  /** What GRANT would say: `"app"."orders"`. */
  object?: string;
  schema?: string;
  name?: string;
  column?: string;
  role?: string;
}

/**
 * The definitions, made in `schema` ("pg_temp", or the quoted name of a schema that is rolled back too). `suffix` keeps
 * those of several roles of one transaction apart.
 */
export function definitions(schema: string, suffix: string): string {
  // In search_path the word stands alone; everywhere else it qualifies.
  return sqlFile("verify/functions.sql").replaceAll(
    /pg_temp\.(pgkeep_\w+)/g,
    (_, name) => `${schema}.${name}${suffix}`,
  );
}

/** The statement of a probe of sql/access/verify/probes.sql. */
export function probeStatement(name: string, names: ProbeNames): string {
  templates ??= readTemplates(readFileSync(PROBES, "utf8"));
  const template = templates.get(name);
  assert(template !== undefined, `sql/access/verify/probes.sql has the probe "${name}"`);
  return template.replace(/(?<!:):(object|schema|name|column|role)\b/g, (_, key: keyof ProbeNames) => {
    const value = names[key];
    assert(value !== undefined, `the probe "${name}" gets its ${key}`);
    return value;
  });
}

let templates: ReadonlyMap<string, string> | undefined;

function readTemplates(file: string): ReadonlyMap<string, string> {
  const [, ...pieces] = file.split(/^-- probe: /m);
  return new Map(
    pieces.map((piece) => {
      const end = piece.indexOf("\n");
      return [piece.slice(0, end).trim(), piece.slice(end).trim().replace(/;$/, "")];
    }),
  );
}
