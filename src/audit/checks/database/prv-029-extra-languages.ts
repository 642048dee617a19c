/** PRV-029: procedural languages that everybody may write functions in. */
import { type GrantSource, grantsCheck } from "./grants.ts";

const LANGUAGES: GrantSource = {
  kind: "'language'",
  from: "pg_catalog.pg_language as l",
  acl: "coalesce(l.lanacl, pg_catalog.acldefault('l', l.lanowner))",
  owner: "l.lanowner",
  object: "pg_catalog.quote_ident(l.lanname)",
  name: "l.lanname",
};

export default grantsCheck({
  id: "PRV-029",
  title: "everybody may write functions in a further language",
  severity: "low",
  why:
    "Every language brings an interpreter into the server's process, and faults of its sandbox have been a way out before. " +
    "A language that nobody needs is only that.",
  remedy: "Drop the language, or revoke USAGE from PUBLIC and grant it to the role that runs migrations.",
  limits: "sql and plpgsql are part of every server; untrusted languages belong to superusers anyway.",
  references: { manual: ["Privileges", "Procedural Languages"] },
  grants: () => [
    { source: LANGUAGES, entry: "a.grantee = 0", where: "l.lanpltrusted and l.lanname not in ('sql', 'plpgsql')" },
  ],
  detail: () => "PUBLIC has USAGE on the language",
  risk: "medium",
  riskReason: "roles without a grant of their own cannot create functions in it; existing functions go on working",
});
