/** Where a written model goes: a new file that only its owner can read, or back to the caller. */
import { accessSync, closeSync, constants, lstatSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorCodeOf, PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";

const OWNER_ONLY = 0o600;

/** The input field that names the file, for operations that write a model. */
export function newModelField(z: ZodNamespace) {
  return {
    file: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "New file to write, never an existing one; default standard output", valueName: "FILE" }),
  };
}

/** The output fields that say what was written. */
export function writtenModelFields(z: ZodNamespace) {
  return {
    file: z.string().nullable().meta({ description: "File that was written" }),
    text: z.string().meta({ description: "The model, YAML" }),
  };
}

/** Refuses early what `writeNewModel` would refuse after the work is done. Throws FILE_WRITE_FAILED. */
export function checkNewModel(
  file: string | undefined,
  { workingDirectory }: Pick<OperationContext, "workingDirectory">,
): void {
  if (file === undefined) return;
  const path = resolve(workingDirectory, file);
  try {
    if (lstatSync(path, { throwIfNoEntry: false })) throw notWritten(file, "EEXIST");
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw error instanceof PgkeepError ? error : notWritten(file, errorCodeOf(error));
  }
}

/**
 * Writes `text` to a file that is not there yet; neither a file nor a link is ever written through.
 * Throws FILE_WRITE_FAILED.
 */
export function writeNewModel(
  file: string | undefined,
  text: string,
  { workingDirectory }: Pick<OperationContext, "workingDirectory">,
): string | null {
  if (file === undefined) return null;
  const path = resolve(workingDirectory, file);
  try {
    writeWhole(path, text);
    return file;
  } catch (error) {
    throw notWritten(file, errorCodeOf(error));
  }
}

function notWritten(file: string, code: string | undefined): PgkeepError {
  const isThere = code === "EEXIST";
  const reason = isThere ? "it exists" : `the system answered ${code ?? "with an unknown error"}`;
  return new PgkeepError("FILE_WRITE_FAILED", `could not write "${tameLine(file)}": ${reason}`, {
    hint: isThere ? "Name a new file; a model that somebody wrote is never replaced." : undefined,
    state: "nothing was written",
  });
}

function writeWhole(path: string, text: string): void {
  const descriptor = openSync(path, "wx", OWNER_ONLY);
  try {
    writeFileSync(descriptor, text);
  } catch (error) {
    unlinkSync(path);
    throw error;
  } finally {
    closeSync(descriptor);
  }
}
