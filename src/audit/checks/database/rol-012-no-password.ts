/** ROL-012: logins without a password, which only rules other than password methods let in. */
import { Unanswered } from "../../answers.ts";
import { defineCheck } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import type { HbaFacts, HbaRule } from "../../hba/hba.ts";
import type { RoleFacts } from "../../roles.ts";
import { notOfProvider } from "./provider-roles.ts";

const SQL = `
  select pg_catalog.quote_ident(a.rolname) as object,
         a.rolname as role
    from pg_catalog.pg_authid as a
    join pg_catalog.pg_roles as r on r.rolname = a.rolname
   where r.rolcanlogin
     and r.oid <> 10
     and a.rolpassword is null
     and ${notOfProvider("a.rolname")}
   order by 1`;

/** Methods that ask for the password that the server keeps. */
const PASSWORD_METHODS = new Set(["scram-sha-256", "md5", "password"]);

export default defineCheck({
  id: "ROL-012",
  title: "login without a password",
  severity: "low",
  why:
    "Where pg_hba.conf asks for a password the role cannot log in, and where it does not, nothing but the rule protects it. " +
    "Either the login is left over, or somebody relies on peer, certificates or trust.",
  remedy: "Set NOLOGIN when nobody logs in with it, else write down by which method the role comes in.",
  limits:
    "Info when no rule asks this role for a password, as for certificates, peer, tickets and a provider's own methods.",
  references: { cis: ["4.10"] },
  scope: "cluster",
  needs: ["pg_authid"],
  examine: async (facts) => {
    const rows = await facts.query(SQL);
    const hba = rows.length === 0 ? undefined : await readableHba(facts);
    const roles = await facts.roles();
    return rows.map(({ object, role }) => {
      const isAsked = hba === undefined || asksForPassword(role ?? "", hba, roles);
      return {
        object: object ?? "",
        detail: isAsked ? "no password, and a rule asks for one" : "no password, and no rule asks for one",
        severity: isAsked ? undefined : "info",
        fix: { kind: "words", text: "ALTER ROLE ... NOLOGIN, or document the method by which it logs in" },
      };
    });
  },
});

async function readableHba(facts: Facts): Promise<HbaFacts | undefined> {
  try {
    return await facts.hba();
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}

/** Whether any rule does, wherever it stands: which rule comes first depends on address and database. */
function asksForPassword(role: string, { rules }: HbaFacts, roles: RoleFacts): boolean {
  return rules.some((rule) => PASSWORD_METHODS.has(rule.method) && namesRole(rule, role, roles));
}

function namesRole({ users }: HbaRule, role: string, roles: RoleFacts): boolean {
  return users.some(({ text, isQuoted }) => {
    if (isQuoted) return text === role;
    if (text.startsWith("+")) return roles.isMember(role, text.slice(1));
    return text === "all" || text === role || text.startsWith("/");
  });
}
