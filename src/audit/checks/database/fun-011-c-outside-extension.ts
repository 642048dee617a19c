/** FUN-011: native code that no extension accounts for. */
import { queryCheck } from "../query-check.ts";
import { IS_USER_ROUTINE, ROUTINE_COLUMNS } from "./routines.ts";

const SQL = `
  select ${ROUTINE_COLUMNS},
         'native code of library ' || coalesce(p.probin, '') as detail
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
   where l.lanname = 'c'
     and ${IS_USER_ROUTINE}
   order by 1`;

export default queryCheck({
  id: "FUN-011",
  title: "C function outside an extension",
  severity: "medium",
  why:
    "The library runs inside the server with all its rights, and nothing records where it came from or which version it " +
    "is. This is also how an intruder with superuser keeps a way back.",
  remedy: "Find out who made it. Package it as an extension, or drop the function and delete the library.",
  references: {
    manual: ["C-Language Functions", "Packaging Related Objects into an Extension"],
    stig: ["external executables"],
  },
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "Add the function to an extension, or drop it when nobody knows what it is for." },
  }),
});
