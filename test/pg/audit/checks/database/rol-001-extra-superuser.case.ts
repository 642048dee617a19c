/** ROL-001. */
import check from "../../../../../src/audit/checks/database/rol-001-extra-superuser.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create role "Boss ""1""" superuser login; create role lab_quiet superuser nologin`,
  finds: [`"Boss ""1"""`, "lab_quiet"],
  lookAlike: `
    create role lab_maker login createrole createdb replication bypassrls;
    create role superuser login;
    create role rds_superuser login`,
});
