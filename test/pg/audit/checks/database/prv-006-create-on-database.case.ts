/** PRV-006. */
import check from "../../../../../src/audit/checks/database/prv-006-create-on-database.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Mig'rate";
    create role lab_next;
    grant create on database postgres to "Mig'rate" with grant option;
    set local role "Mig'rate";
    grant create on database postgres to lab_next;
    reset role;
    grant create on database template1 to public`,
  finds: [`postgres <- "Mig'rate"`, "postgres <- lab_next", "template1 <- PUBLIC"],
  lookAlike: `
    create role lab_root superuser;
    create role lab_owner;
    create role lab_app;
    grant create on database postgres to lab_root;
    grant connect, temporary on database postgres to lab_app;
    alter database template1 owner to lab_owner;
    grant create on database template1 to lab_owner`,
});
