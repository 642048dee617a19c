/** AUD-022. */
import aud022 from "../../../../../src/audit/checks/database/aud-022-syslog-cuts.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: aud022,
  wrong: { log_destination: "stderr,syslog", syslog_split_messages: "off", syslog_sequence_numbers: "off" },
  finds: ["syslog_split_messages", "syslog_sequence_numbers"],
  right: { log_destination: "stderr", syslog_split_messages: "off" },
});
