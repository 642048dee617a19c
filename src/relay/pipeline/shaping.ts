/**
 * From a committed message to what is sent: transforms, subject, wire format, order key, size.
 *
 * Everything is compiled once, when a worker starts. For a message that only passes through nothing is parsed and
 * nothing but the body is built; a template, a route or an order key looks up its one value in the text.
 */
import { createHash } from "node:crypto";
import { tameLine } from "../../base/tame.ts";
import type { DeadLetterKind } from "../failures.ts";
import { type EncodeContext, type Encoded, type FormatDefinition, FormatFailure } from "../formats/format.ts";
import { index as formats } from "../formats/index.ts";
import { scalarAt } from "../json/scalar.ts";
import type { Delivery, Message } from "../message.ts";
import type { SinkDefinition } from "../sinks/sink.ts";
import { index as transforms } from "../transforms/index.ts";
import {
  type Apply,
  type TransformContext,
  type TransformDefinition,
  TransformFailure,
} from "../transforms/transform.ts";
import type { Openable } from "./open.ts";
import type { Pipeline } from "./pipeline.ts";
import { invalid } from "./problems.ts";
import { DEFAULT_SUBJECT } from "./shape.ts";
import { compileTemplate, type Template, templateProblem } from "./template.ts";

export type Shaped =
  /** Usually one; more where the format calls for it. All of one message: it is settled when all are. */
  | { readonly kind: "deliveries"; readonly deliveries: readonly Delivery[] }
  /** A filter left it out: it counts as delivered. */
  | { readonly kind: "dropped" }
  /** It can never be sent. `reason` holds nothing of the message. */
  | { readonly kind: "failed"; readonly deadLetter: DeadLetterKind; readonly reason: string };

export type Shape = (message: Message) => Shaped;

export interface ShapingParts {
  sink: SinkDefinition;
  openable: Openable<Record<string, unknown>>;
  /** Name of the relay's database, for formats that tell it. */
  database: string;
}

const DROPPED: Shaped = { kind: "dropped" };
const UNCLAIMED: Shaped = {
  kind: "failed",
  deadLetter: "decode",
  reason: "the payload is larger than 8 MiB, or lies in a large object or in pieces that cannot be read",
};

/**
 * Compiles what the pipeline does to its messages. `shape` never throws.
 *
 * Throws RELAY_PIPELINE_INVALID for options that can never work: an unknown variable, a bad expression, a missing key.
 */
export async function openShaping(pipeline: Pipeline, { sink, openable, database }: ShapingParts): Promise<Shape> {
  const transform = await openTransforms(pipeline, openable.transforms);
  const subject = openSubject(pipeline, sink.subject(openable.config));
  const encode = await openFormat(pipeline, { sink, wireOptions: openable.wireOptions, database });
  const orderKey = openOrderKey(pipeline.orderKey);
  const { messageBytes } = sink.limits;
  const shape = (original: Message): Shaped => {
    if (isUnclaimed(original.payload)) return UNCLAIMED;
    const message = transform ? transform(original) : original;
    if (!message) return DROPPED;
    const to = subject(message);
    const order = orderKey(message, to);
    const deliveries: Delivery[] = [];
    for (const encoded of encode(message, to)) {
      const delivery = deliveryOf(message, to, order, encoded);
      if (delivery.bytes > messageBytes) return tooLarge(delivery.bytes, messageBytes);
      deliveries.push(delivery);
    }
    return { kind: "deliveries", deliveries };
  };
  return (message) => {
    try {
      return shape(message);
    } catch (error) {
      return { kind: "failed", deadLetter: "decode", reason: reasonOf(error) };
    }
  };
}

/** Whether the database left the envelope of a large payload in its place (relay_claimed_payload). */
function isUnclaimed(payload: string): boolean {
  if (!payload.startsWith('{"_cc": true,')) return false;
  return scalarAt(payload, ["blob"]) !== undefined || scalarAt(payload, ["oid"]) !== undefined;
}

function deliveryOf(
  message: Message,
  subject: string,
  orderKey: string,
  { body, contentType, key, headers }: Encoded,
): Delivery {
  return {
    message,
    subject,
    orderKey,
    key,
    body,
    contentType,
    headers,
    bytes: body === null ? 0 : Buffer.byteLength(body),
  };
}

function tooLarge(bytes: number, limit: number): Shaped {
  return {
    kind: "failed",
    deadLetter: "sink_permanent",
    reason: `the message has ${bytes} bytes, over the sink's limit of ${limit}`,
  };
}

/** Failures of ours say nothing of the message; anything else could. */
function reasonOf(error: unknown): string {
  if (error instanceof FormatFailure || error instanceof TransformFailure) return tameLine(error.message);
  return "the message could not be prepared for the sink";
}

type Transform = (message: Message) => Message | undefined;

