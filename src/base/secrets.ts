/**
 * Secret values and the scrubber that keeps them out of every output.
 *
 * Two lines of defence. A secret travels as a `Secret`, which prints as "[secret]" however it is printed, so code has
 * to ask for the value by name (`expose`). And because leaks come from paths nobody thought of (a server repeating a
 * password in an error, a notice raised by somebody's SQL), every value is also registered when it is resolved, and
 * `scrub` is the last step of every output: it replaces each registered value in its plain, URL-encoded, base64 and
 * hexadecimal forms.
 *
 * One registry per process. Values under MIN_SCRUBBED_LENGTH are not searched for in free text: replacing every "a"
 * or "prod" would make output useless without hiding anything.
 */
import { inspect } from "node:util";

/** 6: the shortest value that is searched for in free text; shorter ones are masked only in their own field. */
export const MIN_SCRUBBED_LENGTH = 6;

export const SECRET_TEXT = "[secret]";

/** A value that must not be shown. Prints as "[secret]" through String(), JSON, template literals and inspect. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    registerSecret(value);
  }

  /** The value itself. Call it only where it leaves for its destination. */
  expose(): string {
    return this.#value;
  }

  toString(): string {
    return SECRET_TEXT;
  }

  toJSON(): string {
    return SECRET_TEXT;
  }

  [inspect.custom](): string {
    return SECRET_TEXT;
  }
}

const forms = new Set<string>();
let pattern: RegExp | undefined;

/** Makes `scrub` hide `value` from now on, for the life of the process. */
export function registerSecret(value: string): void {
  if (value.length < MIN_SCRUBBED_LENGTH) return;
  const before = forms.size;
  for (const form of formsOf(value)) if (form.length >= MIN_SCRUBBED_LENGTH) forms.add(form);
  if (forms.size > before) pattern = undefined;
}

/** Replaces every registered secret in `text`, in any of the forms a program or server may echo it. */
export function scrub(text: string): string {
  if (forms.size === 0) return text;
  pattern ??= compile();
  return text.replace(pattern, SECRET_TEXT);
}

/** `scrub` applied to every string inside a JSON-like value, keys included; other values pass through. */
export function scrubDeep<T>(value: T): T;
export function scrubDeep(value: unknown): unknown {
  if (typeof value === "string") return scrub(value);
  if (value instanceof Secret) return SECRET_TEXT;
  if (Array.isArray(value)) return value.map((item) => scrubDeep(item));
  if (value === null || typeof value !== "object" || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [scrub(key), scrubDeep(item)]));
}

/** Forgets every registered secret. Tests only: a process that resolved a secret must go on hiding it. */
export function forgetSecretsForTests(): void {
  forms.clear();
  pattern = undefined;
}

function formsOf(value: string): string[] {
  const bytes = Buffer.from(value, "utf8");
  const json = JSON.stringify(value).slice(1, -1);
  return [
    value,
    json,
    value.replaceAll("'", "''"),
    encodeURIComponent(value.toWellFormed()),
    encodeURIComponent(value.toWellFormed()).replaceAll("%20", "+"),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    ...base64Forms(bytes),
    ...linesOf(value),
    ...wrappedBase64(bytes),
  ];
}

/** 8: shorter lines of a long value ("}", "end;") stand in everybody's text. */
const MIN_LINE_LENGTH = 8;

/** Output is indented and cut at line breaks, so the lines of a value (a private key, say) are hidden one by one. */
function linesOf(value: string): string[] {
  if (!value.includes("\n")) return [];
  return value
    .split("\n")
    .map((line) => line.trim())
    .filter(({ length }) => length >= MIN_LINE_LENGTH);
}

/** The server's encode(..., 'base64') breaks its text into lines of 76 characters, openssl into lines of 64. */
function wrappedBase64(bytes: Buffer): string[] {
  const text = bytes.toString("base64");
  return [76, 64].flatMap((width) => {
    if (text.length <= width) return [];
    return (text.match(new RegExp(`.{1,${width}}`, "g")) ?? []).filter(({ length }) => length >= MIN_LINE_LENGTH);
  });
}

/**
 * The value's base64 text at each of the three places it can start inside a longer encoded text. The characters that
 * also depend on neighbouring bytes are cut off, so the rest matches whatever surrounds it.
 */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const text = padded.toString("base64").replace(/=+$/, "");
    const head = offset === 0 ? 0 : offset + 1;
    const tail = padded.length % 3 === 0 ? 0 : 1;
    const inner = text.slice(head, text.length - tail);
    return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
}

function compile(): RegExp {
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  return new RegExp(longestFirst.map(escapeForRegExp).join("|"), "g");
}

function escapeForRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}
