/** ROL-006: passwords kept as MD5 hashes. The hashes stay on the server: it is asked for their shape. */
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(r.rolname) as object,
         'password stored as an MD5 hash' as detail
    from pg_catalog.pg_authid as r
   where r.rolpassword ~ '^md5[0-9a-f]{32}$'
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-006",
  title: "password is stored as an MD5 hash",
  severity: "high",
  why:
    "Whoever reads such a hash, from a dump of the roles or a backup, can log in with it without knowing the password. It " +
    "is salted with the role name only, so lists of common passwords fall in seconds.",
  remedy:
    "Set password_encryption to scram-sha-256, check that every client speaks SCRAM, and set the password again, best as a " +
    "verifier made on the client: pgkeep access password.",
  limits: "PostgreSQL 18 warns when such a password is set, and a later version stops accepting it.",
  references: { manual: ["Password Authentication"], other: ["release notes of PostgreSQL 18"] },
  scope: "cluster",
  needs: ["pg_authid"],
  sql: SQL,
  found: () => ({
    fix: { kind: "words", text: "set the password of this role again while password_encryption is scram-sha-256" },
  }),
});
