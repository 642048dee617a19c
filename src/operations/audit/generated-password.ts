/** A password that nobody has to think of: drawn here, written to a file that only its owner can read, referred to by it. */
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { OperationContext } from "../../base/operation.ts";
import { registerSecret } from "../../base/secrets.ts";
import { checkNewModel, writeNewModel } from "../access/new-model-file.ts";

/** 24 bytes: 192 bits, 32 characters that no connection string has to escape. */
const PASSWORD_BYTES = 24;

export interface GeneratedPassword extends AsyncDisposable {
  file: string;
  /** Where references have to be allowed to read. */
  directory: string;
  reference: string;
  /** The role has it: the file stays. */
  keep(): void;
}

/**
 * Writes a new password to `file`, which must not exist; undefined without a file, or when nothing shall be done. It is
 * written before the role gets it, so that nothing is lost when this process dies, and removed when the role did not.
 * Throws FILE_WRITE_FAILED.
 */
export function generatedPassword(
  file: string | undefined,
  { dryRun = false }: { dryRun?: boolean | undefined },
  context: Pick<OperationContext, "workingDirectory">,
): GeneratedPassword | undefined {
  checkNewModel(file, context);
  if (file === undefined || dryRun) return undefined;
  const password = randomBytes(PASSWORD_BYTES).toString("base64url");
  registerSecret(password);
  writeNewModel(file, `${password}\n`, context);
  const path = resolve(context.workingDirectory, file);
  let isKept = false;
  return {
    file,
    directory: dirname(path),
    reference: `\${file:${path}}`,
    keep: () => {
      isKept = true;
    },
    [Symbol.asyncDispose]: async () => {
      if (!isKept) rmSync(path, { force: true });
    },
  };
}
