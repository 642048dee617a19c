/** The names of a first model: given by flags, asked for when somebody is there, else derived. */
import { deriveNames, type StarterFacts } from "../../access/import/starter.ts";
import type { ProfileName, ProfileNames } from "../../access/model/profiles.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { Prompter, ZodNamespace } from "../../base/operation.ts";

export interface NamesInput {
  ownerRole?: string | undefined;
  migrationRole?: string | undefined;
  appRole?: string | undefined;
  readerRole?: string | undefined;
  schema?: readonly string[] | undefined;
}

/** Flags that name the roles and schemas of a profile. */
export function namesFields(z: ZodNamespace) {
  const role = (description: string) =>
    z.string().min(1).optional().meta({ description, valueName: "ROLE", group: "what" });
  return {
    ownerRole: role("Role that owns everything and cannot log in (three-tier)"),
    migrationRole: role("Role that changes the schema"),
    appRole: role("Role that the application connects as"),
    readerRole: role("Role that only reads (three-tier); none unless named"),
    schema: z
      .array(z.string().min(1))
      .optional()
      .meta({ description: "Schema of the application; may be repeated", valueName: "NAME", group: "what" }),
  };
}

export function givenNames({ ownerRole, migrationRole, appRole, readerRole, schema }: NamesInput): ProfileNames {
  return {
    owner: ownerRole,
    migrator: migrationRole,
    ...(appRole === undefined ? {} : { applications: [appRole] }),
    ...(readerRole === undefined ? {} : { reporters: [readerRole] }),
    ...(schema === undefined ? {} : { schemas: schema }),
  };
}

/** A flag for a role that the profile does not have would be lost without a word. */
export function checkNamesFit(profile: ProfileName, { ownerRole, readerRole }: NamesInput): void {
  if (profile === "three-tier" || (ownerRole === undefined && readerRole === undefined)) return;
  const flag = ownerRole === undefined ? "--reader-role" : "--owner-role";
  throw new PgkeepError("CONFIG_VALUE_INVALID", `profile "${profile}" has no place for ${flag}`, {
    hint: "Use --profile three-tier, or leave the flag out.",
    state: "nothing was started",
  });
}

/** Asks for the roles that no flag named; an empty answer takes what is proposed. Throws CANCELLED. */
export async function askedNames(
  facts: StarterFacts,
  { profile, given, prompt }: { profile: ProfileName; given: ProfileNames; prompt: Prompter },
): Promise<ProfileNames> {
  const proposed = deriveNames(facts, profile, given);
  const ask = async (what: string, name: string | undefined, isGiven: boolean): Promise<string | undefined> => {
    if (isGiven || name === undefined) return name;
    const answer = await prompt.text(`${what} [${name}]:`);
    if (answer === undefined)
      throw new PgkeepError("CANCELLED", "no names were chosen", { state: "nothing was written" });
    return answer.trim() === "" ? name : answer.trim();
  };
  const owner = await ask("role that owns everything", proposed.owner, given.owner !== undefined);
  const migrator = await ask("role that changes the schema", proposed.migrator, given.migrator !== undefined);
  const [application] = proposed.applications ?? [];
  const app = await ask("role of the application", application, given.applications !== undefined);
  return { ...proposed, owner, migrator, ...(app === undefined ? {} : { applications: [app] }) };
}
