/**
 * Reads an access model: YAML or JSON text in, rules out, or up to eight problems with line and column.
 *
 * Four steps, each of which knows one thing: text becomes a tree with positions, the profile is laid under it, the
 * grammar checks it, and what is left becomes rules. Nothing of a secret is ever read here: a password is a reference.
 */
import { createHash } from "node:crypto";
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import { type Located, record } from "../../config/document-form.ts";

import { type MapNode, parseYamlSource, type SourceNode, SourceProblems } from "../../config/yaml-source.ts";
import { type BuiltModel, buildModel } from "./build.ts";
import { checkModel } from "./check.ts";
import { type FILE_KEYS, MODEL_FILE, NAMES_KEYS, PROFILES } from "./grammar.ts";
import type { AccessModel } from "./model.ts";
import { laidOver, type ProfileName, profileDocument, sourceOf } from "./profiles.ts";

/** 8 MiB: an import of a hundred thousand grants. */
export const MAX_MODEL_BYTES = 8 * 1024 * 1024;

/** The model that `text` says. `file` names it in messages. Throws ACCESS_MODEL_INVALID. */
export async function readModel(text: string, { file }: { file: string }): Promise<AccessModel> {
  const bytes = Buffer.byteLength(text, "utf8");
  if (bytes > MAX_MODEL_BYTES) {
    throw new PgkeepError("ACCESS_MODEL_INVALID", `access model "${tameLine(file)}" is larger than 8 MiB`, {
      state: "nothing was started",
    });
  }
  const problems = new SourceProblems();
  const source = await parseYamlSource(text, problems);
  const model = source && readSource(source, problems);
  problems.throwIfAny("ACCESS_MODEL_INVALID", file);
  if (!model) throw new TypeError("a model without problems was not built");
  return { ...model, file, hash: createHash("sha256").update(text, "utf8").digest("hex") };
}

function readSource(source: SourceNode, problems: SourceProblems): BuiltModel | undefined {
  const mentions: Located<string>[] = [];
  const document = MODEL_FILE.read(withProfile(source, problems), { path: "", problems, mentions });
  if (!document) return undefined;
  const fitsGrammar = problems.count === 0;
  const model = buildModel(document.value, { problems, mentions });
  // A part that could not be read is missing in what the checks look at, and would bring problems of its own.
  if (fitsGrammar) checkModel(model, { document: document.value, mentions, problems });
  return problems.count === 0 ? model : undefined;
}

/** The document with its profile expanded. What is wrong with the keys looked at here is found again by the grammar. */
function withProfile(source: SourceNode, problems: SourceProblems): SourceNode {
  if (source.kind !== "map") return source;
  const profile = nodeOf(source, "profile");
  const name = profile?.kind === "scalar" ? PROFILES.find((each) => each === profile.text) : undefined;
  const database = nodeOf(source, "database");
  if (!name || !profile || database?.kind !== "scalar" || database.isNull) {
    const names = entryOf(source, "names");
    if (!profile && names) problems.add(names.at, '"names" needs a "profile" that uses them');
    return source;
  }
  const document = profileDocument(name, database.text, namesOf(source, name, problems));
  return laidOver(sourceOf(document, profile.at), source);
}

/** Names that a profile has no use for would silently do nothing. */
const USED_NAMES: Readonly<Record<ProfileName, readonly (keyof typeof NAMES_KEYS)[]>> = {
  "guide-001": ["migrator", "application", "schema"],
  "three-tier": ["owner", "migrator", "read_write", "read_only", "application", "reporter", "schema"],
};

function namesOf(source: MapNode, profile: ProfileName, problems: SourceProblems) {
  const entry = entryOf(source, "names");
  // Problems of the values are reported when the grammar reads them as part of the file.
  const read = entry && record(NAMES_KEYS).read(entry.value, { path: "names", problems: new SourceProblems() });
  const names = read?.value ?? {};
  for (const [name, value] of Object.entries(names)) {
    if (value && !USED_NAMES[profile].some((used) => used === name)) {
      problems.add(value.at, `profile "${profile}" has no "${name}"; it has: ${USED_NAMES[profile].join(", ")}`);
    }
  }
  const many = (written: typeof names.application) => written?.value.map(({ value }) => value);
  return {
    owner: names.owner?.value,
    migrator: names.migrator?.value,
    readWrite: names.read_write?.value,
    readOnly: names.read_only?.value,
    applications: many(names.application),
    reporters: many(names.reporter),
    schemas: many(names.schema),
  };
}

function entryOf(source: MapNode, name: keyof typeof FILE_KEYS) {
  return source.entries.find(({ key }) => key === name);
}

function nodeOf(source: MapNode, name: keyof typeof FILE_KEYS): SourceNode | undefined {
  return entryOf(source, name)?.value;
}
