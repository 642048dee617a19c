/**
 * Brings every generation of configuration into one form: what is connected with what, what holds for both ends, and
 * what is the connector's own.
 *
 *   canonical   {source_type, source: {...}, sink_type, sink: {...}, batch_size, ...}
 *   wide        {outbox, sink_type, config: {...}} and {inbox, source: "webhook", config: {...}}
 *   positional  {sink_type, brokers, ...} and {source_type, url, ...}: the connector's keys beside the others
 *
 * Nothing is checked here beyond what the form needs; shape.ts does that.
 */
import { isRecord, textOf } from "../json/kinds.ts";
import type { Direction } from "./pipeline.ts";
import { unknownKey } from "./problems.ts";
import { COMMON_KEYS } from "./shape.ts";

type Settings = Record<string, unknown>;

export interface Normalised {
  /** Keys that every pipeline may have. */
  common: Settings;
  connector: { type: string | undefined; config: Settings };
  /** The database's end: `source` of a forward pipeline, `sink` of a reverse one. */
  near: Settings;
  nearType: string;
  problems: string[];
}

/** Keys of the wide form that say what the row's own columns say. */
const ROW_KEYS = ["name", "enabled", "source_mode", "tenant_name"];

interface Ends {
  far: "sink" | "source";
  near: "sink" | "source";
  /** "outbox" or "inbox": what the near end is called when it stands at the top. */
  nearName: string;
  /** Keys of the near end that the wide form puts at the top. */
  nearKeys: readonly string[];
}

const FORWARD: Ends = {
  far: "sink",
  near: "source",
  nearName: "outbox",
  nearKeys: ["outbox", "subject_template", "consumer_group"],
};
const REVERSE: Ends = {
  far: "source",
  near: "sink",
  nearName: "inbox",
  nearKeys: ["inbox", "max_retries", "idempotent"],
};

/** Sorts the keys of `raw` by whom they are for. `ownKeys`: what the connector of that type knows, to tell them apart. */
export async function normalise(
  raw: Settings,
  direction: Direction,
  ownKeys: (type: string) => Promise<readonly string[]>,
): Promise<Normalised> {
  const ends = direction === "forward" ? FORWARD : REVERSE;
  const rest: Settings = { ...raw };
  const problems: string[] = [];
  for (const key of ROW_KEYS) delete rest[key];

  const farSettings = takeFar(rest, ends);
  const type = textOf(
    take(rest, `${ends.far}_type`) ?? farSettings.typeName ?? take(farSettings.config ?? {}, `${ends.far}_type`),
  );
  const own = type === undefined ? [] : await ownKeys(type);
  const near = takeNear(rest, ends);
  const common = takeCommon(rest);
  const config = farSettings.config ?? {};
  if (farSettings.config === undefined) {
    // The positional form: what is left belongs to the connector, which refuses what it does not know.
    for (const key of Object.keys(rest)) config[key] = take(rest, key);
  }
  lift(config, { own, common, near, ends });
  const known = [...COMMON_KEYS, "source_type", "source", "sink_type", "sink"];
  problems.push(...Object.keys(rest).map((key) => unknownKey("", key, known)));
  return {
    common,
    connector: { type, config },
    near,
    nearType: textOf(take(near, "type")) ?? ends.nearName,
    problems,
  };
}

/** The far end's settings, taken from `sink`/`source` or the wide form's `config`; undefined when they stand at the top. */
function takeFar(rest: Settings, { far }: Ends): { config: Settings | undefined; typeName: unknown } {
  const named = take(rest, far);
  const wide = take(rest, "config");
  if (isRecord(named)) return { config: { ...named, ...(isRecord(wide) ? wide : {}) }, typeName: undefined };
  return { config: isRecord(wide) ? { ...wide } : undefined, typeName: named };
}

function takeNear(rest: Settings, { near, nearKeys }: Ends): Settings {
  const named = take(rest, near);
  const settings: Settings = isRecord(named) ? { ...named } : {};
  const type = take(rest, `${near}_type`);
  if (type !== undefined) settings.type = type;
  for (const key of nearKeys) if (Object.hasOwn(rest, key)) settings[key] ??= take(rest, key);
  return settings;
}

function takeCommon(rest: Settings): Settings {
  const common: Settings = {};
  // The plural is what some pages of pg_tide's documentation write.
  if (Object.hasOwn(rest, "transforms")) rest.transform ??= take(rest, "transforms");
  for (const key of COMMON_KEYS) if (Object.hasOwn(rest, key)) common[key] = take(rest, key);
  return common;
}

interface LiftParts {
  /** Keys that the connector itself knows: they stay. */
  own: readonly string[];
  common: Settings;
  near: Settings;
  ends: Ends;
}

/** What the wide form hides inside of `config` although it is not the connector's. */
function lift(config: Settings, { own, common, near, ends }: LiftParts): void {
  if (Object.hasOwn(config, "transforms") && !own.includes("transforms"))
    config.transform ??= take(config, "transforms");
  for (const key of COMMON_KEYS) {
    if (!Object.hasOwn(config, key) || own.includes(key)) continue;
    const value = take(config, key);
    common[key] ??= value;
  }
  for (const key of ends.nearKeys) {
    if (!Object.hasOwn(config, key) || own.includes(key)) continue;
    const value = take(config, key);
    near[key] ??= value;
  }
}

function take(settings: Settings, key: string): unknown {
  if (!Object.hasOwn(settings, key)) return undefined;
  const value = settings[key];
  delete settings[key];
  return value;
}
