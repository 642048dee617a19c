/** ROL-011. */
import check from "../../../../../src/audit/checks/database/rol-011-no-valid-until.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "Forever" login; create role lab_endless login valid until 'infinity'`,
  finds: [`"Forever"`, "lab_endless"],
  lookAlike: `
    create role lab_dated login valid until '2099-01-01';
    create role lab_past login valid until '2001-01-01';
    create role lab_group`,
  cure: `alter role "Forever" valid until '2099-01-01'; alter role lab_endless valid until '2099-01-01'`,
});
