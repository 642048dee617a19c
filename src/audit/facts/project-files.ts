/** Files of a declared SQL project on this machine, and where secrets stand in them. Tells names and lines, never values. */
import { basename, join } from "node:path";
import { Unanswered } from "../answers.ts";
import { namesIn, ownStatusOf, tailOf } from "./files.ts";

/** 20,000 files, 20 levels, 4 MiB each: what a deploy would read. */
const MAX_FILES = 20_000;
const MAX_DEPTH = 20;
const MAX_BYTES = 4 * 1024 * 1024;

/** Not the project's own text. */
const LEFT_OUT = new Set([".git", "node_modules", ".venv", "dist"]);

/** Regular files of the project, without following links. Throws Unanswered. */
export function projectFiles(directory: string): readonly string[] {
  if (ownStatusOf(directory)?.kind !== "directory")
    throw new Unanswered(`${directory} is no directory on this machine`);
  const found: string[] = [];
  const waiting = [{ path: directory, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const name of namesIn(next.path) ?? []) {
      if (LEFT_OUT.has(name)) continue;
      const path = join(next.path, name);
      const kind = ownStatusOf(path)?.kind;
      if (kind === "file") found.push(path);
      if (kind === "directory" && next.depth < MAX_DEPTH) waiting.push({ path, depth: next.depth + 1 });
      if (found.length > MAX_FILES) throw new Unanswered(`${directory} holds more than ${MAX_FILES} files`);
    }
  }
  return found.sort();
}

/** Text of one file, at most its last 4 MiB. Throws Unanswered. */
export function projectText(path: string): string {
  return tailOf(path, MAX_BYTES)?.text ?? "";
}

const SAMPLE = /\.(example|sample|template|dist|md)$|example|sample/i;

/** Files that hold parameters or variables, by their names: .env, prod.env, params.txt, secrets.conf. */
export function isParameterFile(path: string): boolean {
  const name = basename(path);
  if (SAMPLE.test(name) || /\.(sql|ya?ml|ts|js|py|go|sh)$/i.test(name)) return false;
  return /^\.env(\.|$)|\.env$|\.params$|^params?([._-]|$)|secret/i.test(name);
}

export interface SecretPlace {
  /** Key or kind: "app_password", "a URL with a password". */
  what: string;
  /** 1-based. */
  line: number;
}

const SECRET_KEY = /pass(word|wd|phrase)?$|secret|token|api_?key|private_?key|credential/i;
const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w{0,62})[ \t]*[=:][ \t]*(.+?)[ \t]*$/;
/** What stands for a value that something else fills in. */
const PLACEHOLDER = /^["']?(\$\{?\w|\{\{|<|%\w+%|changeme|xxx|\.\.\.|null\b|~|true\b|false\b|\d{1,4}["']?$)/i;
const URL_WITH_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/?#@:"']*:([^\s/?#@"']+)@/i;

/** Keys that look like secrets and have a value, and URLs with a password, in a file of KEY=VALUE or YAML lines. */
export function secretPlaces(text: string): SecretPlace[] {
  return text.split("\n").flatMap((written, index) => {
    if (/^[ \t]*(#|--|\/\/)/.test(written)) return [];
    const [, key = "", value = ""] = ASSIGNMENT.exec(written) ?? [];
    const line = index + 1;
    const bare = value.replace(/^(["'])(.*)\1$/, "$2").trim();
    if (SECRET_KEY.test(key) && bare !== "" && !PLACEHOLDER.test(bare)) return [{ what: key, line }];
    return urlPlace(written, line);
  });
}

/** URLs with a password, in any text. */
export function urlPlaces(text: string): SecretPlace[] {
  return text.split("\n").flatMap((written, index) => urlPlace(written, index + 1));
}

function urlPlace(written: string, line: number): SecretPlace[] {
  const password = URL_WITH_PASSWORD.exec(written)?.[1];
  if (password === undefined || PLACEHOLDER.test(password) || /^(pass(word)?|pw|secret)$/i.test(password)) return [];
  return [{ what: "a URL with a password", line }];
}
