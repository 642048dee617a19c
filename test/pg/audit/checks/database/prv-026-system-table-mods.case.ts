/** PRV-026. */
import check from "../../../../../src/audit/checks/database/prv-026-system-table-mods.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check,
  wrong: { allow_system_table_mods: "on" },
  finds: ["allow_system_table_mods"],
  right: { allow_system_table_mods: "off" },
});
