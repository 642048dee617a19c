/** ROL-012. */
import check from "../../../../../src/audit/checks/database/rol-012-no-password.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  blind: ["auditor", "plain"],
  defect: `create role "Bare" login; create role lab_bare login superuser`,
  finds: [`"Bare"`, "lab_bare"],
  lookAlike: "create role lab_with login password 'd9b71e4c0a'; create role lab_group",
  cure: `alter role "Bare" nologin; alter role lab_bare password 'd9b71e4c0a'`,
});
