/** ROL-002. */
import check from "../../../../../src/audit/checks/database/rol-002-bypass-rls.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "Sees.All" login bypassrls; create role lab_group bypassrls`,
  finds: [`"Sees.All"`, "lab_group"],
  lookAlike:
    "create role lab_root superuser bypassrls; create role lab_app login; create role bypassrls login createdb",
});
