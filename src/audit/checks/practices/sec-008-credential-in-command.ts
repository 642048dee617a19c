/** SEC-008: credentials in commands that the server runs. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { commandHasCredential } from "./credential-patterns.ts";

const COMMANDS =
  "('archive_command', 'restore_command', 'archive_cleanup_command', 'recovery_end_command', 'ssl_passphrase_command')";

/** A passphrase that a command merely repeats is one in clear text. */
const isWrong = (row: string): string =>
  `(${commandHasCredential(`${row}.setting`)}
        or ${row}.name = 'ssl_passphrase_command' and ${row}.setting ~ '^\\s*(/usr)?(/bin/)?(echo|printf)\\s')`;

/** While archive_mode is off the server shows "(disabled)" in place of the command. */
const SETTINGS = `
  select s.name as object,
         s.setting = '(disabled)' as is_hidden,
         ${isWrong("s")} as is_wrong
    from pg_catalog.pg_settings as s
   where s.name in ${COMMANDS}
   order by 1`;

const FILES = `
  select distinct f.name as object, ${isWrong("f")} as is_wrong
    from pg_catalog.pg_file_settings as f
   where f.name = 'archive_command'`;

export default defineCheck({
  id: "SEC-008",
  title: "credential in a command of the server",
  severity: "medium",
  why:
    "Members of pg_monitor can show the setting, every account of the machine sees the command in the list of processes, " +
    "and it lies in the configuration file and its backups.",
  remedy:
    "Put the credential into a script or file of mode 0700, or give the machine a role of its own; then change it.",
  limits:
    "A guess by shape. A command that names a file or a variable passes. While archive_mode is off only the files show " +
    "archive_command.",
  references: { manual: ["Continuous Archiving", "SSL Settings"], other: ["CWE-214"] },
  scope: "cluster",
  needs: ["pg_read_all_settings"],
  examine: async (facts) => {
    const rows = await facts.query(SETTINGS);
    const isHidden = rows.some(({ is_hidden }) => is_hidden === "t");
    const all = isHidden ? [...rows, ...(await fromFiles(facts))] : rows;
    const found = all.filter(({ is_wrong }) => is_wrong === "t").map(({ object }) => foundIn(object ?? ""));
    if (found.length === 0 && isHidden && !facts.has("file_settings")) {
      throw new Unanswered("the server hides archive_command while archive_mode is off", "file_settings");
    }
    return found;
  },
});

async function fromFiles(facts: Facts) {
  return facts.has("file_settings") ? await facts.query(FILES) : [];
}

function foundIn(name: string): Found {
  return {
    object: name,
    detail: "its command line carries what looks like a credential",
    fix: { kind: "words", text: `Move the credential of ${name} into a file that only the server's account can read.` },
  };
}
