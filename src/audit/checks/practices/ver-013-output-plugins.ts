/** VER-013: who may stream changes may load decoding plug-ins that nobody uses. */
import { NotApplicable } from "../../answers.ts";
import { settingCheck, wrong } from "../setting-check.ts";

const PUBLICATIONS_ONLY = "pgoutput";

export default settingCheck({
  id: "VER-013",
  title: "logical decoding plug-ins wider than needed",
  severity: "low",
  why:
    "A role with REPLICATION names the library that decodes changes for it. Each library on the list is code that such a role can " +
    "make the server run; test_decoding is an example and no more.",
  remedy: "Allow pgoutput alone, and what your change capture needs beside it.",
  limits: "The setting came with releases of August 2026; older ones have no list to narrow.",
  references: { other: ["CVE-2026-6471"] },
  judge: (settings) => {
    const setting = settings.get("output_plugin_libraries");
    if (settings.value("wal_level") !== "logical") throw new NotApplicable("wal_level allows no logical decoding");
    const wide = settings.list(setting.name).filter((name) => name === "*" || name === "test_decoding");
    return wide.length === 0
      ? []
      : [wrong(setting, { to: PUBLICATIONS_ONLY, risk: "medium", riskReason: "slots of other plug-ins stop" })];
  },
});
