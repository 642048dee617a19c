/** PRV-017. */
import check from "../../../../../src/audit/checks/database/prv-017-large-objects.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    defect: `
      select lo_create(424242), lo_create(424243);
      grant select on large object 424242 to public;
      grant select, update on large object 424243 to public`,
    finds: ["large object 424242", "large object 424243"],
    lookAlike: `
      create role lab_app;
      select lo_create(424244), lo_create(424245);
      grant select on large object 424244 to lab_app`,
  }),
  defineCase({
    check,
    wrong: { lo_compat_privileges: "on" },
    finds: ["lo_compat_privileges"],
    right: { lo_compat_privileges: "off" },
  }),
];
