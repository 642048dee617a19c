/** VER-009: lines of the configuration files that the server could not apply. */
import { queryCheck } from "../query-check.ts";

/** What only waits for a restart is VER-008's. */
const SQL = `
  select f.sourcefile || ':' || f.sourceline as object,
         coalesce(pg_catalog.quote_ident(f.name) || ': ', '') || f.error as detail,
         f.sourcefile as file, f.sourceline as line
    from pg_catalog.pg_file_settings as f
   where f.error is not null
     and not (f.error = 'setting could not be applied'
              and exists (select from pg_catalog.pg_settings as s
                           where s.name = f.name and s.context in ('postmaster', 'internal')))
   order by f.sourcefile, f.sourceline`;

export default queryCheck({
  id: "VER-009",
  title: "configuration file errors",
  severity: "medium",
  why:
    "At a reload with one invalid line the server keeps every old value, of all lines of all files. Changes seem to be made and " +
    "are not, and at the next restart the server may refuse to start.",
  remedy: "Correct the line and reload; then look here again.",
  references: { manual: ["Setting Parameters", "pg_file_settings"] },
  scope: "cluster",
  needs: ["file_settings"],
  sql: SQL,
  found: ({ file, line }) => ({
    fix: { kind: "words", text: "Correct or remove the line, then reload: select pg_reload_conf();" },
    ...(file && line ? { place: { file, line: Number(line) } } : {}),
  }),
});
