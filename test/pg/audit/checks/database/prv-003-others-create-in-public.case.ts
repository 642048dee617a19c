/** PRV-003. */
import check from "../../../../../src/audit/checks/database/prv-003-others-create-in-public.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `
    create role "Mig""rate";
    grant create on schema public to "Mig""rate";
    create role lab_second;
    create role lab_third;
    grant create on schema public to lab_second with grant option;
    set local role lab_second;
    grant create on schema public to lab_third;
    reset role`,
  finds: [`public <- "Mig""rate"`, "public <- lab_second", "public <- lab_third"],
  lookAlike: `
    create role lab_root superuser;
    create role lab_owner;
    create role lab_app;
    grant create on schema public to lab_root;
    grant usage on schema public to lab_app;
    create schema lab authorization lab_owner;
    grant create on schema lab to lab_app`,
});
