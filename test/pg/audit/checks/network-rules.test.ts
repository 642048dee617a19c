/** Every case of pg_hba.conf and pg_ident.conf, on files alone and on every major. */
import { fileURLToPath } from "node:url";
import { describeRuleChecks } from "../../../conformance/audit/describe-rule-checks.ts";

await describeRuleChecks(fileURLToPath(new URL("./network", import.meta.url)));
