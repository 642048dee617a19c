/**
 * The grammar of configurations is told twice: in SQL for whoever stores one, in the process for whoever runs it. Here each
 * is held against the other, so that nothing can be stored that no relay reads, and nothing read that cannot be stored.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { inboxSinkShape, outboxSourceShape, shapeOf } from "../../../src/relay/pipeline/shape.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

/** One key as both sides tell it. `choices` sorted; a bound that is not given is endless. */
interface Key {
  kind: string;
  atLeast: number;
  atMost: number;
  choices: readonly string[] | undefined;
}

/** The part of a JSON schema that bounds a value. */
interface Schema {
  type?: string;
  const?: unknown;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  properties?: Readonly<Record<string, Schema>>;
}

/** What stands beside the shared keys: it says what is connected with what. */
const CONNECTORS = ["source_type", "source", "sink_type", "sink"];

/** Read by the process and stored under its other name, as pg_tide does. */
const ALIASES = ["rate_limit.messages_per_second"];

/** The process refuses it in words of its own, whatever the value is. */
const REFUSED = "schema_registry";

/** Kinds of SQL that are texts with a meaning. */
const TEXTS = ["expression", "interval"];

/** The process leaves them to the transforms, which know their own keys. */
const OF_TRANSFORMS = ["transform.filter", "transform.payload"];

function keysOf(schema: Schema, parent = ""): [string, Key][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const path = parent === "" ? key : `${parent}.${key}`;
    return [[path, keyOf(value)], ...(parent === "" ? keysOf(value, key) : [])] satisfies [string, Key][];
  });
}

function keyOf({ type = "any", const: only, enum: choices, minimum, maximum }: Schema): Key {
  if (typeof only === "number") return { kind: "integer", atLeast: only, atMost: only, choices: undefined };
  const [atLeast, atMost] = [minimum ?? -Infinity, maximum ?? Infinity];
  return { kind: type, atLeast, atMost, choices: choices && [...choices].sort() };
}

const schemaOf = (shape: z.ZodType): Schema => z.toJSONSchema(shape, { io: "input" }) as Schema;

const READ = new Map<string, Key>([
  ...keysOf(schemaOf(shapeOf(z))),
  ...keysOf({ properties: { source: schemaOf(outboxSourceShape(z)), sink: schemaOf(inboxSinkShape(z)) } }),
]);

describe("the grammar of configurations", () => {
  let tide: Tide;
  let stored: ReadonlyMap<string, Key>;
  beforeAll(async () => {
    tide = await openTide();
    const rows = await tide.rows(
      "select parent, key, kind, at_least, at_most, to_json(choices) as choices from tide.relay_config_grammar()",
    );
    stored = new Map(
      rows.map(({ parent, key, kind, at_least, at_most, choices }) => [
        parent === "" ? `${key}` : `${parent}.${key}`,
        {
          kind: TEXTS.includes(kind ?? "") ? "string" : (kind ?? ""),
          atLeast: at_least == null ? -Infinity : Number(at_least),
          atMost: at_most == null ? Infinity : Number(at_most),
          choices: choices == null ? undefined : (JSON.parse(choices) as string[]).sort(),
        },
      ]),
    );
  });
  afterAll(() => tide[Symbol.asyncDispose]());

  it("has the same keys for whoever stores a configuration and for whoever runs it", () => {
    const known = [...READ.keys()].filter((path) => !ALIASES.includes(path));
    const named = [...stored.keys()].filter((path) => !OF_TRANSFORMS.includes(path));
    expect(named.sort()).toEqual([...new Set([...known, ...CONNECTORS])].sort());
  });

  it.each([...READ.keys()].filter((path) => !ALIASES.includes(path)))("tells the same of %s on both sides", (path) => {
    expect(READ.get(path)).toEqual({ ...stored.get(path), ...(path === REFUSED && { kind: "any" }) });
  });
});
