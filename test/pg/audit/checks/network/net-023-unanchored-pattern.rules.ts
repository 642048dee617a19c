/** NET-023. */
import net023 from "../../../../../src/audit/checks/network/net-023-unanchored-pattern.ts";
import { defineRuleCase } from "../../../../conformance/audit/rule-case.ts";

export default defineRuleCase({
  check: net023,
  hba: [
    "local /app web scram-sha-256",
    "local all /^app scram-sha-256",
    "local all web,/app$ scram-sha-256",
    'local all "/^a|b$" scram-sha-256',
    'local all "/^a\\$" scram-sha-256',
  ],
  finds: [
    "local /app web scram-sha-256",
    "local all /^app scram-sha-256",
    "local all web,/app$ scram-sha-256",
    "local all /^a|b$ scram-sha-256",
    "local all /^a\\$ scram-sha-256",
  ],
  lookAlike: [
    'local "/^app$" "/^(a|b)$" scram-sha-256',
    'local "/^a$|^b$" "/^[a-z]{1,3}_\\d+$" scram-sha-256',
    "host all all 10.0.0.0/8 scram-sha-256",
  ],
});
