/** ROL-007. */
import check from "../../../../../src/audit/checks/database/rol-007-weak-scram-iterations.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

const verifier = (iterations: number): string =>
  `SCRAM-SHA-256$${iterations}:c2FsdHNhbHRzYWx0c2FsdA==$${"A".repeat(43)}=:${"B".repeat(42)}A=`;

export default defineCase({
  check,
  blind: ["auditor", "plain"],
  defect: `create role "Cheap" login password '${verifier(1000)}'; create role lab_quiet password '${verifier(1)}'`,
  finds: [`"Cheap"`, "lab_quiet"],
  lookAlike: `
    create role lab_exact login password '${verifier(4096)}';
    create role lab_dear login password '${verifier(20_000)}';
    create role lab_md5 login password 'md5c0ffee00c0ffee00c0ffee00c0ffee00';
    create role lab_none login`,
  cure: `alter role "Cheap" password '${verifier(4096)}'; alter role lab_quiet password null`,
});
