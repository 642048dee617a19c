/** HST-008: role passwords that somebody typed into psql. */
import { join } from "node:path";
import { shellWord } from "../../../base/shell.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { tailOf } from "../../facts/files.ts";
import { rolePasswordLines } from "../../facts/role-passwords.ts";
import { lookAtEach } from "./looking.ts";

/** The last 4 MiB: psql keeps 500 lines by default. */
const MAX_BYTES = 4 * 1024 * 1024;

export default defineCheck({
  id: "HST-008",
  title: "role passwords in psql history",
  severity: "low",
  why:
    "psql writes every statement to a file in the home directory. ALTER ROLE ... PASSWORD leaves the password there for years, " +
    "and backups of home directories carry it on.",
  remedy:
    "Set passwords with \\password, which sends a verifier and leaves nothing behind. Remove the lines, change the passwords.",
  limits: "Files that HISTFILE names elsewhere are not known. Lines are counted and not repeated.",
  references: { cis: ["2.3"], manual: ["psql: \\password", "psql: HISTFILE"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  return await lookAtEach(host.accounts(), ({ home }) => inHistory(join(home, ".psql_history")));
}

function inHistory(path: string): Found[] {
  const piece = tailOf(path, MAX_BYTES);
  const lines = rolePasswordLines(piece?.text ?? "");
  if (lines.length === 0) return [];
  const where = piece?.firstLine === undefined ? "" : `, first on line ${lines[0]}`;
  return [
    {
      object: path,
      detail: `${lines.length} ${lines.length === 1 ? "statement" : "statements"} with a password${where}`,
      fix: {
        kind: "shell",
        commands: [`sed -i '/[Pp][Aa][Ss][Ss][Ww][Oo][Rr][Dd]/d' ${shellWord(path)}`],
        risk: "low",
        riskReason: "removes every line with the word password from the history",
      },
    },
  ];
}
