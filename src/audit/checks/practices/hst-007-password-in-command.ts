/** HST-007: passwords in the command lines of running processes. */
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

export default defineCheck({
  id: "HST-007",
  title: "password in a process command line",
  severity: "high",
  why:
    "Every account of the machine can list the command lines of all processes, and monitoring keeps them. A password there is " +
    "public for as long as the process runs and in the records for longer.",
  remedy:
    "Pass it by a passfile, a service file of the account, an environment variable or a params file, and change it.",
  limits:
    "Option names are told and no values, and this process is left out. A moment's look: what ran an hour ago is not seen.",
  references: { cis: ["5.1"], manual: ["The Password File"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  const pids = new Map<string, number[]>();
  for (const { pid, uid, name, secretOptions } of host.processes()) {
    for (const option of secretOptions) {
      const object = `process ${name} of ${host.accountName(uid)}: ${option}`;
      pids.set(object, [...(pids.get(object) ?? []), pid]);
    }
  }
  const text = "Start it with a passfile or a params file instead, and change the password.";
  return [...pids].map(([object, numbers]) => ({
    object,
    detail: `pid ${numbers.slice(0, 5).join(", ")}`,
    fix: { kind: "words", text },
  }));
}
