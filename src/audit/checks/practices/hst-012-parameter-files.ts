/** HST-012: files with deploy parameters that others can read, or that the repository keeps for ever. */
import { shellWord } from "../../../base/shell.ts";
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { isReachableByOthers, statusOf } from "../../facts/files.ts";
import { trackedFiles } from "../../facts/git-index.ts";
import { isParameterFile, projectFiles, projectText, secretPlaces } from "../../facts/project-files.ts";
import type { Fix } from "../../fix.ts";
import { chmod, lookAtEach, modeText, READABLE_BY_EVERYBODY } from "./looking.ts";

export default defineCheck({
  id: "HST-012",
  title: "deploy parameter file readable by others or tracked by git",
  severity: "medium",
  why:
    "Parameter files hold the passwords that a deploy sets. Everybody with an account can read this one, or everybody who ever " +
    "clones the repository has it, also after it was deleted.",
  remedy: "Keep it at 0600 outside the repository, or write it in the pipeline for one run; change what was in it.",
  limits:
    "Looks at files of the declared projects whose names and keys look like it (audit.projects in pgkeep.yaml), on the machine " +
    "where pgkeep runs. Reads the repository's index, not its history.",
  references: { other: ["pgkeep: hardening", "CWE-538"] },
  scope: "cluster",
  needs: [],
  examine,
});

async function examine({ declared: { projects = [] } }: Facts): Promise<readonly Found[]> {
  if (projects.length === 0) throw new NotApplicable("no SQL project is declared: audit.projects in pgkeep.yaml");
  return await lookAtEach(projects, async (project) => {
    const files = projectFiles(project).filter(isParameterFile);
    if (files.length === 0) return [];
    const tracked = trackedFiles(project);
    return await lookAtEach(files, (path) => judge(path, tracked?.has(path) ?? false));
  });
}

function judge(path: string, isTracked: boolean): Found[] {
  const [first, ...others] = secretPlaces(projectText(path));
  const status = statusOf(path);
  if (first === undefined || status === undefined) return [];
  const isOpen = (status.mode & READABLE_BY_EVERYBODY) !== 0 && isReachableByOthers(path);
  if (!isOpen && !isTracked) return [];
  const reasons = [
    ...(isOpen ? [`${modeText(status)}: everybody can read it`] : []),
    ...(isTracked ? ["tracked by git"] : []),
  ];
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const detail = `${reasons.join(", ")}; holds ${first.what} (line ${first.line})${more}`;
  const severity = isTracked ? "high" : "medium";
  return [{ object: path, detail, severity, place: { file: path, line: first.line }, fix: fixOf(path, isTracked) }];
}

function fixOf(path: string, isTracked: boolean): Fix {
  if (!isTracked) return chmod("0600", path);
  const name = shellWord(path);
  return {
    kind: "shell",
    commands: [`chmod 0600 ${name}`, `git rm --cached ${name}`],
    risk: "low",
    riskReason: "earlier commits keep it: change the secrets, and name the file in .gitignore",
  };
}
