/**
 * A plan kept in a file, so that what was read on Monday is what runs on Tuesday.
 *
 * The file is for people and other programs to read. What applies it takes only the plan's identity from it, makes the plan
 * anew from the same model, and goes on when both are the same: no SQL of a file is ever run, so a file that somebody
 * changed can stop a run and never steer one. Its checksum tells a damaged file from a stale one.
 */
import { createHash } from "node:crypto";
import { PgkeepError } from "../../base/errors.ts";
import { scrub } from "../../base/secrets.ts";
import { tameLine } from "../../base/tame.ts";
import { FileRefusal, readRegularFile } from "../../config/regular-file.ts";
import type { AccessPlan } from "../plan/plan.ts";
import { identityOf, type PlanIdentity } from "./same-plan.ts";

const FORMAT = "pgkeep access plan";
const VERSION = 1;

/** 64 MiB: a plan over a hundred thousand objects. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** What the plan was asked to contain beyond the model; by the names of the flags. */
export type PlanChoices = Readonly<Record<string, boolean>>;

export interface SavedPlan {
  identity: PlanIdentity;
  choices: PlanChoices;
}

/** The text of the file. Without secrets: a plan holds none, and whatever looks like one is taken out. */
export function planFileText(plan: AccessPlan, choices: PlanChoices): string {
  const content = { identity: identityOf(plan), choices, plan };
  return scrub(
    `${JSON.stringify({ format: FORMAT, version: VERSION, sha256: checksum(content), ...content }, null, 2)}\n`,
  );
}

/** Reads the plan file at `path`, called `name` in messages. Throws ACCESS_PLAN_FILE_INVALID. */
export async function readPlanFile(path: string, name: string): Promise<SavedPlan> {
  let text: string;
  try {
    const bytes = await readRegularFile(path, { maxBytes: MAX_FILE_BYTES });
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(name, error instanceof FileRefusal ? error.message : "is not valid UTF-8");
  }
  const document = parsed(text, name);
  const { format, version, sha256, identity, choices, plan } = document;
  if (format !== FORMAT) throw invalid(name, "is no plan of this program");
  if (version !== VERSION) throw invalid(name, "was written by another version of this program");
  if (sha256 !== checksum({ identity, choices, plan })) throw invalid(name, "was changed after it was written");
  if (!isIdentity(identity) || !isChoices(choices)) throw invalid(name, "does not say what it is a plan of");
  return { identity, choices };
}

function checksum(content: { identity: unknown; choices: unknown; plan: unknown }): string {
  const text = JSON.stringify([content.identity, content.choices, content.plan]);
  return createHash("sha256").update(text).digest("hex");
}

function parsed(text: string, name: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Said below.
  }
  throw invalid(name, "is not a JSON object");
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function isIdentity(value: unknown): value is PlanIdentity {
  if (!isRecord(value)) return false;
  const texts = [value.modelHash, value.database, value.stateHash, value.statementsHash];
  const numbers = [value.serverVersion, value.statementCount, value.databaseOid ?? 0];
  return texts.every((text) => typeof text === "string") && numbers.every((number) => typeof number === "number");
}

function isChoices(value: unknown): value is PlanChoices {
  return isRecord(value) && Object.values(value).every((choice) => typeof choice === "boolean");
}

function invalid(name: string, reason: string): PgkeepError {
  return new PgkeepError("ACCESS_PLAN_FILE_INVALID", `plan file "${tameLine(name)}" ${reason}`, {
    hint: "Write it anew: pgkeep access plan access.yaml --save plan.json",
    state: "nothing was started",
  });
}
