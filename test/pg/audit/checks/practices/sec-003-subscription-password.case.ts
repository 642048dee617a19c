/** SEC-003. */
import sec003 from "../../../../../src/audit/checks/practices/sec-003-subscription-password.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec003,
  defect: `
    create subscription "Lab s" connection 'host=203.0.113.1 password=canary-word dbname=x' publication p with (connect = false);
    create subscription lab_url connection 'postgresql://u:canary@203.0.113.1/x' publication p with (connect = false, slot_name = none)`,
  finds: [`"Lab s"`, "lab_url"],
  cure: `alter subscription "Lab s" connection 'host=203.0.113.1 passfile=/x dbname=x';
    alter subscription lab_url connection 'postgresql://u@203.0.113.1/x?passfile=/x'`,
  lookAlike: `
    create subscription lab_file connection 'host=203.0.113.1 passfile=/x application_name=password' publication p
      with (connect = false);
    create subscription lab_bare connection 'postgresql://u@203.0.113.1:5432/x' publication p with (connect = false, slot_name = none)`,
  blind: ["auditor", "plain"],
});
