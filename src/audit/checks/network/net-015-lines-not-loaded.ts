/** NET-015: lines of pg_hba.conf that the server cannot load. */
import { problemObject } from "../../hba/maps.ts";
import { ruleCheck } from "../rule-check.ts";

export default ruleCheck({
  id: "NET-015",
  title: "pg_hba.conf has lines that the server cannot load",
  severity: "high",
  why:
    "One such line keeps the whole file out at a reload: the old rules stay in force, and nothing but the log says so. " +
    "A restart then fails, because a server does not start with it.",
  remedy: "Correct the line, reload, and look at pg_hba_file_rules again.",
  limits:
    "A hostssl rule while TLS is off is only warned of, and belongs to TLS-001. What the other findings say of this file " +
    "may not be in force yet.",
  references: { manual: ["The pg_hba.conf File", "pg_hba_file_rules"] },
  judge: ({ hba }) =>
    hba.problems.map(({ file, line, reason }) => ({
      object: problemObject({ file, line }),
      detail: `${file}:${line}: ${reason}`,
      place: { file, line },
      fix: { kind: "words", text: `Correct line ${line} of ${file}, reload, and look at pg_hba_file_rules again.` },
    })),
});