async function openTransforms(
  pipeline: Pipeline,
  chain: Readonly<Record<string, unknown>>,
): Promise<Transform | undefined> {
  const definitions = await Promise.all(Object.keys(chain).map((name) => findTransform(pipeline, name)));
  definitions.sort((a, b) => a.rank - b.rank);
  const context: TransformContext = { outbox: pipeline.outbox ?? "" };
  const steps: Apply[] = [];
  for (const definition of definitions) {
    const options = chain[definition.name];
    steps.push(await prepare(definition, { pipeline, options, context }));
  }
  if (steps.length === 0) return undefined;
  return (message) => {
    let current: Message | undefined = message;
    for (const step of steps) {
      if (!current) return undefined;
      current = step(current);
    }
    return current;
  };
}

async function findTransform(pipeline: Pipeline, name: string): Promise<TransformDefinition> {
  const load = Object.entries(transforms).find(([known]) => known === name)?.[1];
  if (!load) throw invalid(pipeline.name, [`transform.${name}: unknown key`]);
  return (await load()).default;
}

interface StepParts {
  pipeline: Pipeline;
  options: unknown;
  context: TransformContext;
}

async function prepare(definition: TransformDefinition, { pipeline, options, context }: StepParts): Promise<Apply> {
  const { z } = await import("zod");
  const parsed = definition.options(z).safeParse(options);
  if (!parsed.success) {
    throw invalid(
      pipeline.name,
      parsed.error.issues.map(({ message }) => `transform.${definition.name}: ${message}`),
    );
  }
  try {
    return await definition.prepare(parsed.data, context);
  } catch (error) {
    if (!(error instanceof TransformFailure)) throw error;
    throw invalid(pipeline.name, [`transform.${definition.name}: ${error.message}`]);
  }
}

/** The first route that fits, else the pipeline's default, else the sink's own template, else the outbox's. */
function openSubject(pipeline: Pipeline, ofSink: string | undefined): Template {
  const compile = (text: string): Template => {
    const problem = templateProblem(text);
    if (problem) throw invalid(pipeline.name, [`subject template: ${problem}`]);
    return compileTemplate(text);
  };
  const { rules, fallback } = pipeline.routing;
  const otherwise = compile(fallback ?? ofSink ?? (pipeline.subjectTemplate || DEFAULT_SUBJECT));
  if (rules.length === 0) return otherwise;
  const routes = rules.map(({ field, value, subject }) => ({
    read: fieldReader(field),
    value,
    render: compile(subject),
  }));
  return (message) => {
    const route = routes.find(({ read, value }) => read(message) === value);
    return (route?.render ?? otherwise)(message);
  };
}

/** "headers.x" of the headers, "payload.x" and anything else of the payload; a payload may have a field "headers" too. */
function fieldReader(field: string): (message: Message) => string | undefined {
  const path = field.replace(/^\$\.?/, "").split(".");
  const [first, ...rest] = path;
  return (message) => {
    const own = scalarAt(message.payload, path);
    if (own !== undefined || rest.length === 0) return own ?? (first === "op" ? message.op : undefined);
    if (first === "payload") return scalarAt(message.payload, rest);
    return first === "headers" || first === "header" ? scalarAt(message.headers, rest) : undefined;
  };
}

type Encode = (message: Message, subject: string) => readonly Encoded[];

interface FormatParts extends Pick<ShapingParts, "sink" | "database"> {
  wireOptions: Readonly<Record<string, unknown>>;
}

async function openFormat(pipeline: Pipeline, { sink, wireOptions, database }: FormatParts): Promise<Encode> {
  const { name } = pipeline.wireFormat;
  const load = Object.entries(formats).find(([known]) => known === name)?.[1];
  const definition: FormatDefinition | undefined = load && (await load()).default;
  const encode = definition?.encode;
  if (!definition || !encode) throw invalid(pipeline.name, ["wire_format: cannot be written"]);
  const { z } = await import("zod");
  const given = name === "native" ? { body: sink.wrapsNative ? "relay" : "payload", ...wireOptions } : wireOptions;
  const options = definition.options(z).safeParse(given);
  if (!options.success) {
    throw invalid(
      pipeline.name,
      options.error.issues.map(({ path, message }) => `wire_config.${path.join(".")}: ${message}`),
    );
  }
  return (message, subject) => {
    const context: EncodeContext = { subject, database };
    return encode.call(definition, message, options.data, context);
  };
}

function openOrderKey(orderKey: string | undefined): (message: Message, subject: string) => string {
  if (orderKey === undefined) return () => "";
  if (orderKey === "dedup") return ({ dedupKey }) => dedupKey;
  if (orderKey === "subject") return (_message, subject) => subject;
  const [from, ...path] = orderKey.split(".");
  if (from === "headers") return ({ headers }) => bounded(scalarAt(headers, path));
  return ({ payload }) => bounded(scalarAt(payload, path));
}

/** 256 characters: keys of dead letters stay in memory, and publishers choose them. */
const MAX_ORDER_KEY = 256;

/** The key, or what stands for a long one: equal for equal keys. */
function bounded(orderKey = ""): string {
  if (orderKey.length <= MAX_ORDER_KEY) return orderKey;
  return `sha256:${createHash("sha256").update(orderKey).digest("hex")}`;
}
