/** AUD-008: the log goes where nobody may keep it. */
import type { Facts } from "../../facts/facts.ts";
import { settingCheck, wrong } from "../setting-check.ts";

/** Paths that are there inside a container, whose runtime keeps standard error. */
const OF_CONTAINERS = ["/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"];

/** systemd tells a service so that its output goes to the journal. */
const OF_JOURNAL = "JOURNAL_STREAM";

async function isKeptByHost(facts: Facts): Promise<boolean> {
  if (!facts.has("host")) return false;
  const host = await facts.host();
  const found = await Promise.all(OF_CONTAINERS.map((path) => host.status(path)));
  if (found.some((status) => status !== undefined)) return true;
  const server = host.processes().find(({ pid }) => pid === host.serverPid);
  return server?.variables?.includes(OF_JOURNAL) ?? false;
}

export default settingCheck({
  id: "AUD-008",
  title: "log goes to standard error and nobody is known to keep it",
  severity: "low",
  why:
    "Without the collector the server writes to whatever standard error was at its start, often a file that never " +
    "rotates or nothing at all. csvlog and jsonlog write nothing without it.",
  remedy: "Turn logging_collector on, or let systemd's journal or the container's runtime keep the output.",
  limits:
    "Passes where the run sees the server's machine and finds a container, or a server whose output systemd takes. " +
    "From afar it cannot tell and reports the setting.",
  references: { cis: ["3.1.3"], manual: ["Error Reporting and Logging"] },
  judge: async (settings, facts) => {
    const collector = settings.get("logging_collector");
    const destinations = settings.list("log_destination");
    if (collector.value === "on" || destinations.some((each) => each === "syslog" || each === "eventlog")) return [];
    const isPlain = destinations.every((each) => each === "stderr");
    if (isPlain && (await isKeptByHost(facts))) return [];
    return [
      wrong(collector, {
        detail: `off, with log_destination = ${destinations.join(", ") || "(nothing)"}`,
        to: "on",
        risk: "medium",
        riskReason: "it takes a restart, and the log moves to log_directory",
      }),
    ];
  },
});
