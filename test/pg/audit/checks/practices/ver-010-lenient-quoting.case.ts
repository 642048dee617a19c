/** Quoting that lets SQL in, beside the strictest values. */
import check from "../../../../../src/audit/checks/practices/ver-010-lenient-quoting.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  wrong: { backslash_quote: "on", transform_null_equals: "on", standard_conforming_strings: "off" },
  finds: ["backslash_quote", "standard_conforming_strings", "transform_null_equals"],
  right: { backslash_quote: "off", escape_string_warning: "off" },
});
