/** `pgkeep access init`: the first model of a database, from a profile. */
import { inspect } from "../access/catalog/inspect.ts";
import type { Snapshot } from "../access/catalog/snapshot.ts";
import { deriveNames, type StarterFacts, starterText } from "../access/import/starter.ts";
import { PROFILES } from "../access/model/grammar.ts";
import { readModel } from "../access/model/read.ts";
import { isMissing, withNewDatabase } from "../access/plan/new-database.ts";
import { defineOperation } from "../base/operation.ts";
import { tameLine } from "../base/tame.ts";
import { settingsFields } from "../config/input.ts";
import { connectionFields } from "../pg/connect/input.ts";
import { newModelField, writeNewModel, writtenModelFields } from "./access/new-model-file.ts";
import { askedNames, checkNamesFit, givenNames, namesFields } from "./access/starter-names.ts";
import { openTarget } from "./access/target.ts";
import { serverOf } from "./server/connect.ts";

export default defineOperation({
  name: "access.init",
  summary: "Write a first access model for a database",
  description:
    "guide-001 is the model of a well-known guide: one role that owns the database and migrates, one that the " +
    "application uses. three-tier separates an owner that cannot log in, a migrator that becomes it, groups and logins. " +
    "Names are taken from flags, asked for on a terminal, or derived from the database. Looks at the database and " +
    "changes nothing in it.",
  effects: "write",
  surfaces: ["cli", "library"],
  cli: {
    command: "access init",
    positionals: ["file?"],
    exitCodes: [10, 11, 12, 13, 16, 130],
    examples: [
      { line: "pgkeep access init access.yaml -d shop", does: "ask for names and write a new file" },
      { line: "pgkeep access init -d shop --profile three-tier --no-input", does: "derived names, to standard output" },
      {
        line: "pgkeep access init -d shop --migration-role sqlmigrations --app-role django",
        does: "names of your own",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      ...newModelField(z),
      profile: z
        .enum(PROFILES)
        .default("guide-001")
        .meta({ description: "Ready-made model to start from", valueName: "NAME", group: "what" }),
      ...namesFields(z),
      ...settingsFields(z),
      ...connectionFields(z),
    }),
  output: (z) =>
    z.strictObject({
      ...writtenModelFields(z),
      database: z.string(),
      profile: z.enum(PROFILES),
      roles: z.array(z.string()).meta({ description: "Roles that the model manages" }),
    }),
  run: async (input, context) => {
    const { file, profile = "guide-001", ownerRole, migrationRole, appRole, readerRole, schema, ...request } = input;
    const names = { ownerRole, migrationRole, appRole, readerRole, schema };
    checkNamesFit(profile, names);
    const server = await serverOf(request, context);
    const { database } = server.connection;
    await using session = await openTarget(server);
    const snapshot = await inspect(session);
    const facts = factsOf(database, snapshot);
    if (facts.isNew) context.report({ type: "warning", message: notThereYet(database) });
    const given = givenNames(names);
    const chosen = context.prompt
      ? await askedNames(facts, { profile, given, prompt: context.prompt })
      : deriveNames(facts, profile, given);
    const text = starterText({ database, profile, names: chosen, administrator: administratorOf(snapshot) });
    // Names that cannot stand beside each other are found before anything is written.
    const model = await readModel(text, { file: file ?? "the model" });
    return {
      file: writeNewModel(file, text, context),
      text,
      database,
      profile,
      roles: [...model.roles.keys()],
    };
  },
});

/** A database that is not there yet has nothing to derive names from, not even an owner. */
function factsOf(database: string, snapshot: Snapshot): StarterFacts & { isNew: boolean } {
  if (!isMissing(database, snapshot)) return { ...snapshot, isNew: false };
  const { objects, ...empty } = withNewDatabase(database, snapshot);
  return { ...empty, objects: { ...objects, database: [] }, isNew: true };
}

const administratorOf = ({ executor: { superuser, sessionUser } }: Snapshot): string | undefined =>
  superuser ? undefined : sessionUser;

const notThereYet = (database: string): string =>
  `database "${tameLine(database)}" is not there yet; access apply makes it as the model says`;
