/**
 * Finds tests that hold a measured duration below a number. A busy machine breaks such a test and a fast one hides
 * what it is for, so figures live in bench/, as ratios.
 *
 * Good enough for searching, not a parser: a name counts as a duration when a reading of a clock minus another is
 * stored in it, pushed onto it, or returned by it, also by way of other names of the same file. What helpers return or
 * set as a property counts in every file. Lower bounds and orders of two moments stay allowed: waiting longer breaks
 * neither.
 */
const CLOCK = String.raw`(?:performance\.now\(\)|Date\.now\(\)|process\.hrtime\.bigint\(\))`;
/** A reading minus another, or one that is a difference by itself; minus a number it is a moment. */
const MEASURED = String.raw`(?:${CLOCK}[\s)]*-(?!-)(?!\s*\d)|process\.(?:cpuUsage|hrtime)\(\s*\w)`;
const UPPER = String.raw`\.(?:toBeLessThan|toBeLessThanOrEqual|not\.toBeGreaterThan|not\.toBeGreaterThanOrEqual)\(`;
const LOWER_OF_LIMIT = String.raw`\.(?:toBeGreaterThan|toBeGreaterThanOrEqual|not\.toBeLessThan)\(`;

export interface TestFile {
  path: string;
  text: string;
}

/** "path:line  text" of every upper bound on a measured duration. */
export function upperBoundsOnTime(files: readonly TestFile[]): string[] {
  const sources = files.map(({ path, text }) => ({ path, text: withStoredReadings(onlyCode(text)) }));
  const shared = sources.filter(({ path }) => !path.endsWith(".test.ts")).flatMap(({ text }) => givenNames(text));
  return sources.flatMap(({ path, text }) => {
    const durations = names([...shared, ...givenNames(text), ...storedNames(text, MEASURED)], text);
    return bounds(text, durations).map((at) => {
      const line = text.slice(0, at).split("\n").length;
      return `${path}:${line}  ${text.split("\n")[line - 1]?.trim()}`;
    });
  });
}

/** Functions that return a duration, and properties that are set to one. */
function givenNames(text: string): string[] {
  const returned = [...text.matchAll(new RegExp(String.raw`(?:\breturn\b|=>)[^;]*?${MEASURED}`, "g"))];
  const set = [...text.matchAll(new RegExp(String.raw`(?:\.(\w+)\s*=|\b(\w+)\s*:)[^;,={}]*?${MEASURED}`, "g"))];
  return [
    ...returned.flatMap(({ index }) => [...text.slice(0, index + 2).matchAll(FUNCTION)].at(-1)?.slice(1) ?? []),
    ...returned.flatMap(({ index }) => namesAround(text, index)),
    ...set.flatMap(([, assigned, member]) => [assigned, member]),
  ].filter((name) => name !== undefined);
}

const FUNCTION = /\bfunction\s+(\w+)|\bconst\s+(\w+)\s*(?::[^=;]*)?=\s*(?:async\s*)?\([^;{]*?=>/g;

/** Variables that are made by a function in whose body `at` stands. */
function namesAround(text: string, at: number): string[] {
  const made = [...text.slice(0, at).matchAll(/\b(?:const|let)\s+(\w+)[^=;]*=[^;]*?=>\s*\{/g)];
  return made.flatMap((match) => {
    let depth = 1;
    for (const sign of text.slice(match.index + match[0].length, at).match(/[{}]/g) ?? []) {
      depth += sign === "{" ? 1 : -1;
      if (depth === 0) return [];
    }
    return match[1] ?? [];
  });
}

/** Variables that hold, and lists that are given, what `value` matches. */
function storedNames(text: string, value: string): string[] {
  const stored = new RegExp(
    String.raw`(?:\b(?:const|let|var)\s+(\w+)[^=;]*=(?!=|>)|\b(\w+)(?:\[\w+\])?\??\.push\()[^;]*?${value}`,
    "g",
  );
  return [...text.matchAll(stored)].flatMap(([, variable, list]) => variable ?? list ?? []);
}

/** The given names with those that are computed from them. */
function names(given: readonly string[], text: string): ReadonlySet<string> {
  const found = new Set(given);
  for (let before = -1; before < found.size; ) {
    before = found.size;
    if (found.size === 0) return found;
    for (const name of storedNames(text, String.raw`(?<![\w.])(?:${[...found].join("|")})\b(?!\s*:)`)) found.add(name);
  }
  return found;
}

/** Places where a duration is held below something. */
function bounds(text: string, durations: ReadonlySet<string>): number[] {
  const duration = durations.size === 0 ? MEASURED : String.raw`(?:${MEASURED}|\b(?:${[...durations].join("|")})\b)`;
  const forms = [
    // A duration is expected to be below a limit, or a limit to be above a duration.
    String.raw`\bexpect(?:\.soft|\.poll)?\((?:(?!\bexpect\b)[^;])*?${duration}(?:(?!\bexpect\b)[^;])*?${UPPER}`,
    `${LOWER_OF_LIMIT}[^;]*?${duration}`,
    // A comparison is expected, asserted or thrown for.
    String.raw`\b(?:expect|assert|ok)\([^;]*?${duration}[^;=]*?<(?!<)`,
    String.raw`\bif\s*\([^;{]*?${duration}[^;{=]*?>[^;{]*?\)\s*\{?\s*throw\b`,
  ];
  return forms
    .flatMap((form) => [...text.matchAll(new RegExp(form, "g"))].map(({ index }) => index))
    .sort((a, b) => a - b);
}

/**
 * The source without comments and without what stands in quotes, so that names of tests are no names of durations. What
 * stands in backticks stays: it may be a program.
 */
function onlyCode(source: string): string {
  const passages = /\/\*[\s\S]*?\*\/|(?<=^|[\s;,{}()])\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;
  const blank = (text: string): string => text.replace(/[^\n]/g, " ");
  return source.replace(passages, (text) => (text.startsWith("/") ? blank(text) : `"${blank(text.slice(2))}"`));
}

/** The source with each later moment minus a stored reading written out as one of the clock minus that. */
function withStoredReadings(text: string): string {
  const stored = [...text.matchAll(new RegExp(String.raw`\b(?:const|let)\s+(\w+)\s*=\s*${CLOCK}\s*;`, "g"))];
  if (stored.length === 0) return text;
  const later = new RegExp(String.raw`[\w)]\s*-\s*(?=(?:${stored.map(([, name]) => name).join("|")})\b)`, "g");
  return text.replace(later, (from) => `${from.slice(0, 1)} + Date.now() - `);
}
