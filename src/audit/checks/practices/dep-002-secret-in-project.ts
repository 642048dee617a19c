/** DEP-002: secrets in clear in a project's configuration and scripts. */
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { projectFiles, projectText, secretPlaces, urlPlaces } from "../../facts/project-files.ts";
import { lookAtEach } from "./looking.ts";

export default defineCheck({
  id: "DEP-002",
  title: "secret in clear in a project's configuration",
  severity: "high",
  why:
    "Configuration and scripts are part of the project: they are loaded into the session, copied to build machines and kept in the " +
    "repository's history. A password in them belongs to all who see one of those.",
  remedy: "Take it from the environment, a params file or a secret store, and change it.",
  limits:
    "Parameters of pgmi.yaml and pgkeep.yaml by the names of their keys; URLs with a password in YAML, TOML, JSON, SQL and shell " +
    "files. Params files are HST-012's.",
  references: { other: ["CWE-798", "pgkeep: hardening"] },
  scope: "cluster",
  needs: [],
  examine,
});

async function examine({ declared: { projects = [] } }: Facts): Promise<readonly Found[]> {
  if (projects.length === 0) throw new NotApplicable("no SQL project is declared: audit.projects in pgkeep.yaml");
  return await lookAtEach(projects, (project) => lookAtEach(projectFiles(project), inFile));
}

function inFile(path: string): Found[] {
  const isOurs = /(^|\/)(pgmi|pgkeep)\.ya?ml$/.test(path);
  if (!isOurs && !/\.(ya?ml|toml|json|sql|sh|bash|ps1)$/i.test(path)) return [];
  const places = isOurs ? secretPlaces(projectText(path)) : urlPlaces(projectText(path));
  const names = [...new Set(places.map(({ what }) => what))];
  return names.map((what) => {
    const line = places.find((place) => place.what === what)?.line ?? 1;
    return {
      object: `${path}: ${what}`,
      detail: `on line ${line}`,
      place: { file: path, line },
      fix: { kind: "words", text: "Take it out, give it by the environment or a params file, and change it." },
    };
  });
}
