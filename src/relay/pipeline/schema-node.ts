/**
 * Walks a zod schema by name, for what zod itself does not tell: which keys an object knows, and what a field's author
 * noted about it. Reads structure only; it parses nothing.
 */

export interface SchemaNode {
  readonly _zod: { readonly def: object };
}

/** The object's fields by name; undefined for anything that is no object. */
export function fieldsOf(node: SchemaNode | undefined): Readonly<Record<string, SchemaNode>> | undefined {
  const { shape } = parts(inner(node));
  if (typeof shape !== "object" || shape === null) return undefined;
  return Object.fromEntries(Object.entries(shape).filter((entry): entry is [string, SchemaNode] => isNode(entry[1])));
}

/** The field called `name` of an object; undefined for what it only inherits ("constructor"). */
export function ownField(node: SchemaNode | undefined, name: string): SchemaNode | undefined {
  const fields = fieldsOf(node);
  return fields && Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Every schema that a value at `node` may have: members of a union, else the node itself. */
export function alternativesOf(node: SchemaNode | undefined): readonly SchemaNode[] {
  const bare = inner(node);
  if (!bare) return [];
  const { options } = parts(bare);
  return Array.isArray(options) ? options.filter(isNode).flatMap(alternativesOf) : [bare];
}

export function elementOf(node: SchemaNode | undefined): SchemaNode | undefined {
  const { element, valueType } = parts(inner(node));
  if (isNode(element)) return element;
  return isNode(valueType) ? valueType : undefined;
}

/** "string", "number", "boolean", "array", "object" ...: what stays when optional, default and the like are taken off. */
export function kindOfSchema(node: SchemaNode | undefined): string | undefined {
  const { type } = parts(inner(node));
  return typeof type === "string" ? type : undefined;
}

/** A note of the field's author (`.meta({ secret: true })`), on the field or on anything it wraps. */
export function noteOf(node: SchemaNode | undefined, name: string): unknown {
  for (let at = node, depth = 0; at && depth < MAX_WRAPPERS; at = wrapped(at), depth++) {
    const noted = "meta" in at && typeof at.meta === "function" ? at.meta() : undefined;
    if (typeof noted === "object" && noted !== null && name in noted) return noted[name];
  }
  return undefined;
}

/** 20: optional, default, nullable, pipe ...; nobody wraps a field more often. */
const MAX_WRAPPERS = 20;

function inner(node: SchemaNode | undefined): SchemaNode | undefined {
  let at = node;
  for (let depth = 0; at && depth < MAX_WRAPPERS; depth++) {
    const next = wrapped(at);
    if (!next) return at;
    at = next;
  }
  return at;
}

function wrapped(node: SchemaNode): SchemaNode | undefined {
  const { innerType, in: input } = parts(node);
  if (isNode(innerType)) return innerType;
  return isNode(input) ? input : undefined;
}

function parts(node: SchemaNode | undefined): Readonly<Record<string, unknown>> {
  return node ? { ...node._zod.def, shape: "shape" in node._zod.def ? node._zod.def.shape : undefined } : {};
}

function isNode(value: unknown): value is SchemaNode {
  return typeof value === "object" && value !== null && "_zod" in value;
}
