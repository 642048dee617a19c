/** Entries out of the lines of pg_ident.conf. Source: parse_ident_line() of the servers 14 to 18. */
import type { ConfLine } from "./conf-files.ts";
import type { IdentEntry, IdentFacts } from "./ident.ts";
import { patternProblem } from "./pattern.ts";

/** Entries and problems in the order of the file. */
export function parseEntries(lines: readonly ConfLine[], major: number): IdentFacts {
  const hasRolePatterns = major >= 16;
  const entries: IdentEntry[] = [];
  const problems: IdentFacts["problems"][number][] = [];
  for (const line of lines) {
    const parsed = line.problem ?? entryOf(line, hasRolePatterns);
    if (typeof parsed !== "string") entries.push(parsed);
    else problems.push({ file: line.file, line: line.line, reason: parsed });
  }
  return { entries, problems, hasRolePatterns };
}

function entryOf({ file, line, fields }: ConfLine, hasRolePatterns: boolean): IdentEntry | string {
  // What stands behind the third column counts for nothing.
  const columns = fields.slice(0, 3);
  if (columns.some((tokens) => tokens.length > 1)) return "multiple values in ident field";
  const [map, system, role] = columns.map((tokens) => tokens[0]);
  if (map === undefined || system === undefined || role === undefined) return "missing entry at end of line";
  for (const { text } of hasRolePatterns ? [system, role] : [system]) {
    const problem = text.startsWith("/") ? patternProblem(text.slice(1)) : undefined;
    if (problem !== undefined) return `invalid regular expression "${text.slice(1)}": ${problem}`;
  }
  return { file, line, map: map.text, system: system.text, role: role.text, isRoleQuoted: role.isQuoted };
}
