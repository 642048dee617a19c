/** Rescue and developer settings on, beside unusual values of harmless neighbours. */
import check from "../../../../../src/audit/checks/practices/ver-006-developer-settings.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  wrong: { zero_damaged_pages: "on", ignore_checksum_failure: "on", post_auth_delay: "1", backtrace_functions: "x" },
  finds: ["backtrace_functions", "ignore_checksum_failure", "post_auth_delay", "zero_damaged_pages"],
  right: { debug_print_parse: "off", debug_pretty_print: "off", trace_notify: "off", log_parser_stats: "on" },
});
