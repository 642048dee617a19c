/**
 * The questions about a project's connection, and the file their answers are kept in.
 *
 * The password is none of them: pgmi.yaml is a project file, and what it holds is loaded into the session.
 */
import { resolve } from "node:path";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import type { Prompter } from "../../base/operation.ts";
import { SSL_MODES } from "../../config/connection-keys.ts";
import { PGMI_YAML } from "../../config/pgmi-yaml.ts";
import type { ConfigEntry } from "../../config/strict-yaml.ts";
import { replacePrivateFile } from "../../pg/embedded/guarded-files.ts";

/** Values by their key of the connection section. */
export type ConnectionAnswers = Readonly<Record<string, string>>;

/**
 * Asks for host, port, role, database and TLS mode. Each question offers what holds now; an empty answer keeps it.
 *
 * Throws CANCELLED when the person leaves, CONFIG_VALUE_INVALID for a port that is none.
 */
export async function askConnection(prompt: Prompter, current: ConnectionAnswers): Promise<ConnectionAnswers> {
  const given: Record<string, string> = {};
  const defaults = { host: "localhost", port: "5432", username: "", database: "" };
  for (const [key, otherwise] of Object.entries(defaults)) {
    const now = current[key] ?? otherwise;
    const answer = await prompt.text(now === "" ? key : `${key} (${now})`);
    if (answer === undefined) throw wizardLeft();
    const value = answer.trim() || now;
    if (key === "port") checkPort(value);
    if (value !== "") given[key] = value;
  }
  const sslmode = await prompt.choose("sslmode", sslModes(current.sslmode ?? "prefer"));
  if (sslmode === undefined) throw wizardLeft();
  return { ...given, sslmode };
}

export const wizardLeft = (): PgkeepError =>
  new PgkeepError("CANCELLED", "the wizard was left", { state: "nothing was written" });

/** What holds now stands first, where the cursor is. */
function sslModes(current: string): { value: string; label: string }[] {
  const others = SSL_MODES.filter((mode) => mode !== current);
  const modes = others.length < SSL_MODES.length ? [current, ...others] : others;
  return modes.map((mode) => ({ value: mode, label: mode }));
}

function checkPort(text: string): void {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the port is not a number from 1 to 65535", {
    hint: "Enter the port as digits; PostgreSQL's own is 5432.",
    state: "nothing was written",
  });
}

/**
 * Writes `answers` into the project's pgmi.yaml, for its owner only; `entries` are what the file held, and all of them
 * but the answered ones are kept. Returns the file's path. Throws FILE_WRITE_FAILED.
 */
export async function saveConnection(
  project: string,
  entries: readonly ConfigEntry[],
  answers: ConnectionAnswers,
): Promise<string> {
  const kept = new Map(entries.map(({ path: [section = "", key = ""], value }) => [`${section}.${key}`, value]));
  for (const [key, value] of Object.entries(answers)) kept.set(`connection.${key}`, value);
  const path = resolve(project, PGMI_YAML);
  try {
    await replacePrivateFile(path, yamlText(kept));
  } catch (cause) {
    throw new PgkeepError("FILE_WRITE_FAILED", `could not write ${PGMI_YAML}`, {
      detail: `The system reported ${errorCodeOf(cause) ?? "an error"}.`,
      state: "nothing was written",
      cause,
    });
  }
  return path;
}

/** The file's text from "section.key" to value. Values are quoted as JSON, which is YAML too and needs no further rules. */
function yamlText(values: ReadonlyMap<string, string>): string {
  const lines = ["# Settings of this project; pgkeep config schema describes them."];
  for (const section of ["connection", "params"]) {
    const own = [...values].filter(([name]) => name.startsWith(`${section}.`));
    if (own.length === 0) continue;
    lines.push(`${section}:`);
    for (const [name, value] of own) lines.push(`  ${keyAndValue(name.slice(section.length + 1), value)}`);
  }
  const timeout = values.get("timeout.");
  if (timeout !== undefined) lines.push(`timeout: ${JSON.stringify(timeout)}`);
  return `${lines.join("\n")}\n`;
}

const keyAndValue = (key: string, value: string): string =>
  key === "port" ? `port: ${value}` : `${key}: ${JSON.stringify(value)}`;
