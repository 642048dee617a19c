/** NET-021: passwords of other services in pg_hba.conf. */
import { SECRET_OPTIONS } from "../../hba/options.ts";
import { ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-021",
  title: "a secret is stored in pg_hba.conf",
  severity: "high",
  why:
    "The password of the directory, or the secret shared with the RADIUS server, stands in a file that is copied into " +
    "backups, tickets and version control, and in a view that auditors may read.",
  remedy: "Use an anonymous or simple bind, or move to cert, gss or oauth; until then keep the file at 0600.",
  limits: "The value is neither read nor shown.",
  references: { manual: ["LDAP Authentication", "RADIUS Authentication"] },
  judge: ({ hba }) =>
    hba.rules.flatMap((rule) => {
      const names = [...SECRET_OPTIONS].filter((name) => rule.options.has(name));
      if (names.length === 0) return [];
      const text = `Remove ${names.join(" and ")}: use ldapprefix and ldapsuffix for a simple bind, or another method.`;
      return [wrongRule(rule, `${names.join(", ")} is set`, { fix: { kind: "words", text } })];
    }),
});
