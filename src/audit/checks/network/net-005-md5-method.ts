/** NET-005: rules that accept MD5 authentication. */
import type { Facts } from "../../facts/facts.ts";
import { insteadOf, ruleCheck, wrongRule } from "../rule-check.ts";

const MD5_HASHES = `
  select exists (select from pg_catalog.pg_authid as r where r.rolpassword like 'md5%') as found`;

export default ruleCheck({
  id: "NET-005",
  title: "rules with the method md5",
  severity: "medium",
  why:
    "For roles with an MD5 hash the exchange can be recorded and guessed offline, and a stolen hash is as good as the " +
    "password. PostgreSQL 18 calls the method deprecated.",
  remedy: "Set the passwords again under password_encryption = scram-sha-256, then change the method, and reload.",
  limits:
    "For roles with a SCRAM verifier md5 means SCRAM. Where no MD5 hash is stored, which only a superuser can see, " +
    "the finding is low.",
  references: { cis: ["5.4"], manual: ["Password Authentication"], other: ["PostgreSQL 18 release notes"] },
  judge: async ({ hba, facts }) => {
    const rules = hba.rules.filter(({ method }) => method === "md5");
    if (rules.length === 0) return [];
    const isUnused = await hasNoHashes(facts);
    return rules.map((rule) =>
      wrongRule(rule, isUnused ? "no MD5 hash is stored, so SCRAM is used" : "roles with an MD5 hash use it", {
        severity: isUnused ? "low" : undefined,
        fix: insteadOf(
          rule,
          { method: "scram-sha-256" },
          {
            risk: isUnused ? "low" : "medium",
            riskReason: isUnused
              ? "every stored password is a SCRAM verifier"
              : "roles whose password is stored as MD5 hash cannot log in until it is set again",
          },
        ),
      }),
    );
  },
});

async function hasNoHashes(facts: Facts): Promise<boolean> {
  if (!facts.has("pg_authid")) return false;
  const [row] = await facts.query(MD5_HASHES);
  return row?.found === "f";
}
