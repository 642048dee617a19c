/** HST-010: server logs that everybody can read. */
import { shellWord } from "../../../base/shell.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { isReachableByOthers } from "../../facts/files.ts";
import { serverLogs } from "../../facts/server-logs.ts";
import { lookAtEach, modeText, READABLE_BY_EVERYBODY } from "./looking.ts";

export default defineCheck({
  id: "HST-010",
  title: "server log readable by everyone",
  severity: "medium",
  why:
    "Logs hold statements with their values, names of roles and databases, and what clients did wrong: data of users, and at " +
    "times passwords, for every account of the machine.",
  remedy: "Set log_file_mode to 0600 or 0640 and take the right away from the files that are there.",
  limits:
    "A file in a directory that others cannot enter is not reported. Logs that go to syslog or the journal are not seen.",
  references: { cis: ["3.1.6"], manual: ["Error Reporting and Logging: Where to Log"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  const { place, files } = await serverLogs(facts);
  const open: string[] = [];
  const gaps = await lookAtEach(files, async (path) => {
    const status = await host.status(path);
    const isOpen = status !== undefined && (status.mode & READABLE_BY_EVERYBODY) !== 0 && isReachableByOthers(path);
    if (isOpen) open.push(`${path.slice(path.lastIndexOf("/") + 1)} (${modeText(status)})`);
    return isOpen ? [{ object: path, detail: "" }] : [];
  });
  if (gaps.length === 0) return [];
  const others = open.length === 1 ? "" : ` and ${open.length - 1} more`;
  const which = shellWord(place);
  const commands = [`find ${which} -type f -perm -o+r -exec chmod o-rwx {} +`];
  return [{ object: place, detail: `${open[0]}${others}`, fix: { kind: "shell", commands, risk: "low" } }];
}
