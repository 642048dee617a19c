/**
 * The projects that `init` copies: directories below templates/ of the package.
 *
 * A template is an ordinary project. Two things happen on the way: `{{PROJECT_NAME}}` becomes the name of the target
 * directory, and `gitignore` becomes `.gitignore`, because npm leaves files of that name out of packages.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { nearestName } from "../../base/suggest.ts";
import { compareBytes } from "./byte-order.ts";
import { quotedPath } from "./problems.ts";

export interface Template {
  name: string;
  /** One line. */
  summary: string;
  /** Some sentences. */
  description: string;
}

export const TEMPLATES: readonly Template[] = [
  {
    name: "basic",
    summary: "One table, its functions, tests as the gate, and a role for the application",
    description:
      "deploy.sql runs every file of migrations/ in the order of its name, then all tests, in one transaction that is " +
      "committed only when both went well. A ledger that skips unchanged files is one word in project.json. A second " +
      "role for the running application is made with the least it needs, and a test becomes that role and proves that " +
      "it can neither alter, drop nor create anything.",
  },
];

/** The template called `name`. Throws DEPLOY_TEMPLATE_UNKNOWN. */
export function templateNamed(name: string): Template {
  const template = TEMPLATES.find((known) => known.name === name);
  if (template) return template;
  const names = TEMPLATES.map((known) => known.name);
  const near = nearestName(name, names);
  throw new PgkeepError("DEPLOY_TEMPLATE_UNKNOWN", "there is no template of that name", {
    hint: near ? `Did you mean "${near}"?` : `Known: ${names.join(", ")}.`,
    state: "nothing was started",
  });
}

/** Paths of the template's files as they will be called, "/" separated, in order. */
export function templateFiles({ name }: Template): string[] {
  return sourceFiles(name).map(targetName).sort(compareBytes);
}

export interface CopyOptions {
  /** Absolute path of a directory that exists. */
  directory: string;
  /** Files at the root of the target that stay as they are. */
  keep: ReadonlySet<string>;
}

/** Copies the template. Returns the paths written, in order. Throws FILE_WRITE_FAILED; never replaces a file. */
export function copyTemplate(template: Template, { directory, keep }: CopyOptions): string[] {
  const projectName = basename(directory);
  const written: string[] = [];
  for (const source of sourceFiles(template.name)) {
    const path = targetName(source);
    if (keep.has(path)) continue;
    const text = readFileSync(join(folderOf(template.name), source), "utf8");
    writeNewFile(
      directory,
      path,
      text.replaceAll("{{PROJECT_NAME}}", () => escapedName(projectName, path)),
    );
    written.push(path);
  }
  return written.sort(compareBytes);
}

/** Writes one new file below `directory`, with the directories on the way. Throws FILE_WRITE_FAILED. */
export function writeNewFile(directory: string, path: string, text: string): void {
  try {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text, { flag: "wx" });
  } catch (error) {
    throw new PgkeepError("FILE_WRITE_FAILED", `could not write ${quotedPath(path)}`, {
      detail: `The system answered ${errorCodeOf(error) ?? "with an unknown error"}.`,
      state: "the files listed before it were written",
    });
  }
}

function sourceFiles(template: string): string[] {
  const folder = folderOf(template);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll("\\", "/"),
    );
}

/** The same place from src/ and from dist/: three directories up is the package. */
function folderOf(template: string): string {
  return fileURLToPath(new URL(`../../../templates/${template}`, import.meta.url));
}

function targetName(source: string): string {
  return source === "gitignore" ? ".gitignore" : source;
}

/** Names of directories may hold quotes and line breaks. */
function escapedName(name: string, path: string): string {
  return path.endsWith(".json") ? JSON.stringify(name).slice(1, -1) : name.replace(/[\r\n]+/g, " ");
}
