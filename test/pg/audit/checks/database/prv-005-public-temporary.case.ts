/** PRV-005. */
import check from "../../../../../src/audit/checks/database/prv-005-public-temporary.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const asShop = `alter database template1 is_template false; alter database template1 rename to "Shop"`;

export default defineCase({
  check,
  defect: `${asShop}; grant temporary on database "Shop" to public`,
  finds: [`"Shop"`],
  lookAlike: `${asShop}; create role lab_app login; grant temporary on database "Shop" to lab_app`,
});
