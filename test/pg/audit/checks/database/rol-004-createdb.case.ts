/** ROL-004. */
import check from "../../../../../src/audit/checks/database/rol-004-createdb.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "dev O'Neil" login createdb`,
  finds: [`"dev O'Neil"`],
  lookAlike: "create role lab_owner createdb; create role lab_root superuser login createdb; create role lab_app login",
});
