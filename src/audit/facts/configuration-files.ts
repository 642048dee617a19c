/** The files that decide a server's configuration, those that they include among them. Names only. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import { Unanswered } from "../answers.ts";
import { namesIn, tailOf } from "./files.ts";

export interface ConfigurationFile {
  path: string;
  /** Whether it tells who comes in how, which is nobody else's to know. */
  isPrivate: boolean;
}

interface Roots {
  main: string;
  hba: string;
  ident: string;
  dataDirectory: string;
}

/** 1 MiB a file, 10 levels as the server allows, 1,000 files. */
const MAX_BYTES = 1024 * 1024;
const MAX_DEPTH = 10;
const MAX_FILES = 1_000;

/** postgresql.conf writes quotes and may write a sign; pg_hba.conf writes neither. Both double a quote inside quotes. */
const INCLUDE =
  /^[ \t]*(include|include_if_exists|include_dir)(?:[ \t]*=[ \t]*|[ \t]+)(?:'((?:[^'\n]|'')*)'|"([^"\n]*)"|([^\s#]+))/gim;

/** Each file once. Files that may not be read are named, and what they include stays unknown. */
export function configurationFiles({ main, hba, ident, dataDirectory }: Roots): readonly ConfigurationFile[] {
  const found = new Map<string, ConfigurationFile>();
  const roots = [
    { path: main, isPrivate: false },
    { path: join(dataDirectory, "postgresql.auto.conf"), isPrivate: false },
    { path: hba, isPrivate: true },
    { path: ident, isPrivate: true },
  ];
  for (const root of roots) collect(root, found, 0);
  return [...found.values()];
}

function collect(file: ConfigurationFile, found: Map<string, ConfigurationFile>, depth: number): void {
  if (found.has(file.path) || depth > MAX_DEPTH || found.size >= MAX_FILES) return;
  found.set(file.path, file);
  for (const path of includedBy(file.path)) collect({ path, isPrivate: file.isPrivate }, found, depth + 1);
}

function includedBy(path: string): string[] {
  return [...textOf(path).matchAll(INCLUDE)].flatMap(([, directive = "", quoted, doubled, bare]) => {
    const target = (quoted?.replaceAll("''", "'") ?? doubled ?? bare ?? "").trim();
    const absolute = isAbsolute(target) ? target : resolve(dirname(path), target);
    return directive.toLowerCase() === "include_dir" ? confIn(absolute) : [absolute];
  });
}

/** The server takes files that end in .conf and do not begin with a dot. */
function confIn(directory: string): string[] {
  const names = quietly(() => namesIn(directory)) ?? [];
  return names.filter((name) => name.endsWith(".conf") && !name.startsWith(".")).map((name) => join(directory, name));
}

function textOf(path: string): string {
  return quietly(() => tailOf(path, MAX_BYTES))?.text ?? "";
}

/** What cannot be read here is looked at by its mode all the same. */
function quietly<Answer>(ask: () => Answer | undefined): Answer | undefined {
  try {
    return ask();
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}
