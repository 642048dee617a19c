/** The access model that a command is about: found, opened with care, read. */
import type { Stats } from "node:fs";
import { resolve } from "node:path";
import type { AccessModel } from "../../access/model/model.ts";
import { MAX_MODEL_BYTES, readModel } from "../../access/model/read.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";

export const DEFAULT_MODEL_FILE = "access.yaml";

/** A model decides who may do what, so a file that everybody may write is none. */
const WRITABLE_BY_ALL = 0o002;

/** The input field that names the model, for every operation that reads one. */
export function modelField(z: ZodNamespace) {
  return {
    model: z
      .string()
      .optional()
      .meta({ description: `Access model to read; default ${DEFAULT_MODEL_FILE}`, valueName: "FILE", group: "what" }),
  };
}

/** Reads the model at `path` or at its usual place. Throws ACCESS_MODEL_INVALID, CONFIG_FILE_UNSAFE. */
export async function loadModel(
  path: string | undefined,
  { workingDirectory, signal }: Pick<OperationContext, "workingDirectory" | "signal">,
): Promise<AccessModel> {
  const name = path ?? DEFAULT_MODEL_FILE;
  const text = await modelText(resolve(workingDirectory, name), name, signal);
  return await readModel(text, { file: name });
}

async function modelText(path: string, name: string, signal: AbortSignal): Promise<string> {
  const inspect = ({ mode }: Stats): void => requireGuarded(mode, name);
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_MODEL_BYTES, followLink: true, inspect }, signal);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof PgkeepError) throw error;
    signal.throwIfAborted();
    const reason = error instanceof FileRefusal ? error.message : "is not valid UTF-8";
    throw new PgkeepError("ACCESS_MODEL_INVALID", `access model "${tameLine(name)}" ${reason}`, {
      hint: "Name the file, or write one: pgkeep access init",
      state: "nothing was started",
    });
  }
}

function requireGuarded(mode: number, name: string): void {
  // Windows reports no rights of others; its access lists are left to the administrator.
  if (process.platform === "win32" || (mode & WRITABLE_BY_ALL) === 0) return;
  throw new PgkeepError("CONFIG_FILE_UNSAFE", `access model "${tameLine(name)}" can be written by every user`, {
    hint: `Take the right away: chmod o-w '${tameLine(name)}'`,
    state: "nothing was started",
  });
}
