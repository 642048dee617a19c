/** FUN-006: SECURITY DEFINER routines that paste values into SQL. */
import { literal } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { CODE, withoutStrings } from "./routine-source.ts";
import { IS_DEFINER, ROUTINE_COLUMNS } from "./routines.ts";
import { isOutsideRelay } from "./user-objects.ts";

/** What may stand behind || in a statement: something that quotes. format() is judged by its own pattern. */
const QUOTED = String.raw`(?:pg_catalog\.)?(?:quote_ident|quote_literal|quote_nullable|format)\s*\(`;

/** EXECUTE, then || and a name, in the same statement. Strings are empty in what it looks at. */
const CONCATENATION = String.raw`\mexecute\M[^;]*\|\|\s*(?!${QUOTED})[a-z_$]`;

/** A variable that is built so, and given to EXECUTE. */
const BUILT_BEFORE = String.raw`\m([a-z_][a-z_0-9]*)\s*:?=\s*[^;]*\|\|\s*(?!${QUOTED})[a-z_$][^;]*;.*\mexecute\s+\1\M`;

/** format() with %s in its first argument: '%s', '%1$s', '%-10s'. */
const RAW_FORMAT = String.raw`\mexecute\s+(?:pg_catalog\.)?format\s*\(\s*e?'(?:[^']|'')*%(?:\d+\$)?-?\d*s`;

const SQL = `
  select ${ROUTINE_COLUMNS},
         'EXECUTE of text with a value pasted in'
         || case when c.code ~* ${literal(RAW_FORMAT)} then ' by %s of format()' else ' by ||' end as detail
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
   cross join lateral (select ${CODE} as code offset 0) as c
   cross join lateral (select ${withoutStrings("c.code")} as bare offset 0) as b
   where ${IS_DEFINER}
     and ${isOutsideRelay()}
     and p.prosrc ~* '\\mexecute\\M'
     and (c.code ~* ${literal(RAW_FORMAT)} or b.bare ~* ${literal(CONCATENATION)} or b.bare ~* ${literal(BUILT_BEFORE)})
   order by 1`;

export default queryCheck({
  id: "FUN-006",
  title: "SECURITY DEFINER routine that builds SQL from unquoted text",
  severity: "high",
  why:
    "Text that comes from an argument and ends up in EXECUTE becomes SQL, with the rights of the routine's owner. One " +
    "apostrophe in the right place is enough.",
  remedy: "Bind values with EXECUTE ... USING; put names in with format('%I') or quote_ident().",
  limits:
    "A guess from the body's text: || or %s on the way to EXECUTE, other than around quote_ident, quote_literal, " +
    "quote_nullable and format. Values that cannot do harm, such as integers, are reported as well; text that is built " +
    "in a called function is not seen. Routines of the relay's schema are TID-006's. The body itself is not shown, because it may hold secrets.",
  references: { manual: ["Executing Dynamic Commands"], stig: ["dynamic code"], other: ["CWE-89"] },
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "Rewrite the EXECUTE: USING for values, format('%I') for names, %L where neither works.",
    },
  }),
});
