/** ROL-006. */
import check from "../../../../../src/audit/checks/database/rol-006-md5-hashes.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  blind: ["auditor", "plain"],
  defect: `
    create role "Old" login password 'md5c0ffee00c0ffee00c0ffee00c0ffee00';
    create role lab_quiet password 'md50123456789abcdef0123456789abcdef'`,
  finds: [`"Old"`, "lab_quiet"],
  lookAlike: `
    set local password_encryption = 'scram-sha-256';
    create role lab_scram login password 'md5c0ffee';
    create role lab_upper login password 'md5C0FFEE00C0FFEE00C0FFEE00C0FFEE00';
    create role lab_none login`,
  cure: `alter role "Old" password 'a-new-one'; alter role lab_quiet password null`,
});
