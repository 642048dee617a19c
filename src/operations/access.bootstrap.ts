/** `pgkeep access bootstrap`: the roles of a database in one command, from a profile to the proved result. */

import { starterText } from "../access/import/starter.ts";
import { PROFILES } from "../access/model/grammar.ts";
import { defaultNames, type ProfileNames } from "../access/model/profiles.ts";
import { readModel } from "../access/model/read.ts";
import { PgkeepError } from "../base/errors.ts";
import { defineOperation } from "../base/operation.ts";
import { isReference } from "../config/references.ts";
import { appliedSchema } from "./access/applied-document.ts";
import { applyFields } from "./access/apply-input.ts";
import { appliedExitCode, applyModel } from "./access/applying.ts";
import { checkNewModel, newModelField, writeNewModel, writtenModelFields } from "./access/new-model-file.ts";
import { planningFields } from "./access/planning.ts";
import { checkNamesFit, givenNames, namesFields } from "./access/starter-names.ts";
import { openTarget } from "./access/target.ts";
import { type Server, serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "access.bootstrap",
  summary: "Set up the roles of a database in one command",
  description:
    "Makes the model of a profile, shows the plan, asks, and applies it: an owner that nobody can log in as, a migrator " +
    "that becomes it, groups for writing and reading, and the application's role. The database is made when it is " +
    "missing. Roles that exist are brought to the model. With a file the model is kept, for plan, apply and verify later.",
  effects: "destructive",
  surfaces: ["cli", "library"],
  cli: {
    command: "access bootstrap",
    positionals: ["file?"],
    exitCodes: [10, 11, 12, 13, 16, 21, 22, 23, 130],
    examples: [
      { line: "pgkeep access bootstrap access.yaml -d shop", does: "show the plan, ask, apply, keep the model" },
      {
        line: "pgkeep access bootstrap -d shop --migration-role shop_mig --app-role shop_app --yes",
        does: "names of your own, without asking",
      },
      {
        line: "pgkeep access bootstrap -d shop --app-password '${env:APP_PASSWORD}' --dry-run",
        does: "what it would do",
      },
    ],
  },
  input: (z) => {
    const { model: _, ...planning } = planningFields(z);
    const password = (whose: string) =>
      z
        .string()
        .optional()
        .meta({
          description: `Where the ${whose}'s password is: \${env:NAME} or \${file:/path}`,
          valueName: "REFERENCE",
          group: "what",
        });
    return z.strictObject({
      ...newModelField(z),
      profile: z
        .enum(PROFILES)
        .default("three-tier")
        .meta({ description: "Ready-made model to apply", valueName: "NAME", group: "what" }),
      ...namesFields(z),
      migrationPassword: password("migrator"),
      appPassword: password("application"),
      ...planning,
      ...applyFields(z),
    });
  },
  output: (z) => appliedSchema(z).extend(writtenModelFields(z)),
  exitCode: (output) => appliedExitCode(output),
  run: async (input, context) => {
    const { file, profile = "three-tier", migrationPassword, appPassword } = input;
    const { ownerRole, migrationRole, appRole, readerRole, schema, ...request } = input;
    checkNamesFit(profile, input);
    checkNewModel(file, context);
    const server = await serverOf(request, context);
    const { database } = server.connection;
    const names = defaultNames(
      profile,
      database,
      givenNames({ ownerRole, migrationRole, appRole, readerRole, schema }),
    );
    const passwords = passwordsOf(names, { migrationPassword, appPassword });
    const text = starterText({ database, profile, names, passwords, administrator: await administratorOf(server) });
    const model = await readModel(text, { file: file ?? "the model" });
    const applied = await applyModel({ ...request, database }, context, { model });
    const isKept = applied.outcome !== "not applied";
    return { ...applied, text, file: isKept ? writeNewModel(file, text, context) : null };
  },
});

/** Who runs this; undefined for a superuser, whom nothing keeps out. */
async function administratorOf(server: Server): Promise<string | undefined> {
  await using session = await openTarget(server);
  const [row] = await session.query(
    "select r.rolname as name from pg_catalog.pg_roles as r where r.rolname = session_user and not r.rolsuper",
  );
  return row?.name ?? undefined;
}

interface PasswordFlags {
  migrationPassword: string | undefined;
  appPassword: string | undefined;
}

function passwordsOf(
  { migrator, applications = [] }: ProfileNames,
  { migrationPassword, appPassword }: PasswordFlags,
): ReadonlyMap<string, string> {
  const passwords = new Map<string, string>();
  const add = (role: string | undefined, reference: string | undefined, flag: string): void => {
    if (role === undefined || reference === undefined) return;
    if (!isReference(reference)) throw notAReference(flag);
    passwords.set(role, reference);
  };
  add(migrator, migrationPassword, "--migration-password");
  for (const application of applications) add(application, appPassword, "--app-password");
  return passwords;
}

function notAReference(flag: string): PgkeepError {
  return new PgkeepError("CONFIG_VALUE_INVALID", `${flag} is not a reference`, {
    detail: "A password on the command line can be read by every user of the machine, so it is not taken.",
    hint: `Write it as ${flag} '\${env:NAME}' or ${flag} '\${file:/path}', in single quotes.`,
    state: "nothing was started",
  });
}
