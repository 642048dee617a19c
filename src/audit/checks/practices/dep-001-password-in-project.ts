/** DEP-001: role passwords written out in a project's SQL. */
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { projectFiles, projectText } from "../../facts/project-files.ts";
import { rolePasswordLines } from "../../facts/role-passwords.ts";
import { lookAtEach } from "./looking.ts";

export default defineCheck({
  id: "DEP-001",
  title: "role password in a project's SQL",
  severity: "high",
  why:
    "The password is in the repository and in every clone of it, and CREATE ROLE sends it to the server in clear text, where logs " +
    "and pg_stat_statements keep it.",
  remedy: "Pass it as a parameter from a file, as a SCRAM verifier, and change it.",
  limits:
    "SCRAM verifiers, MD5 hashes, psql variables and placeholders are not reported. Lines are told, not what stands there.",
  references: { manual: ["CREATE ROLE: Notes"], other: ["CWE-798", "pgkeep: hardening"] },
  scope: "cluster",
  needs: [],
  examine,
});

async function examine({ declared: { projects = [] } }: Facts): Promise<readonly Found[]> {
  if (projects.length === 0) throw new NotApplicable("no SQL project is declared: audit.projects in pgkeep.yaml");
  return await lookAtEach(projects, (project) => lookAtEach(projectFiles(project).filter(isSql), inFile));
}

const isSql = (path: string): boolean => /\.(sql|psql|ddl|pgsql)$/i.test(path);

function inFile(path: string): Found[] {
  const lines = rolePasswordLines(projectText(path));
  const [first] = lines;
  if (first === undefined) return [];
  const text = "Take the password out, pass a SCRAM verifier by a params file, and change the role's password.";
  return [
    {
      object: path,
      detail: `a role's password on line ${lines.slice(0, 5).join(", ")}`,
      place: { file: path, line: first },
      fix: { kind: "words", text },
    },
  ];
}
