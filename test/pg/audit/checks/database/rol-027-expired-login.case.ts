/** ROL-027. */
import check from "../../../../../src/audit/checks/database/rol-027-expired-login.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "Gone" login valid until '2001-02-03'`,
  finds: [`"Gone"`],
  lookAlike: `
    create role lab_group valid until '2001-02-03';
    create role lab_now login valid until '2099-01-01';
    create role lab_ever login valid until 'infinity';
    create role lab_none login`,
});
