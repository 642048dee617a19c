/** SEC-014. */
import sec014 from "../../../../../src/audit/checks/practices/sec-014-unsafe-subscription.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec014,
  defect: `
    create role lab_o; create subscription "Lab s" connection 'host=203.0.113.1 password=x' publication p
      with (connect = false, run_as_owner = true);
    create subscription lab_open connection 'host=203.0.113.1 password=x' publication p
      with (connect = false, slot_name = none, password_required = false);
    grant create on database postgres to lab_o; grant pg_create_subscription to lab_o;
    alter subscription lab_open owner to lab_o`,
  finds: [`"Lab s"`, "lab_open"],
  lookAlike: `
    create subscription lab_s connection 'host=203.0.113.1 password=x' publication p
      with (connect = false, password_required = false)`,
});
