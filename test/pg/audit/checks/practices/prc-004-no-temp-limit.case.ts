/** No limit, beside one of zero and a large one. */
import check from "../../../../../src/audit/checks/practices/prc-004-no-temp-limit.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default [
  defineCase({
    check,
    wrong: { temp_file_limit: "-1" },
    finds: ["temp_file_limit"],
    right: { temp_file_limit: "0" },
  }),
  defineCase({
    check,
    wrong: { temp_file_limit: "-1", temp_buffers: "8MB" },
    finds: ["temp_file_limit"],
    right: { temp_file_limit: "1TB" },
  }),
];
