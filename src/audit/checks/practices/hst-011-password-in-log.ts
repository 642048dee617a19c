/** HST-011: clear-text role passwords in the server's log. */
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { tailOf } from "../../facts/files.ts";
import { rolePasswordLines } from "../../facts/role-passwords.ts";
import { serverLogs } from "../../facts/server-logs.ts";
import { lookAtEach } from "./looking.ts";

/** 16 MiB in all, the newest first: a busy day, read in a tenth of a second. */
const MAX_BYTES = 16 * 1024 * 1024;
/** 2 MiB through the server, where the host is not ours to look at. */
const MAX_BYTES_BY_SQL = 2 * 1024 * 1024;

const CURRENT_LOG = "select pg_catalog.pg_current_logfile() as path";

/** The end of the file, which the server reads for us; base64, because a log may hold any bytes. */
const TAIL_BY_SQL = `
  select pg_catalog.encode(
           pg_catalog.pg_read_binary_file(f.path, greatest(s.size - ${MAX_BYTES_BY_SQL}, 0), ${MAX_BYTES_BY_SQL}, true),
           'base64') as tail
    from (select pg_catalog.pg_current_logfile() as path offset 0) as f
   cross join lateral pg_catalog.pg_stat_file(f.path, true) as s`;

export default defineCheck({
  id: "HST-011",
  title: "clear text role password in the server log",
  severity: "high",
  why:
    "CREATE ROLE ... PASSWORD with the password itself stands in the log when statements are logged, and always when the " +
    "statement fails. Logs are copied, shipped and kept where nobody expects passwords.",
  remedy:
    "Send SCRAM verifiers, as \\password and pgkeep do; change the passwords that were found and remove the log files, the " +
    "shipped ones too.",
  limits:
    "Looks at the last 16 MiB of the log on this machine, or, for a superuser elsewhere, at the last 2 MiB through the server. " +
    "Lines are counted and not repeated.",
  references: { cis: ["3.1"], manual: ["CREATE ROLE: Notes", "Error Reporting and Logging"] },
  scope: "cluster",
  needs: [],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  if (facts.has("host")) return await onHost(facts);
  if (facts.has("superuser")) return await throughServer(facts);
  throw new Unanswered("it needs the server's host, or a superuser", "host");
}

async function onHost(facts: Facts): Promise<readonly Found[]> {
  const { files } = await serverLogs(facts);
  if (files.length === 0) throw new Unanswered("the server has not written a log file yet");
  let left = MAX_BYTES;
  return await lookAtEach(files, (path) => {
    if (left <= 0) return [];
    const piece = tailOf(path, left);
    left -= piece?.text.length ?? 0;
    return found(path, rolePasswordLines(piece?.text ?? ""), piece?.firstLine);
  });
}

async function throughServer(facts: Facts): Promise<readonly Found[]> {
  const [log] = await facts.query(CURRENT_LOG);
  if (!log?.path) throw new Unanswered("the server writes no log file of its own", "host");
  const [row] = await facts.query(TAIL_BY_SQL);
  const text = Buffer.from(row?.tail ?? "", "base64").toString("utf8");
  return found(log.path, rolePasswordLines(text), undefined);
}

function found(path: string, lines: readonly number[], firstLine: number | undefined): Found[] {
  if (lines.length === 0) return [];
  const statements = `${lines.length} ${lines.length === 1 ? "statement" : "statements"} with a password`;
  const text = "Change the passwords, remove the file and its copies, and set passwords by verifiers from now on.";
  const where = firstLine === undefined ? "" : `, first on line ${lines[0]}`;
  return [{ object: path, detail: `${statements}${where}`, fix: { kind: "words", text } }];
}
