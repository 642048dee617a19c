/** PRV-028. */
import check from "../../../../../src/audit/checks/database/prv-028-publication-of-everything.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: `create publication "Every;thing" for all tables`,
  finds: [`"Every;thing"`],
  lookAlike: (major) => `
    create table public.lab_orders (id int);
    create publication lab_some for table public.lab_orders;
    create publication lab_empty
    ${major >= 15 ? "; create publication lab_schema for tables in schema public" : ""}`,
  cure: `drop publication "Every;thing"`,
});
