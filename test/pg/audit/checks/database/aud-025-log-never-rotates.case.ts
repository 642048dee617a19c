/** AUD-025. */
import aud025 from "../../../../../src/audit/checks/database/aud-025-log-never-rotates.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud025,
  wrong: { log_rotation_age: "0", log_rotation_size: "0", logging_collector: "on" },
  finds: ["log_rotation_age"],
  right: { log_rotation_age: "0", log_rotation_size: "10MB", logging_collector: "on" },
  restarts: true,
});
