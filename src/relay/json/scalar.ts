/**
 * Looks up one scalar in a JSON text without parsing the rest.
 *
 * Templates, routing and order keys want one value of a payload. Parsing everything for it costs several times more,
 * and would change a number that JavaScript cannot hold, so that two keys became one. Texts come from the server's
 * jsonb or from JSON.stringify, so they are well formed; anything else yields undefined, never an exception.
 */

/** Text of the string, number or boolean at `path`; undefined when there is none or when it is null, object or array. */
export function scalarAt(json: string, path: readonly string[]): string | undefined {
  let at = skipSpace(json, 0);
  for (const step of path) {
    at = json[at] === "[" ? elementAt(json, at, step) : memberAt(json, at, step);
    if (at < 0) return undefined;
  }
  return scalarText(json, at);
}

function scalarText(json: string, at: number): string | undefined {
  if (json[at] === '"') return stringAt(json, at, endOfString(json, at));
  const word = /[-+.\w]+/y;
  word.lastIndex = at;
  const text = word.exec(json)?.[0];
  return text === "null" ? undefined : text;
}

/** Where the value of `name` starts in the object at `at`; -1 when there is none. */
function memberAt(json: string, at: number, name: string): number {
  if (json[at] !== "{") return -1;
  let from = skipSpace(json, at + 1);
  while (json[from] === '"') {
    const end = endOfString(json, from);
    if (end < 0) return -1;
    const colon = skipSpace(json, end + 1);
    if (json[colon] !== ":") return -1;
    const value = skipSpace(json, colon + 1);
    if (isName(json, from, end, name)) return value;
    from = afterValue(json, value);
    if (from < 0 || json[from] !== ",") return -1;
    from = skipSpace(json, from + 1);
  }
  return -1;
}

function elementAt(json: string, at: number, step: string): number {
  if (!/^\d{1,9}$/.test(step)) return -1;
  let from = skipSpace(json, at + 1);
  for (let left = Number(step); left > 0; left--) {
    from = afterValue(json, from);
    if (from < 0 || json[from] !== ",") return -1;
    from = skipSpace(json, from + 1);
  }
  return json[from] === "]" ? -1 : from;
}

/** Where the next thing after the value at `at` stands; -1 when the text ends before. */
function afterValue(json: string, at: number): number {
  let depth = 0;
  for (let index = at; index < json.length; index++) {
    const character = json[index];
    if (character === '"') {
      index = endOfString(json, index);
      if (index < 0) return -1;
    } else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") {
      if (depth === 0) return index;
      depth--;
    } else if (character === "," && depth === 0) return index;
  }
  return -1;
}

/** The closing quote of the string that opens at `at`; -1 when there is none. */
function endOfString(json: string, at: number): number {
  let end = json.indexOf('"', at + 1);
  while (end >= 0) {
    let slashes = 0;
    while (json[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end;
    end = json.indexOf('"', end + 1);
  }
  return -1;
}

function isName(json: string, from: number, end: number, name: string): boolean {
  if (end - from - 1 === name.length && json.startsWith(name, from + 1)) return true;
  return json.slice(from, end).includes("\\") && stringAt(json, from, end) === name;
}

function stringAt(json: string, from: number, end: number): string | undefined {
  if (end < 0) return undefined;
  const raw = json.slice(from + 1, end);
  if (!raw.includes("\\")) return raw;
  try {
    const parsed: unknown = JSON.parse(json.slice(from, end + 1));
    return typeof parsed === "string" ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function skipSpace(json: string, at: number): number {
  let index = at;
  while (json[index] === " " || json[index] === "\n" || json[index] === "\t" || json[index] === "\r") index++;
  return index;
}
