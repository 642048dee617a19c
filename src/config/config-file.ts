/**
 * Opens one configuration file: a regular file, not through a link, of bounded size, valid UTF-8.
 *
 * pgmi.yaml is part of the project, which is the author's to write. Our own files redirect a deploy of whoever runs
 * it, so those must belong to that person (or root) and be writable by nobody else.
 */
import type { Stats } from "node:fs";
import { PgkeepError } from "../base/errors.ts";
import { tameLine } from "../base/tame.ts";
import type { ConfigShape } from "./config-shape.ts";
import { FileRefusal, readRegularFile } from "./regular-file.ts";
import { type ConfigEntry, MAX_YAML_BYTES, readStrictYaml } from "./strict-yaml.ts";

const WRITABLE_BY_OTHERS = 0o022;

export interface ConfigFileOptions {
  shape: ConfigShape;
  /** "owner": the file decides for the person who runs us, so only that person or root may have written it. */
  trust: "project" | "owner";
}

/**
 * The entries of the file at `path`, called `name` in messages; undefined when there is none. Throws
 * CONFIG_FILE_INVALID and CONFIG_FILE_UNSAFE.
 */
export async function readConfigFile(
  path: string,
  name: string,
  { shape, trust }: ConfigFileOptions,
): Promise<ConfigEntry[] | undefined> {
  const text = await readConfigText(path, name, trust);
  if (text === undefined) return undefined;
  // A file without content needs no parser, which costs more than the rest of a short command.
  return /^\s*$/.test(text) ? [] : readStrictYaml(text, name, shape);
}

/** The text of such a file; undefined when there is none. Throws CONFIG_FILE_INVALID and CONFIG_FILE_UNSAFE. */
export async function readConfigText(
  path: string,
  name: string,
  trust: ConfigFileOptions["trust"],
): Promise<string | undefined> {
  const inspect = trust === "owner" ? (stats: Stats) => requireOwnFile(stats, name) : undefined;
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_YAML_BYTES, ...(inspect ? { inspect } : {}) });
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof PgkeepError) throw error;
    const refusal = error instanceof FileRefusal ? error : undefined;
    if (refusal?.systemCode === "ENOENT" || refusal?.systemCode === "ENOTDIR") return undefined;
    throw new PgkeepError("CONFIG_FILE_INVALID", `"${tameLine(name)}" ${refusal?.message ?? "is not valid UTF-8"}`, {
      file: name,
      hint: "Put a regular file of UTF-8 text there, or remove it.",
      state: "nothing was started",
    });
  }
}

/** Windows reports neither owner nor group rights; its access lists are left to the administrator. */
function requireOwnFile({ uid, mode }: Stats, name: string): void {
  const self = process.geteuid?.();
  if (self === undefined) return;
  if ((mode & WRITABLE_BY_OTHERS) !== 0) {
    const hint = `Take the right away: chmod go-w '${tameLine(name)}'`;
    throw unsafe(name, { reason: "can be written by other users", hint });
  }
  if (uid !== self && uid !== 0) {
    const hint = "Copy it to a file of your own, or give --config FILE.";
    throw unsafe(name, { reason: "belongs to somebody else", hint });
  }
}

function unsafe(name: string, { reason, hint }: { reason: string; hint: string }): PgkeepError {
  return new PgkeepError("CONFIG_FILE_UNSAFE", `configuration file "${tameLine(name)}" ${reason}`, {
    hint,
    state: "nothing was started",
  });
}
