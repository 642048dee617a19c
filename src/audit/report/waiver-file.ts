/**
 * The file of accepted findings: `pgkeep-waivers.yaml`, which lies with the project and is reviewed with it.
 *
 *   waivers:
 *     - check: ROL-001
 *       object: ops            # a pattern: * for any text, ? for one character
 *       database: shop         # optional
 *       reason: break-glass account, its password is sealed
 *       owner: dba@example.org
 *       expires: 2027-01-31    # at most 365 days from now
 *
 * Read strictly, because a mistake here could silence the wrong finding: an unknown key, an unknown check or a date that is
 * none is an error with its place.
 */
import { PgkeepError } from "../../base/errors.ts";
import { nearestName } from "../../base/suggest.ts";
import { tameLine } from "../../base/tame.ts";
import { readConfigText } from "../../config/config-file.ts";
import {
  type ListNode,
  type MapEntry,
  type MapNode,
  type Position,
  parseYamlSource,
  type SourceNode,
  SourceProblems,
} from "../../config/yaml-source.ts";
import { DAY_MS, daysLeft, MAX_WAIVER_DAYS, type Waiver } from "./waivers.ts";

export const WAIVER_FILE = "pgkeep-waivers.yaml";

const REQUIRED = ["check", "object", "reason", "owner", "expires"] as const;
const KEYS: readonly string[] = [...REQUIRED, "database"];

/** 1,000 characters: a reason is a sentence or two. */
const MAX_TEXT = 1_000;

export interface WaiverFileOptions {
  /** The file in messages. */
  name: string;
  now: Date;
  /** Ids of all checks. */
  checks: readonly string[];
}

/** The waivers of the file at `path`; undefined when there is no file. Throws CONFIG_FILE_INVALID, CONFIG_FILE_UNSAFE. */
export async function loadWaivers(path: string, options: WaiverFileOptions): Promise<readonly Waiver[] | undefined> {
  const text = await readConfigText(path, options.name, "owner");
  if (text === undefined) return undefined;
  return /^\s*$/.test(text) ? [] : await readWaivers(text, options);
}

/** The waivers of `text`. Throws CONFIG_FILE_INVALID with the places of up to 8 problems. */
export async function readWaivers(text: string, options: WaiverFileOptions): Promise<readonly Waiver[]> {
  const problems = new SourceProblems();
  const root = await parseYamlSource(text, problems);
  const reader = new Reader(problems, options);
  const waivers = root === undefined ? [] : reader.file(root);
  problems.throwIfAny("CONFIG_FILE_INVALID", options.name);
  return waivers;
}

/** `text` with one more waiver at its end, everything else as it was. */
export async function withWaiver(text: string, waiver: Omit<Waiver, "line">): Promise<string> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text);
  const { check, object, database, reason, owner, expires } = waiver;
  const entry = { check, object, ...(database === undefined ? {} : { database }), reason, owner, expires };
  if (document.get("waivers")) document.addIn(["waivers"], document.createNode(entry));
  else document.set("waivers", document.createNode([entry]));
  return document.toString({ lineWidth: 0 });
}

class Reader {
  readonly #problems: SourceProblems;
  readonly #options: WaiverFileOptions;

  constructor(problems: SourceProblems, options: WaiverFileOptions) {
    this.#problems = problems;
    this.#options = options;
  }

  file(root: SourceNode): Waiver[] {
    if (root.kind === "scalar" && root.isNull) return [];
    const map = this.#map(root, "the file must be a mapping with the key waivers");
    const entry = map?.entries.find(({ key }) => key === "waivers");
    for (const { key, at } of map?.entries ?? []) if (key !== "waivers") this.#unknownKey(key, at, ["waivers"]);
    if (entry === undefined || (entry.value.kind === "scalar" && entry.value.isNull)) return [];
    const list = this.#list(entry.value);
    return list?.items.flatMap((item) => this.#waiver(item) ?? []) ?? [];
  }

  #map(node: SourceNode, otherwise: string): MapNode | undefined {
    if (node.kind === "map") return node;
    this.#problems.add(node.at, otherwise);
    return undefined;
  }

