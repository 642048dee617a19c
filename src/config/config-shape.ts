/**
 * What a configuration file may hold, as data.
 *
 * One table per file feeds the strict reader (unknown keys, wrong types, suggestions) and the JSON schema that editors use,
 * so the two cannot disagree.
 */
import { parseDurationMs } from "../base/duration.ts";

export interface ConfigKey {
  description: string;
  /**
   * text: any scalar, as written. choice: one of `values`. duration: "3m". map: free keys, scalar values.
   * list: scalars. pairs: lists of two scalars each. section: a table of its own. sections: free names, each a section.
   */
  type: "text" | "integer" | "boolean" | "choice" | "duration" | "map" | "list" | "pairs" | "section" | "sections";
  values?: readonly string[];
  minimum?: number;
  maximum?: number;
  keys?: ConfigShape;
}

export type ConfigShape = Readonly<Record<string, ConfigKey>>;

/** Why `text`, a scalar as written, cannot be the value of `key`; undefined when it can. Never repeats the text. */
export function scalarProblem(key: ConfigKey, text: string): string | undefined {
  switch (key.type) {
    case "integer":
      return isIntegerWithin(key, text) ? undefined : integerText(key);
    case "boolean":
      return text === "true" || text === "false" ? undefined : "must be true or false";
    case "choice":
      return key.values?.includes(text) ? undefined : `must be one of: ${key.values?.join(", ")}`;
    case "duration":
      return isDuration(text) ? undefined : "must be a duration such as 90s, 3m or 1h30m";
    default:
      return undefined;
  }
}

function isIntegerWithin(
  { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER }: ConfigKey,
  text: string,
) {
  return /^\d{1,15}$/.test(text) && Number(text) >= minimum && Number(text) <= maximum;
}

function integerText({ minimum, maximum }: ConfigKey): string {
  return minimum === undefined ? "must be a whole number" : `must be a whole number from ${minimum} to ${maximum}`;
}

/** A bare number other than 0 is none, so that nobody means seconds where minutes are read. */
function isDuration(text: string): boolean {
  const ms = parseDurationMs(text);
  return ms !== undefined && ms >= 0;
}

/** JSON schema (draft 7, which editors understand) of files of this shape. */
export function jsonSchemaOf(shape: ConfigShape, { title, description }: { title: string; description: string }) {
  return { $schema: "http://json-schema.org/draft-07/schema#", title, description, ...sectionSchema(shape) };
}

function sectionSchema(shape: ConfigShape): Record<string, unknown> {
  const properties = Object.fromEntries(Object.entries(shape).map(([name, key]) => [name, keySchema(key)]));
  return { type: ["object", "null"], additionalProperties: false, properties };
}

const SCALAR = { type: ["string", "number", "boolean", "null"] };

/** Durations as editors check them; the program itself parses them. */
const DURATION_PATTERN = "^(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|ms|s|m|h))+$";

function keySchema({ type, description, values, minimum, maximum, keys = {} }: ConfigKey): Record<string, unknown> {
  switch (type) {
    case "integer":
      return { description, type: "integer", ...(minimum === undefined ? {} : { minimum, maximum }) };
    case "boolean":
      return { description, type: "boolean" };
    case "choice":
      return { description, enum: values };
    case "duration":
      return { description, type: ["string", "integer"], pattern: DURATION_PATTERN, maximum: 0 };
    case "map":
      return { description, type: ["object", "null"], additionalProperties: SCALAR };
    case "list":
      return { description, type: ["array", "null"], items: SCALAR };
    case "pairs":
      return {
        description,
        type: ["array", "null"],
        items: { type: "array", items: SCALAR, minItems: 2, maxItems: 2 },
      };
    case "section":
      return { description, ...sectionSchema(keys) };
    case "sections":
      return { description, type: ["object", "null"], additionalProperties: sectionSchema(keys) };
    default:
      return { description, ...SCALAR };
  }
}
