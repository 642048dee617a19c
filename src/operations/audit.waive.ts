/** `pgkeep audit waive`: accepts a finding until a day, in a file that is reviewed with the project. */
import { resolve } from "node:path";
import { checkEntries, checkEntry } from "../audit/checks/catalogue.ts";
import { readAuditConfig } from "../audit/facts/read-declarations.ts";
import { listAudits } from "../audit/report/history.ts";
import { loadWaivers, readWaivers, requireExpiry, withWaiver } from "../audit/report/waiver-file.ts";
import { type Waiver, waivedBy } from "../audit/report/waivers.ts";
import { PgkeepError } from "../base/errors.ts";
import { exactPattern } from "../base/glob.ts";
import { defineOperation, type OperationContext } from "../base/operation.ts";
import { readConfigText } from "../config/config-file.ts";
import { settingsFields } from "../config/input.ts";
import { checkOutputFile, writeOutputFile } from "../config/output-file.ts";
import { loadSettings } from "../config/settings.ts";
import { waiverPath } from "./audit/accepted.ts";

const FINGERPRINT = /^[0-9a-f]{16}$/;

export default defineOperation({
  name: "audit.waive",
  summary: "Accept a finding until a day",
  description:
    "Adds a waiver to pgkeep-waivers.yaml beside pgkeep.yaml: check, pattern over objects, reason, owner and the last day on " +
    "which it holds, at most 365 days from now. The finding stays in every report, marked as accepted; when the day is " +
    "over it fails again.",
  effects: "write",
  surfaces: ["cli", "library", "console"],
  cli: {
    command: "audit waive",
    positionals: ["check", "object?"],
    exitCodes: [10],
    examples: [
      {
        line: 'pgkeep audit waive ROL-001 ops --reason "break-glass account" --owner dba --expires 2027-01-31',
        does: "accept one superuser",
      },
      {
        line: 'pgkeep audit waive 4f3a9c0011223344 --reason "moved in March" --owner dba --expires 2027-01-31',
        does: "accept the finding of that id in the last audit",
      },
    ],
  },
  input: (z) =>
    z.strictObject({
      check: z.string().meta({
        description: "Id of a check, or of a finding of the last audit",
        suggest: checkEntries().map(({ id }) => id),
      }),
      object: z
        .string()
        .min(1)
        .max(1_000)
        .optional()
        .meta({ description: "Pattern over objects: * for any text, ? for one character" }),
      database: z.string().min(1).optional().meta({
        description: "Only in this database",
        flag: "in-database",
        valueName: "NAME",
        group: "what",
      }),
      reason: z
        .string()
        .min(1)
        .max(1_000)
        .meta({ description: "Why it is accepted", valueName: "TEXT", group: "what" }),
      owner: z.string().min(1).max(200).meta({ description: "Who answers for it", valueName: "NAME", group: "what" }),
      expires: z.string().meta({ description: "Last day on which it holds", valueName: "YYYY-MM-DD", group: "what" }),
      waivers: z
        .string()
        .optional()
        .meta({ description: "File of waivers; default pgkeep-waivers.yaml", valueName: "FILE", group: "output" }),
      dryRun: z.boolean().optional().meta({ description: "Say what would be added, write nothing", group: "safety" }),
      ...settingsFields(z),
    }),
  output: (z) =>
    z.strictObject({
      file: z.string(),
      written: z.boolean(),
      waiver: z.strictObject({
        check: z.string(),
        object: z.string(),
        database: z.string().nullable(),
        reason: z.string(),
        owner: z.string(),
        expires: z.string(),
      }),
      accepted: z
        .array(z.string())
        .nullable()
        .meta({ description: "Objects of the last audit that it accepts; null: none was kept" }),
    }),
  run: async (input, context) => {
    const waiver = await waiverOf(input, context);
    const place = await placeOf(input, context);
    if (!input.dryRun) await addWaiver(waiver, place, context);
    return {
      file: place.name,
      written: !input.dryRun,
      waiver: { ...waiver, database: waiver.database ?? null },
      accepted: await acceptedObjects(waiver, context),
    };
  },
});

type NewWaiver = Omit<Waiver, "line">;

interface WaiveInput {
  check: string;
  object?: string | undefined;
  database?: string | undefined;
  reason: string;
  owner: string;
  expires: string;
}

/** Throws USAGE_ARGUMENTS, USAGE_UNKNOWN_NAME, CONFIG_VALUE_INVALID. */
async function waiverOf(input: WaiveInput, context: OperationContext): Promise<NewWaiver> {
  const { reason, owner, expires } = input;
  requireExpiry(expires, context.clock.now());
  if (FINGERPRINT.test(input.check)) {
    return { ...(await findingOf(input.check, context)), reason, owner, expires };
  }
  const { id } = checkEntry(input.check);
  if (input.object === undefined) {
    throw new PgkeepError("USAGE_ARGUMENTS", "a waiver needs the object that it is about", {
      hint: `Name it as the report does: pgkeep audit waive ${id} OBJECT; '*' means every object.`,
      state: "nothing was changed",
    });
  }
  return { check: id, object: input.object, database: input.database, reason, owner, expires };
}

async function findingOf(fingerprint: string, { environment }: OperationContext) {
  const { audits } = await listAudits(environment, { limit: 1 });
  const found = audits[0]?.document.findings.find((finding) => finding.fingerprint === fingerprint);
  if (found === undefined) {
    throw new PgkeepError("USAGE_UNKNOWN_NAME", "the last audit has no such finding", {
      hint: "Name the check and the object, or look up the id: pgkeep audit report --verbose",
      state: "nothing was changed",
    });
  }
  const { check, object, database } = found;
  return { check, object: exactPattern(object), database: database ?? undefined };
}

interface Place {
  path: string;
  name: string;
}

async function placeOf(
  input: { waivers?: string | undefined; config?: string | undefined; env?: string | undefined },
  { workingDirectory, environment, settings: instead }: OperationContext,
): Promise<Place> {
  const settings = await loadSettings({
    workingDirectory,
    environment,
    config: input.config,
    env: input.env,
    instead,
  });
  const { waivers } = readAuditConfig(settings.audit);
  const { path, name } = waiverPath(input, { waivers, file: settings.audit.file }, workingDirectory);
  return { path: resolve(workingDirectory, path), name };
}

/** Reads the file before and after: a file with mistakes gets no more, and what is written can be read back. */
async function addWaiver(waiver: NewWaiver, { path, name }: Place, { clock }: OperationContext): Promise<void> {
  const options = { name, now: clock.now(), checks: checkEntries().map(({ id }) => id) };
  checkOutputFile(path);
  await loadWaivers(path, options);
  const text = await withWaiver((await readConfigText(path, name, "owner")) ?? "", waiver);
  await readWaivers(text, options);
  writeOutputFile(path, text);
}

async function acceptedObjects(waiver: NewWaiver, { environment, clock }: OperationContext): Promise<string[] | null> {
  const { audits } = await listAudits(environment, { limit: 1 });
  const [last] = audits;
  if (last === undefined) return null;
  const accepts = waivedBy({ ...waiver, line: 1 }, clock.now());
  return last.document.findings
    .filter(({ check, object, database }) => accepts({ check, object, database: database ?? undefined }))
    .map(({ object }) => object);
}
