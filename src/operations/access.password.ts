/**
 * `pgkeep access password`: prints the SCRAM verifier of a password, to be used where a password would be.
 *
 * Needs no server. The password comes from a reference, a hidden prompt or standard input, never from the command line, where every
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

/** What `--from` says for standard input. */
const STDIN = "-";

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
      { line: "pgkeep access password --from -", does: "take it from standard input" },
      { line: "pgkeep access password --from '${file:/run/secrets/app}'", does: "take it from a file" },
    ],
  },
  input: (z) =>
    z.strictObject({
      from: z.string().optional().meta({
        description: "Where the password is: ${env:NAME}, ${file:/path}, or - for standard input",
        valueName: "REFERENCE",
      }),
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
    const password = await passwordOf(from, secretRoot, context);
    warnOfUnusualCharacters(password, context);
    return { verifier: scramVerifierText(password, { salt: randomBytes(SCRAM_SALT_BYTES), iterations }) };
  },
});

function passwordOf(
  from: string | undefined,
  roots: readonly string[] | undefined,
  context: OperationContext,
): Promise<Secret> {
  if (from === STDIN) return receive(context);
  if (from !== undefined) return read(from, roots, context);
  // A person who is there is asked; otherwise what was piped in is the password.
  return context.prompt || !context.readStdin ? ask(context) : receive(context);
}

/** The first line of standard input, the whole of it without its line end. */
async function receive({ readStdin }: OperationContext): Promise<Secret> {
  const text = (await readStdin?.()) ?? "";
  const password = text.replace(/\r?\n$/, "");
  if (password === "") {
    throw new PgkeepError("CONFIG_VALUE_INVALID", "no password came from standard input", {
      hint: "Send it: pgkeep access password --from - < file",
    });
  }
  if (!/[\r\n]/.test(password)) return new Secret(password);
  throw new PgkeepError("CONFIG_VALUE_INVALID", "standard input holds more than one line", {
    hint: "Send the password alone; a line break cannot be part of it.",
  });
}

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
      hint: "Name its place: --from '${env:NAME}' or --from '${file:/path}', or send it to standard input.",
    });
  }
  const password = await prompt.secret("Password");
  const repeated = password === undefined ? undefined : await prompt.secret("The same password again");
  if (password === undefined || repeated === undefined) {
    throw new PgkeepError("CANCELLED", "no password was entered");
  }
  if (password === repeated) return new Secret(password);
  throw new PgkeepError("CONFIG_VALUE_INVALID", "the two passwords are not the same", {
    hint: "Run the command again and enter the same password twice.",
  });
}

function warnOfUnusualCharacters(password: Secret, { report }: OperationContext): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what is asked about.
  if (/^[\x00-\x7f]*$/.test(password.expose())) return;
  report({ type: "access.password_not_ascii" });
}
