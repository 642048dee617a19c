/**
 * `pgkeep audit bootstrap`: a role that can audit and do nothing else, made, granted and proved through the access planner.
 *
 * What only superusers see of pg_hba.conf, pg_ident.conf and the settings files is opened to it in one database, because
 * lists on the server's own views belong to a database. Password hashes stay closed: who can read them can guess them.
 */
import { readModel } from "../access/model/read.ts";
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { settingsFields } from "../config/input.ts";
import { isReference } from "../config/references.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { appliedSchema } from "./access/applied-document.ts";
import { applyFields } from "./access/apply-input.ts";
import { appliedExitCode, applyModel } from "./access/applying.ts";
import { secretFields } from "./access/secret-input.ts";
import { auditCommand } from "./audit/audit-command.ts";
import { auditorFacts, auditorText, requireHarmless } from "./audit/auditor-role.ts";
import { generatedPassword } from "./audit/generated-password.ts";
import { serverOf } from "./server/connect.ts";

const DEFAULT_ROLE = "pgkeep_auditor";

export default defineOperation({
  name: "audit.bootstrap",
  summary: "Make the role that audits, with the least rights that answer",
  description:
    "Shows the plan, asks, and makes a role that can log in, is a member of pg_monitor, and may read how the server lets " +
    "people in: pg_hba_file_rules, pg_file_settings and, from PostgreSQL 15 on, pg_ident_file_mappings. These grants hold in " +
    "the database of this connection, so audits begin there. The result is looked at again before it is committed. A second " +
    "run finds nothing to do.",
  effects: "destructive",
  surfaces: ["cli", "library"],
  cli: {
    command: "audit bootstrap",
    exitCodes: [10, 11, 12, 13, 16, 21, 22, 23, 130],
    examples: [
      { line: "pgkeep audit bootstrap -d shop --dry-run", does: "the statements, without running them" },
      {
        line: "pgkeep audit bootstrap -d shop --auditor-password '${env:AUDITOR_PASSWORD}' --yes",
        does: "with a password of yours; only its verifier is sent",
      },
      {
        line: "pgkeep audit bootstrap -d shop --password-file auditor.secret",
        does: "with a new password, written to a file that only you can read",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      role: z
        .string()
        .min(1)
        .default(DEFAULT_ROLE)
        .meta({ description: "Name of the role", valueName: "ROLE", group: "what" }),
      auditorPassword: z.string().optional().meta({
        description: "Where its password is: ${env:NAME} or ${file:/path}; without one it has none",
        valueName: "REFERENCE",
        group: "what",
      }),
      passwordFile: z.string().min(1).optional().meta({
        description: "Make a password and write it to this new file",
        valueName: "FILE",
        group: "what",
      }),
      rotate: z.boolean().optional().meta({ description: "Set the password again", group: "what" }),
      ...secretFields(z),
      ...settingsFields(z),
      ...connectionFields(z),
      ...applyFields(z),
    }),
  output: (z) =>
    appliedSchema(z).extend({
      role: z.string(),
      password_file: z.string().nullable().meta({ description: "File that was written" }),
      command: z.string().meta({ description: "How to audit as that role" }),
    }),
  exitCode: (output) => appliedExitCode(output),
  run: async ({ role = DEFAULT_ROLE, auditorPassword, passwordFile, ...request }, context) => {
    checkPasswordFlags({ auditorPassword, passwordFile });
    const server = await serverOf(request, context);
    const facts = await auditorFacts(server, role);
    requireHarmless(role, facts);
    await using generated = generatedPassword(passwordFile, request, context);
    const password = generated?.reference ?? auditorPassword;
    const text = auditorText({ role, password, facts });
    const model = await readModel(text, { file: "the auditor's model" });
    const secretRoot = generated ? [...(request.secretRoot ?? []), generated.directory] : request.secretRoot;
    const rotate = request.rotate === true || generated !== undefined;
    const applied = await applyModel({ ...request, secretRoot, rotate, database: facts.database }, context, { model });
    const isSet = applied.passwords_set.includes(role);
    if (isSet) generated?.keep();
    const { settings } = server.connection;
    return {
      ...applied,
      role,
      password_file: isSet && generated ? generated.file : null,
      command: auditCommand({ request, settings, role, database: facts.database }),
    };
  },
});

interface PasswordFlags {
  auditorPassword: string | undefined;
  passwordFile: string | undefined;
}

function checkPasswordFlags({ auditorPassword, passwordFile }: PasswordFlags): void {
  const state = "nothing was started";
  if (auditorPassword !== undefined && passwordFile !== undefined) {
    throw new PgkeepError("CONFIG_CONFLICT", "--auditor-password and --password-file exclude each other", {
      hint: "Name a password of yours, or let one be made.",
      state,
    });
  }
  if (auditorPassword === undefined || isReference(auditorPassword)) return;
  throw new PgkeepError("CONFIG_VALUE_INVALID", "--auditor-password is not a reference", {
    detail: "A password on the command line can be read by every user of the machine, so it is not taken.",
    hint: "Write it as --auditor-password '${env:NAME}' or '${file:/path}', in single quotes.",
    state,
  });
}
