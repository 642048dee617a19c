/** VER-007: a crash of the machine can destroy the whole cluster. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "VER-007",
  title: "fsync or full_page_writes off",
  severity: "high",
  why:
    "Without fsync the server believes writes that never reached the disk; without full_page_writes half-written pages " +
    "cannot be repaired. After a power failure the cluster may be lost, including what had been committed.",
  remedy: "Set both to on. Who wants speed at the price of the last moments sets synchronous_commit to off instead.",
  limits: "Servers that are thrown away after a test lose nothing by it: profile dev counts it as low.",
  references: { manual: ["Write Ahead Log: Settings"] },
  profiles: { dev: "low" },
  judge: (settings) =>
    ["fsync", "full_page_writes"].flatMap((name) =>
      settings.isOn(name) ? [] : [wrong(settings.get(name), { to: "on" })],
    ),
});
