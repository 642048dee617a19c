/** ROL-020. */
import check from "../../../../../src/audit/checks/database/rol-020-default-account.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "Admin" login; create role test login; create role sa superuser login`,
  finds: [`"Admin"`, "test", "sa"],
  lookAlike: "create role demo; create role tester login; create role lab_admin login; create role my_test login",
  cure: `drop role "Admin"; alter role test rename to lab_ledger; alter role sa nologin`,
});
