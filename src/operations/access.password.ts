/**
 * `pgkeep access password`: prints the SCRAM verifier of a password, to be used where a password would be.
 *
 * Needs no server. The password comes from a reference or a hidden prompt, never from the command line, where every
 * user of the machine could read it.
 */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { PgkeepError } from "../base/errors.ts";
import type { OperationContext } from "../base/operation.ts";
import { defineOperation } from "../base/operation.ts";
import { Secret } from "../base/secrets.ts";
import { DEFAULT_SECRET_ROOTS, isReference, resolveReferences } from "../config/references.ts";
import {
  DEFAULT_SCRAM_ITERATIONS,
  MAX_SCRAM_ITERATIONS,
  MIN_SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  scramVerifierText,
} from "../pg/scram.ts";

export default defineOperation({
  name: "access.password",
  summary: "Print the SCRAM verifier of a password",
  description:
    "The server stores a verifier as it is, so ALTER ROLE ... PASSWORD with it never shows the password to logs or " +
    "statement statistics. Each run draws a new salt, so each prints another verifier of the same password. Connects nowhere.",
  effects: "read",
  surfaces: ["cli", "library"],
  cli: {
    command: "access password",
    exitCodes: [10, 12],
    examples: [
      { line: "pgkeep access password", does: "ask for the password" },
      { line: "pgkeep access password --from '${env:APP_PASSWORD}'", does: "take it from the environment" },
      { line: "pgkeep access password --from '${file:/run/secrets/app}'", does: "take it from a file" },
    ],
  },
  input: (z) =>
    z.strictObject({
      from: z
        .string()
        .optional()
        .meta({ description: "Where the password is: ${env:NAME} or ${file:/path}", valueName: "REFERENCE" }),
      iterations: z
        .int()
        .min(MIN_SCRAM_ITERATIONS)
        .max(MAX_SCRAM_ITERATIONS)
        .optional()
        .meta({ description: `Cost of one guess; default ${DEFAULT_SCRAM_ITERATIONS}`, valueName: "N" }),
      secretRoot: z
        .array(z.string())
        .optional()
        .meta({
          description: `Directory that references may read files below; default ${DEFAULT_SECRET_ROOTS.join(" and ")}`,
          valueName: "DIR",
          group: "safety",
        }),
    }),
  output: (z) => z.strictObject({ verifier: z.string() }),
  run: async ({ from, iterations, secretRoot }, context) => {
    const password = from === undefined ? await ask(context) : await read(from, secretRoot, context);
    warnOfUnusualCharacters(password, context);
    return { verifier: scramVerifierText(password, { salt: randomBytes(SCRAM_SALT_BYTES), iterations }) };
  },
});

async function read(from: string, roots: readonly string[] | undefined, context: OperationContext): Promise<Secret> {
  if (!isReference(from)) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "--from is not a reference", {
      detail: "A password on the command line can be read by every user of the machine, so it is not taken.",
      hint: "Write it as --from '${env:NAME}' or --from '${file:/path}', in single quotes.",
    });
  }
  const secretRoots = roots?.map((root) => resolve(context.workingDirectory, root)) ?? DEFAULT_SECRET_ROOTS;
  return new Secret(await resolveReferences(from, { environment: context.environment, secretRoots, of: "--from" }));
}

async function ask({ prompt }: OperationContext): Promise<Secret> {
  if (!prompt) {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "there is no terminal to ask for the password", {
      hint: "Name its place: --from '${env:NAME}' or --from '${file:/path}'",
    });
  }
  const password = await prompt.secret("Password");
  const repeated = password === undefined ? undefined : await prompt.secret("The same password again");
  if (password === undefined || repeated === undefined) {
    throw new PgkeepError("CANCELLED", "no password was entered");
  }
  if (password === repeated) return new Secret(password);
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the two passwords are not the same");
}

function warnOfUnusualCharacters(password: Secret, { report }: OperationContext): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked about.
  if (/^[\x00-\x7f]*$/.test(password.expose())) return;
  report({ type: "access.password_not_ascii" });
}
