/** NET-027: OAuth rules whose tokens cannot be trusted. */
import type { Facts } from "../../facts/facts.ts";
import { problemObject } from "../../hba/maps.ts";
import { ruleCheck, wrongRule } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-027",
  title: "OAuth without a safe issuer or validator",
  severity: "high",
  since: 18,
  why:
    "Clients fetch what they log in with from the issuer: over plain HTTP whoever is on the way hands out tokens, or takes " +
    "them. Without a validator library the server has nobody to ask whether a token is good.",
  remedy: "Give an https issuer, set oauth_validator_libraries, and ask for a scope that only this use has.",
  references: { manual: ["OAuth Authorization/Authentication"] },
  judge: async ({ hba, facts }) => {
    const rules = hba.rules.filter(({ method }) => method === "oauth");
    const refused = hba.problems.filter(({ reason }) => reason.includes("oauth_validator_libraries"));
    const plain = rules.filter(({ options }) => !/^https:\/\//i.test(options.get("issuer") ?? ""));
    const rest = rules.filter((rule) => !plain.includes(rule));
    const unvalidated = rest.length > 0 && (await hasNoValidator(facts)) ? rest : [];
    return [
      ...refused.map(({ file, line, reason }) => ({
        object: problemObject({ file, line }),
        detail: `${file}:${line}: ${reason}`,
        place: { file, line },
        fix: VALIDATOR,
      })),
      ...plain.map((rule) => wrongRule(rule, "the issuer is not https", { fix: ISSUER })),
      ...unvalidated.map((rule) => wrongRule(rule, "oauth_validator_libraries is empty", { fix: VALIDATOR })),
    ];
  },
});

const ISSUER = { kind: "words", text: "Change issuer to the https URL that the provider publishes." } as const;
const VALIDATOR = {
  kind: "words",
  text: "Install the provider's validator and set oauth_validator_libraries.",
} as const;

async function hasNoValidator(facts: Facts): Promise<boolean> {
  return (await facts.settings()).list("oauth_validator_libraries").length === 0;
}
