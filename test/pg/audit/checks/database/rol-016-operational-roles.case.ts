/** ROL-016. */
import check from "../../../../../src/audit/checks/database/rol-016-operational-roles.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  defect: (major) => `
    create role "On Call" login;
    grant pg_signal_backend to "On Call"
    ${major >= 15 ? "; create role lab_checkpoint login; grant pg_checkpoint to lab_checkpoint" : ""}`,
  finds: (major) => [`"On Call"`, ...(major >= 15 ? ["lab_checkpoint"] : [])],
  lookAlike: `
    create role lab_group;
    grant pg_signal_backend to lab_group;
    create role lab_monitor login;
    grant pg_monitor to lab_monitor`,
});
