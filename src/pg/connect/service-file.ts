/**
 * Connection service files: named groups of connection settings, in the user's file and the system's.
 *
 * Source: PostgreSQL 18 manual, section 32.17 "The Connection Service File".
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import { nearestName } from "../../base/suggest.ts";
import type { ConnectionParameters } from "./connection-string.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface Service {
  parameters: ConnectionParameters;
  /** The file that defines it. */
  file: string;
}

/** The service called `name`. `explicitFile` is the servicefile setting. Throws CONFIG_VALUE_INVALID or CONFIG_FILE_INVALID. */
export async function loadService(
  name: string,
  environment: Environment,
  explicitFile?: string | undefined,
): Promise<Service> {
  const known: string[] = [];
  for (const { file, isRequired } of serviceFiles(environment, explicitFile)) {
    const text = await readIfThere(file, isRequired);
    if (text === undefined) continue;
    const services = parseServiceFile(text);
    const found = services.get(name);
    if (found?.brokenLine !== undefined) throw brokenLine(file, found.brokenLine);
    if (found) return { parameters: found.parameters, file };
    known.push(...services.keys());
  }
  const near = nearestName(name, known);
  throw new PgkeepError("CONFIG_VALUE_INVALID", "there is no connection service of the name given", {
    detail: known.length > 0 ? `Known services: ${known.join(", ")}.` : "No service file defines any service.",
    hint: near ? `Did you mean "${near}"?` : "Check PGSERVICE, PGSERVICEFILE and ~/.pg_service.conf.",
    state: "nothing was started",
  });
}

function serviceFiles(environment: Environment, explicitFile?: string): { file: string; isRequired: boolean }[] {
  const named = explicitFile ?? environment.PGSERVICEFILE;
  const own = named ? [{ file: named, isRequired: true }] : homeFile(environment);
  const system = environment.PGSYSCONFDIR ?? "/etc/postgresql-common";
  return [...own, { file: join(system, "pg_service.conf"), isRequired: false }];
}

function homeFile(environment: Environment): { file: string; isRequired: boolean }[] {
  if (process.platform === "win32") {
    const folder = environment.APPDATA;
    return folder ? [{ file: join(folder, "postgresql", ".pg_service.conf"), isRequired: false }] : [];
  }
  return environment.HOME ? [{ file: join(environment.HOME, ".pg_service.conf"), isRequired: false }] : [];
}

async function readIfThere(file: string, isRequired: boolean): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (!isRequired && errorCodeOf(error) === "ENOENT") return undefined;
    throw new PgkeepError("CONFIG_FILE_INVALID", `could not read service file "${file}"`, {
      detail: errorCodeOf(error) === "ENOENT" ? "It does not exist." : "It cannot be read.",
      hint: "Check PGSERVICEFILE and the file's mode.",
      state: "nothing was started",
    });
  }
}

interface Section {
  parameters: Map<string, string>;
  /** 1-based number of its first line that is no setting. A broken service does not spoil the others, as in libpq. */
  brokenLine?: number;
}

/** Services by name; the first definition of a name counts. */
export function parseServiceFile(text: string): Map<string, Section> {
  const services = new Map<string, Section>();
  let current: Section | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const name = /^\[(.*)\]$/.exec(line)?.[1];
    if (name !== undefined) {
      current = { parameters: new Map() };
      if (!services.has(name)) services.set(name, current);
    } else if (current) {
      addSetting(current, line, index + 1);
    }
  }
  return services;
}

function addSetting(section: Section, line: string, number: number): void {
  const [, word, value] = /^([a-z_][a-z0-9_]*)\s*=\s*(.*)$/i.exec(line) ?? [];
  const key = word?.toLowerCase();
  if (key === undefined || value === undefined || key === "service") section.brokenLine ??= number;
  else if (!section.parameters.has(key)) section.parameters.set(key, value);
}

/** The line itself is not repeated: it may hold a password. */
function brokenLine(file: string, line: number): PgkeepError {
  return new PgkeepError("CONFIG_FILE_INVALID", `service file "${file}" has an invalid line`, {
    detail: `Line ${line} is neither [name], key=value nor a comment, or it names another service.`,
    hint: "Correct that line.",
    state: "nothing was started",
    file,
    line,
  });
}
