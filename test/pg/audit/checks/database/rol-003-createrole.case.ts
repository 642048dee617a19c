/** ROL-003. */
import check from "../../../../../src/audit/checks/database/rol-003-createrole.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const defect = `create role "Maker" login createrole; create role lab_provision createrole`;
const finds = [`"Maker"`, "lab_provision"];
const lookAlike = "create role lab_root superuser createrole; create role createrole login createdb";

/** Graver where the attribute reaches the predefined roles. */
export default [
  defineCase({ check, defect, finds, lookAlike, majors: [14, 15], severities: { lab_provision: "critical" } }),
  defineCase({ check, defect, finds, lookAlike, majors: [16, 17, 18], severities: { lab_provision: "medium" } }),
];
