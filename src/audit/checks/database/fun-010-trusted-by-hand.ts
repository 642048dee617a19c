/** FUN-010: languages that can do anything and are marked as harmless. */
import { literal } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";

/** By name, and by the handler, which a language of another name may use as well. */
const SQL = `
  select pg_catalog.quote_ident(l.lanname) as object,
         'every role with USAGE may write functions in it'
         || case when h.is_public then ', and PUBLIC has USAGE' else '' end as detail,
         l.lanname as language
    from pg_catalog.pg_language as l
    left join pg_catalog.pg_proc as p on p.oid = l.lanplcallfoid
   cross join lateral (
           select exists (
                    select from pg_catalog.aclexplode(coalesce(l.lanacl, pg_catalog.acldefault('l', l.lanowner))) as a
                     where a.grantee = 0) as is_public
         ) as h
   where l.lanpltrusted
     and (l.lanname in ('c', 'internal', 'plperlu', 'plpythonu', 'plpython2u', 'plpython3u', 'pltclu', 'plsh', 'plr')
          or p.prosrc in ('plperlu_call_handler', 'plpython_call_handler', 'plpython2_call_handler',
                          'plpython3_call_handler', 'pltclu_call_handler', 'plsh_handler', 'plr_call_handler'))
   order by 1`;

export default queryCheck({
  id: "FUN-010",
  title: "unsafe language marked as trusted",
  severity: "critical",
  why:
    "The mark lets every role write functions in a language that reads files and runs programs as the server's account. " +
    "It gets there only by a superuser who changed the catalog, or a language made to look so.",
  remedy: "Take the mark away, then look for functions that roles without superuser made in that language.",
  limits: "Languages are known by the names and handlers of PL/Perl, PL/Python, PL/Tcl, PL/sh, PL/R, C and internal.",
  references: { manual: ["Installing Procedural Languages", "CREATE LANGUAGE"] },
  sql: SQL,
  found: ({ language }) => ({
    fix: {
      kind: "sql",
      sql: [`update pg_catalog.pg_language set lanpltrusted = false where lanname = ${literal(language ?? "")}`],
      risk: "high",
      riskReason: "it changes the catalog itself, and roles can no longer create functions in the language",
    },
  }),
});
