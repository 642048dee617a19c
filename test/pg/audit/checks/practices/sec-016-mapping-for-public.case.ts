/** SEC-016. */
import sec016 from "../../../../../src/audit/checks/practices/sec-016-mapping-for-public.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec016,
  defect: `
    create foreign data wrapper lab_w; create server "Lab s" foreign data wrapper lab_w;
    create user mapping for public server "Lab s" options (user 'x', password 'canary')`,
  finds: [`PUBLIC @ "Lab s"`],
  lookAlike: `
    create role lab_r; create foreign data wrapper lab_w; create server lab_s foreign data wrapper lab_w;
    create user mapping for lab_r server lab_s options (user 'x', password 'canary');
    create user mapping for public server lab_s options (fetch_size '10')`,
  blind: ["auditor", "plain"],
});