  #list(node: SourceNode): ListNode | undefined {
    if (node.kind === "list") return node;
    this.#problems.add(node.at, '"waivers" must be a list');
    return undefined;
  }

  #waiver(node: SourceNode): Waiver | undefined {
    const map = this.#map(node, `a waiver must be a mapping with the keys ${KEYS.join(", ")}`);
    if (map === undefined) return undefined;
    for (const { key, at } of map.entries) if (!KEYS.includes(key)) this.#unknownKey(key, at, KEYS);
    const before = this.#problems.count;
    const values = new Map(map.entries.map((entry) => [entry.key, this.#text(entry)]));
    for (const key of REQUIRED) if (!values.has(key)) this.#problems.add(map.at, `a waiver needs "${key}"`);
    for (const entry of map.entries) this.#judge(entry);
    if (this.#problems.count > before) return undefined;
    const value = (key: string): string => values.get(key) ?? "";
    return {
      check: value("check").toUpperCase(),
      object: value("object"),
      database: values.get("database"),
      reason: value("reason"),
      owner: value("owner"),
      expires: value("expires"),
      line: map.at.line,
    };
  }

  #text({ key, at, value }: MapEntry): string {
    if (value.kind === "scalar" && value.text.trim() !== "" && value.text.length <= MAX_TEXT) return value.text;
    const what = value.kind !== "scalar" || value.isNull || value.text.trim() === "" ? "a text" : "shorter";
    this.#problems.add(value.kind === "scalar" ? at : value.at, `"${tameLine(key)}" must be ${what}`);
    return "";
  }

  /** What only the meaning of a value shows. */
  #judge({ key, value }: MapEntry): void {
    if (value.kind !== "scalar" || value.text === "") return;
    const problem =
      key === "check" ? this.#checkProblem(value.text) : key === "expires" ? this.#dateProblem(value.text) : undefined;
    if (problem !== undefined) this.#problems.add(value.at, problem);
  }

  #checkProblem(id: string): string | undefined {
    const { checks } = this.#options;
    const wanted = id.toUpperCase();
    if (checks.includes(wanted)) return undefined;
    const near = nearestName(wanted, checks);
    return `"check" names no check${near ? `; did you mean ${near}?` : "; list them: pgkeep audit list"}`;
  }

  #dateProblem(text: string): string | undefined {
    return expiryProblem(text, this.#options.now);
  }

  #unknownKey(key: string, at: Position, known: readonly string[]): void {
    const near = nearestName(key, [...known]);
    const hint = near ? `; did you mean "${near}"?` : `; known: ${known.join(", ")}`;
    this.#problems.add(at, `unknown key "${tameLine(key)}"${hint}`);
  }
}

/** Why `text` cannot be the day on which a waiver ends; undefined when it can. A day that is over can: it is said. */
export function expiryProblem(text: string, now: Date): string | undefined {
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text) && isoDay(text) === text;
  if (!isDate) return '"expires" must be a day such as 2027-01-31';
  if (daysLeft(text, now) <= MAX_WAIVER_DAYS) return undefined;
  return `"expires" must be at most ${MAX_WAIVER_DAYS} days from now`;
}

/** The day as the calendar has it: 2026-02-30 becomes another. */
function isoDay(text: string): string | undefined {
  const ms = Date.parse(`${text}T00:00:00Z`);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().slice(0, 10);
}

/** Refuses to write a file that could not be read back. Throws CONFIG_VALUE_INVALID. */
export function requireExpiry(text: string, now: Date): void {
  const problem = expiryProblem(text, now) ?? (daysLeft(text, now) < 0 ? '"expires" is over' : undefined);
  if (problem === undefined) return;
  throw new PgkeepError("CONFIG_VALUE_INVALID", problem, {
    hint: `Give the last day on which the waiver holds: --expires ${dayInHalfAYear(now)}`,
    state: "nothing was changed",
  });
}

/** A day that can be pasted: reckoned, because a written one would be over some time. */
function dayInHalfAYear(now: Date): string {
  return new Date(now.getTime() + Math.floor(MAX_WAIVER_DAYS / 2) * DAY_MS).toISOString().slice(0, 10);
}
