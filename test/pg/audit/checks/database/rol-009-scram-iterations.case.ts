/** ROL-009. */
import check from "../../../../../src/audit/checks/database/rol-009-scram-iterations.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  wrong: { scram_iterations: "4095" },
  finds: ["scram_iterations"],
  right: { scram_iterations: "10000" },
});
