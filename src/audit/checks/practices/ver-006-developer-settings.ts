/** VER-006: settings for rescuing damaged data or for developing PostgreSQL itself. */
import { settingCheck, wrong } from "../setting-check.ts";

/** What each has on a server that does its work. */
const USUAL: Readonly<Record<string, string>> = {
  allow_in_place_tablespaces: "off",
  allow_system_table_mods: "off",
  backtrace_functions: "",
  ignore_checksum_failure: "off",
  ignore_invalid_pages: "off",
  ignore_system_indexes: "off",
  jit_debugging_support: "off",
  jit_profiling_support: "off",
  post_auth_delay: "0",
  pre_auth_delay: "0",
  trace_notify: "off",
  trace_sort: "off",
  zero_damaged_pages: "off",
};

export default settingCheck({
  id: "VER-006",
  title: "damage-tolerant or developer setting on",
  severity: "high",
  why:
    "Some of these make the server hand out damaged data as if it were right, or throw pages away; others allow changes of " +
    "system tables or slow every login. They are for one rescue or one debugging session.",
  remedy: "Set them back to their defaults, and use them in a session of their own when they are needed.",
  references: { cis: ["6.2"], manual: ["Developer Options"] },
  judge: (settings) =>
    Object.entries(USUAL).flatMap(([name, usual]) => {
      const setting = settings.find(name);
      return setting === undefined || setting.value === usual ? [] : [wrong(setting, { to: null })];
    }),
});
