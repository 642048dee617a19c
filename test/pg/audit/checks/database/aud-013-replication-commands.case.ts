/** AUD-013. */
import aud013 from "../../../../../src/audit/checks/database/aud-013-replication-commands.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud013,
  wrong: { log_replication_commands: "off" },
  finds: ["log_replication_commands"],
  right: { log_replication_commands: "on" },
});
