/** VER-012: the server looks for libraries and extensions in places beside its own. */
import { settingCheck, wrong } from "../setting-check.ts";

const USUAL: Readonly<Record<string, string>> = {
  dynamic_library_path: "$libdir",
  extension_control_path: "$system",
  local_preload_libraries: "",
};

export default settingCheck({
  id: "VER-012",
  title: "library or extension path changed",
  severity: "high",
  why:
    "A library is code that runs inside the server, and an extension's script runs with its creator's rights. Who can write to " +
    "a directory of these paths decides what that code is.",
  remedy: "Set them back to their defaults and install extensions where the packages put them.",
  limits:
    "Images of some operators set extension_control_path on purpose: then look at who can write to the directories, which " +
    "HST-013 does for the server's own.",
  references: { manual: ["Client Connection Defaults: Other Defaults", "Shared Library Preloading"] },
  needs: ["pg_read_all_settings"],
  judge: (settings) =>
    Object.entries(USUAL).flatMap(([name, usual]) => {
      const setting = settings.find(name);
      if (setting === undefined || setting.value === usual) return [];
      const riskReason = "extensions and libraries outside the server's own directories are not found any more";
      return [wrong(setting, { to: null, risk: "medium", riskReason })];
    }),
});
