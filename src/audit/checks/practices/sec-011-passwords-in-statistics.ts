/** SEC-011: passwords that pg_stat_statements keeps. */
import { ident, literal, qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

/**
 * The extension's own functions, wherever they live: members of the extension and in C, so that nothing of the same
 * name that somebody put in the way is ever called.
 */
const WHERE = `
  select n.nspname as schema
    from pg_catalog.pg_extension as e
    join pg_catalog.pg_depend as d
      on d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
     and d.refobjid = e.oid
     and d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
     and d.deptype = 'e'
    join pg_catalog.pg_proc as p on p.oid = d.objid
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
   where e.extname = 'pg_stat_statements'
     and p.proname = 'pg_stat_statements'
     and l.lanname = 'c'
     and p.probin = '$libdir/pg_stat_statements'`;

/** A literal after PASSWORD in statements about roles; a SCRAM verifier is none. */
const ROLE = String.raw`\m(create|alter)\s+(role|user|group)\M[^;]*\mpassword\s+(e|u&)?'(?!SCRAM-SHA-256\$)`;
const MAPPING = String.raw`\muser\s+mapping\M[^;]*\mpassword"?\s+'`;
const SUBSCRIPTION = String.raw`\msubscription\M[^;]*\mconnection\s+'[^;]*(password\s*=|://[^:@/]*:[^@/]+@)`;

const sqlFor = (schema: string): string => `
  select pg_catalog.quote_ident(d.datname) || ' ' || s.queryid as object,
         'kept in clear text: ' || pg_catalog.min(case
           when s.query ~* ${literal(ROLE)} then 'CREATE or ALTER ROLE with a password'
           when s.query ~* ${literal(MAPPING)} then 'a user mapping with a password'
           else 'a subscription with a password' end) as detail,
         s.queryid
    from ${qualified(schema, "pg_stat_statements")}(true) as s
    join pg_catalog.pg_database as d on d.oid = s.dbid
   where s.query ~* ${literal([ROLE, MAPPING, SUBSCRIPTION].join("|"))}
   group by d.datname, s.queryid
   order by 1`;

export default defineCheck({
  id: "SEC-011",
  title: "pg_stat_statements keeps passwords in clear text",
  severity: "high",
  why:
    "The extension keeps the text of statements that are not queries as it was sent. Every member of pg_read_all_stats " +
    "reads the password that somebody set months ago.",
  remedy:
    "Forget the statements with pg_stat_statements_reset, send SCRAM verifiers instead of passwords, and turn " +
    "pg_stat_statements.track_utility off while roles are made. Then change the passwords.",
  limits: "Statements that the extension has evicted are gone. The texts themselves are never shown.",
  references: { manual: ["pg_stat_statements"], other: ["CWE-532"] },
  scope: "database",
  needs: ["pg_read_all_stats"],
  examine: async (facts) => {
    const schema = await schemaOf(facts);
    return (await facts.query(sqlFor(schema))).map((row) => foundIn(row, schema));
  },
});

async function schemaOf(facts: Facts): Promise<string> {
  const [row] = await facts.query(WHERE);
  if (!row?.schema) throw new NotApplicable("pg_stat_statements is not installed in this database");
  return row.schema;
}

function foundIn({ object, detail, queryid }: TextRow, schema: string): Found {
  // The queryid is the server's own bigint; as a literal it stays a value all the same.
  const reset = `select ${ident(schema)}.pg_stat_statements_reset(0, 0, ${literal(queryid ?? "")})`;
  const riskReason = "the figures of these statements begin again";
  return { object: object ?? "", detail: detail ?? "", fix: { kind: "sql", sql: [reset], risk: "low", riskReason } };
}
