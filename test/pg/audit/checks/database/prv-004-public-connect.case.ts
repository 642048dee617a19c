/** PRV-004. */
import check from "../../../../../src/audit/checks/database/prv-004-public-connect.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

/** No database can be made inside a transaction, so template1 plays the application's. */
const asShop = `alter database template1 is_template false; alter database template1 rename to "Shop ""1"""`;

export default defineCase({
  check,
  defect: asShop,
  finds: [`"Shop ""1"""`],
  lookAlike: `${asShop};
    create role lab_app login;
    revoke connect on database "Shop ""1""" from public;
    grant connect on database "Shop ""1""" to lab_app;
    grant temporary on database "Shop ""1""" to public`,
});
