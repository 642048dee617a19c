/**
 * `pgkeep access password`: prints the SCRAM verifier of a password, to be used where a password would be, or gives it to
 * a role.
 *
 * Without a role it needs no server. The password comes from a reference, a hidden prompt or standard input, never from the command line, where every
 * user of the machine could read it.
 */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { checkPassword, type RolePassword } from "../access/apply/passwords.ts";
import { setPassword } from "../access/apply/set-password.ts";
import { PgkeepError } from "../base/errors.ts";
import type { OperationContext } from "../base/operation.ts";
import { defineOperation } from "../base/operation.ts";
import { Secret } from "../base/secrets.ts";
import { settingsFields } from "../config/input.ts";
import { DEFAULT_SECRET_ROOTS, isReference, resolveReferences } from "../config/references.ts";
import { connectionFields } from "../pg/connect/input.ts";
import {
  DEFAULT_SCRAM_ITERATIONS,
  MAX_SCRAM_ITERATIONS,
  MIN_SCRAM_ITERATIONS,
  SCRAM_SALT_BYTES,
  scramVerifierText,
} from "../pg/scram.ts";
import { memoryOf, rememberPassword, secretFields } from "./access/secret-input.ts";
import { type ServerRequest, serverOf } from "./server/connect.ts";

/** What `--from` says for standard input. */
const STDIN = "-";

export default defineOperation({
  name: "access.password",
  summary: "Print the SCRAM verifier of a password, or give it to a role",
  description:
    "The server stores a verifier as it is, so ALTER ROLE ... PASSWORD with it never shows the password to logs or " +
    "statement statistics. Each run draws a new salt, so each prints another verifier of the same password, and connects " +
    "nowhere. With a role the verifier is set on the server, in a way that keeps even it out of logs and statistics; " +
    "a role that is known to have the password already is left alone.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "access password",
    positionals: ["role?"],
    exitCodes: [10, 11, 12, 13, 16, 130],
    examples: [
      { line: "pgkeep access password", does: "ask for the password" },
      { line: "pgkeep access password --from '${env:APP_PASSWORD}'", does: "take it from the environment" },
      { line: "pgkeep access password --from -", does: "take it from standard input" },
      { line: "pgkeep access password --from '${file:/run/secrets/app}'", does: "take it from a file" },
      { line: "pgkeep access password app -d shop", does: "ask for it, and give it to role app" },
    ],
  },
  input: (z) =>
    z.strictObject({
      role: z
        .string()
        .optional()
        .meta({ description: "Role that gets the password; without one the verifier is printed", valueName: "ROLE" }),
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
      rotate: z.boolean().optional().meta({ description: "Set it even when the role has it", group: "what" }),
      dryRun: z.boolean().optional().meta({ description: "Say what would be done and do nothing", group: "safety" }),
      ...secretFields(z),
      ...settingsFields(z),
      ...connectionFields(z),
    }),
  output: (z) =>
    z.strictObject({
      verifier: z.string().optional().meta({ description: "Absent when a role was named" }),
      role: z.string().optional(),
      outcome: z.enum(["set", "unchanged", "not set"]).optional().meta({ description: "not set: --dry-run" }),
    }),
  run: async (input, context) => {
    const { role, from, iterations, secretRoot, dryRun } = input;
    const password = await passwordOf(from, secretRoot, context);
    warnOfUnusualCharacters(password, context);
    if (role === undefined)
      return { verifier: scramVerifierText(password, { salt: randomBytes(SCRAM_SALT_BYTES), iterations }) };
    checkPassword(role, password);
    if (dryRun) return { role, outcome: "not set" as const };
    return { role, outcome: await givePassword({ role, secret: password }, input, context) };
  },
});

interface Giving extends ServerRequest {
  iterations?: number | undefined;
  rotate?: boolean | undefined;
  stateFile?: string | undefined;
}

async function givePassword({ role, secret }: RolePassword, request: Giving, context: OperationContext) {
  const warn = (message: string): void => context.report({ type: "warning", message });
  const { iterations, rotate = false } = request;
  const server = await serverOf(request, context);
  const memory = await memoryOf(server, request, context);
  await using session = await server.open();
  const outcome = await setPassword(session, { role, secret }, { iterations, rotate, check: memory?.check, warn });
  if (outcome === "set") await rememberPassword(memory, { session, role, secret, warn });
  return outcome;
}

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
