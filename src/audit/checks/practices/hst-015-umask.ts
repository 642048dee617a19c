/** HST-015: programs of the server's account make files that others can read. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

/** What must be taken from a new file, with and without a group that may read. */
const PRIVATE = 0o077;
const GROUP_MAY_READ = 0o027;

export default defineCheck({
  id: "HST-015",
  title: "umask of the server account not 077",
  severity: "low",
  why:
    "What the account's programs write (dumps, archived WAL, scripts, copies of configuration) gets its mode from the umask. With " +
    "022 everybody can read it.",
  remedy: "Set UMask=0077 in the service units of the account and umask 077 in its profile, and restart its programs.",
  limits:
    "Looks at the running programs of the account. The server sets its own mask, so programs beside it are what counts; 027 is " +
    "accepted where the data directory lets its group read.",
  references: { cis: ["2.1"], manual: ["Creating a Database Cluster"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off", dev: "info" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  if (host.serverUid === undefined) throw new Unanswered("the server's account was not found");
  const wanted = (await facts.settings()).value("data_directory_mode").endsWith("50") ? GROUP_MAY_READ : PRIVATE;
  const own = host.processes().filter(({ uid }) => uid === host.serverUid);
  const known = own.filter(({ umask }) => umask !== undefined);
  if (known.length === 0) throw new Unanswered("no program of the server's account shows its umask");
  const open = known.filter(({ umask = 0 }) => (umask & wanted) !== wanted);
  if (open.length === 0) return [];
  const account = host.accountName(host.serverUid);
  const text = `Set UMask=0077 in the units that start its programs, or umask 077 in the profile of ${account}, and restart them.`;
  // One finding for the account: its programs come and go, and a baseline must not depend on which of them run.
  return [{ object: `account ${account}`, detail: detailOf(open), fix: { kind: "words", text } }];
}

/** "umask 022: backup.sh, cp", each program once, by mask. */
function detailOf(programs: readonly { name: string; umask?: number | undefined }[]): string {
  const byMask = new Map<string, Set<string>>();
  for (const { name, umask = 0 } of programs) {
    const mask = umask.toString(8).padStart(3, "0");
    byMask.set(mask, (byMask.get(mask) ?? new Set()).add(name));
  }
  return [...byMask]
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([mask, names]) => `umask ${mask}: ${shortList([...names].toSorted())}`)
    .join("; ");
}

/** Ten names say which programs they are; a machine may run hundreds. */
const MOST_NAMES = 10;

function shortList(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return more > 0 ? `${names.slice(0, MOST_NAMES).join(", ")} and ${more} more` : names.join(", ");
}
