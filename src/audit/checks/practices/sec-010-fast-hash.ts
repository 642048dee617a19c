/** SEC-010: passwords hashed with functions made for speed. */
import { literal } from "../../../pg/identifiers.ts";
import { CODE, withoutStrings } from "../database/routine-source.ts";
import { IS_USER_ROUTINE, ROUTINE_COLUMNS } from "../database/routines.ts";
import { queryCheck } from "../query-check.ts";

const MD5 = String.raw`\mmd5\s*\([^;)]*(passw|pwd)`;
const DIGEST = String.raw`\mdigest\s*\([^;]*(passw|pwd)[^;]*,\s*'(md5|sha1)'`;
/** crypt() with one of its old methods. */
const SALT = String.raw`\mgen_salt\s*\(\s*'(md5|x?des)'`;

const SQL = `
  select ${ROUTINE_COLUMNS},
         'hashes a password with ' || case
           when b.bare ~* ${literal(MD5)} then 'md5()'
           when b.code ~* ${literal(DIGEST)} then 'digest() and md5 or sha1'
           else 'crypt() and md5 or des' end as detail
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    join pg_catalog.pg_language as l on l.oid = p.prolang
   cross join lateral (
           select c.code, ${withoutStrings("c.code")} as bare from (select ${CODE} as code offset 0) as c offset 0
         ) as b
   where l.lanname not in ('c', 'internal')
     and (p.prosqlbody is not null or p.prosrc ~* 'md5|digest|gen_salt')
     and ${IS_USER_ROUTINE}
     and (b.bare ~* ${literal(MD5)} or b.code ~* ${literal(`${DIGEST}|${SALT}`)})
   order by 1`;

export default queryCheck({
  id: "SEC-010",
  title: "password is hashed with MD5, SHA-1 or DES",
  severity: "high",
  why:
    "A graphics card tries tens of billions of such hashes per second, and without salt all passwords at once. A stolen " +
    "table is a list of passwords by the next day. Guides that recommend MD5 for passwords are out of date.",
  remedy: "Use bcrypt or argon2: crypt(password, gen_salt('bf', 12)) of pgcrypto, or the application's library.",
  limits:
    "A guess from the body's text: md5() or digest() of something called password. Bodies are judged on the server and " +
    "not shown.",
  references: { manual: ["pgcrypto"], other: ["CWE-916"] },
  sql: SQL,
  found: () => ({
    fix: {
      kind: "words",
      text: "Hash with crypt() and gen_salt('bf', 12), and again for each user at the next login.",
    },
  }),
});
