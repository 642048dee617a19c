/** ROL-003: roles that may make and change roles. */
import { ident } from "../../../pg/identifiers.ts";
import { queryCheck } from "../query-check.ts";
import { notOfProvider } from "./provider-roles.ts";

/** Before 16 the attribute reaches every role but superusers; from 16 on those that the role has ADMIN on. */
const sql = (major: number): string => `
  select pg_catalog.quote_ident(r.rolname) as object,
         ${
           major < 16
             ? "'CREATEROLE: can grant itself pg_execute_server_program, which is as good as superuser before 16'"
             : "'CREATEROLE'"
         } as detail,
         r.rolname as role
    from pg_catalog.pg_roles as r
   where r.rolcreaterole
     and not r.rolsuper
     and ${notOfProvider("r.rolname")}
   order by 1`;

export default queryCheck({
  id: "ROL-003",
  title: "role may create and change roles",
  severity: "high",
  why:
    "Up to PostgreSQL 15 a CREATEROLE role sets the password of any role that is no superuser and grants itself any of " +
    "them, the predefined ones that run programs on the server included. From 16 on its reach ends at roles that it made " +
    "or has ADMIN on, and it still makes new logins.",
  remedy: "Keep one role for making roles, used for nothing else, and take the attribute from all others.",
  limits: "Critical before 16, medium from 16 on.",
  references: { cis: ["4.3"], manual: ["Role Attributes"], other: ["release notes of PostgreSQL 16"] },
  scope: "cluster",
  sql: (major) => `select q.*, ${major < 16} as is_old from (${sql(major)}) as q`,
  found: ({ role, is_old: isOld }) => ({
    severity: isOld === "t" ? "critical" : "medium",
    fix: {
      kind: "sql",
      sql: [`alter role ${ident(role ?? "")} nocreaterole`],
      risk: "medium",
      riskReason: "the role cannot make or change roles any more",
    },
  }),
});
