/** HST-003: directories of the cluster that others can enter. */
import { join } from "node:path";
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { namesIn } from "../../facts/files.ts";
import type { HostFacts } from "../../facts/host.ts";
import { chmod, lookAtEach, modeText } from "./looking.ts";

/** Writing for the group, anything for others. */
const TOO_OPEN = 0o027;

export default defineCheck({
  id: "HST-003",
  title: "data directory too open",
  severity: "high",
  why:
    "The files of the cluster are the data: every row, password verifier and key, without any question of rights. An account " +
    "that can enter the directory reads what it likes; one that can write there becomes the server.",
  remedy: "Set the mode to 0700, or to 0750 when a backup account reads it through its group.",
  limits: "Looks at the data directory, at the directory of the WAL and at those of tablespaces, wherever they are.",
  references: { cis: ["2.1"], manual: ["Creating a Database Cluster"], other: ["pgdsat 2.7"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  const data = (await facts.settings()).value("data_directory");
  if ((await host.status(data)) === undefined) throw new Unanswered(`${data} is not on this machine`);
  const tablespaces = join(data, "pg_tblspc");
  const looks = [
    () => lookAtEach([data, join(data, "pg_wal")], (path) => judge(path, host)),
    () => lookAtEach(namesIn(tablespaces) ?? [], (name) => judge(join(tablespaces, name), host)),
  ];
  return await lookAtEach(looks, (look) => look());
}

/** Through links: a tablespace is one, and its name in the data directory is how the server knows it. */
async function judge(path: string, host: HostFacts): Promise<Found[]> {
  const status = await host.status(path);
  if (status === undefined || (status.mode & TOO_OPEN) === 0) return [];
  return [{ object: path, detail: `${modeText(status)}: others can enter it`, fix: chmod("go-w,o-rwx", path) }];
}
