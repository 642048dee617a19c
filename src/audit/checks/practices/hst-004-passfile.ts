/** HST-004: password files that others can read. */
import { join } from "node:path";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { isReachableByOthers } from "../../facts/files.ts";
import type { HostFacts } from "../../facts/host.ts";
import { chmod, lookAtEach, modeText, NOT_PRIVATE } from "./looking.ts";

export default defineCheck({
  id: "HST-004",
  title: ".pgpass readable by others",
  severity: "medium",
  why:
    "The file holds passwords in clear text. libpq ignores one that others can read, so it serves nobody any more but those " +
    "who want the passwords.",
  remedy: "Set the mode to 0600 and change the passwords that were in it.",
  limits:
    "In a home directory that others cannot enter it is less grave. Files that PGPASSFILE names elsewhere are not known.",
  references: { manual: ["The Password File"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  return await lookAtEach(host.accounts(), ({ home }) => judge(join(home, ".pgpass"), host));
}

async function judge(path: string, host: HostFacts): Promise<Found[]> {
  const status = await host.status(path);
  if (status?.kind !== "file" || (status.mode & NOT_PRIVATE) === 0) return [];
  const severity = isReachableByOthers(path) ? "medium" : "low";
  return [{ object: path, detail: `${modeText(status)}: libpq ignores it`, severity, fix: chmod("0600", path) }];
}
