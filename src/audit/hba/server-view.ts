/**
 * pg_hba.conf and pg_ident.conf as the server's views show them: complete, in order, and without quotes.
 *
 * Where the file was read as well, the two are laid side by side. They have to tell the same, line by line; the file then
 * adds its quotes, and the server its reasons for what it refuses. Where they differ, the view counts alone.
 */
import type { TextRow } from "../../pg/session.ts";
import { networkAddress, numericAddress } from "./address.ts";
import type { HbaAddress, HbaFacts, HbaProblem, HbaRule, HbaToken, HbaType } from "./hba.ts";
import type { IdentEntry, IdentFacts } from "./ident.ts";
import { optionsOfView } from "./options.ts";
import { ruleText } from "./rule-text.ts";
import { isPattern, sorted, tellable } from "./rules.ts";

/** One more than are judged, to see that there are more. */
const fetched = (limit: number): string => `order by r.ordinality limit ${limit + 1}`;

/** Values of secrets stay on the server. */
export function rulesQuery(major: number, limit: number): string {
  const file = major >= 16 ? "r.file_name" : "null";
  return `
  select ${file} as file, r.line_number as line, r.type, r.address, r.netmask, r.auth_method as method, r.error,
         pg_catalog.to_json(r.database) as databases,
         pg_catalog.to_json(r.user_name) as users,
         pg_catalog.to_json(array(
           select case when o.option like 'ldapbindpasswd=%' then 'ldapbindpasswd='
                       when o.option like 'radiussecrets=%' then 'radiussecrets='
                       else o.option
                  end
             from pg_catalog.unnest(r.options) as o(option))) as options
    from pg_catalog.pg_hba_file_rules() with ordinality as r
   ${fetched(limit)}`;
}

export function entriesQuery(major: number, limit: number): string {
  const file = major >= 16 ? "r.file_name" : "null";
  return `
  select ${file} as file, r.line_number as line, r.map_name as map, r.sys_name as system, r.pg_username as role, r.error
    from pg_catalog.pg_ident_file_mappings() with ordinality as r
   ${fetched(limit)}`;
}

export interface ViewContext {
  /** What the main file is called where the view does not say it. */
  mainFile: string;
  major: number;
}

/** Rows of rulesQuery as rules and problems, in order. A row with a type and an error is a rule with a warning. */
export function rulesOfView(rows: readonly TextRow[], context: ViewContext): readonly (HbaRule | HbaProblem)[] {
  return rows.map((row) => {
    const place = { file: row.file ?? context.mainFile, line: Number(row.line) };
    if (row.type === null || row.type === undefined) return { ...place, reason: reasonOf(row) };
    const method = row.method ?? "";
    const rule = {
      type: typeOf(row.type),
      databases: tokensOf(row.databases, context.major),
      users: tokensOf(row.users, context.major),
      address: row.type === "local" ? undefined : addressOf(row),
      method,
      options: optionsOfView(words(row.options), method),
    };
    return { ...rule, ...place, text: ruleText(rule) };
  });
}

/** For some options the server refuses a line and keeps the reason to its log. */
function reasonOf({ error }: TextRow): string {
  return tellable(error ?? "") || "the server refuses it";
}

const TYPES: readonly HbaType[] = ["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"];

/** A type that nobody knows yet admits as much as any. */
function typeOf(text: string): HbaType {
  return TYPES.find((type) => type === text) ?? "host";
}

function tokensOf(json: string | null | undefined, major: number): readonly HbaToken[] {
  return words(json).map((text) => ({ text, isQuoted: false, isPattern: isPattern(text, major) }));
}

/** A JSON array of strings, made by the server; null for none. */
function words(json: string | null | undefined): readonly string[] {
  const parsed: unknown = JSON.parse(json ?? "[]");
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

function addressOf({ address, netmask }: TextRow): HbaAddress {
  const text = address ?? "";
  const [first, mask] = [numericAddress(text), numericAddress(netmask ?? "")];
  if (netmask !== null && first !== undefined && mask !== undefined) return networkAddress(first, mask.value);
  if (text === "all" || text === "samehost" || text === "samenet") return { kind: text };
  return { kind: "name", name: text };
}

/** The file's items with the server's verdicts; undefined when the two do not tell the same. */
export function reconciled(
  ofFile: readonly (HbaRule | HbaProblem)[],
  ofView: readonly (HbaRule | HbaProblem)[],
): Pick<HbaFacts, "rules" | "problems"> | undefined {
  if (ofFile.length !== ofView.length) return undefined;
  const items: (HbaRule | HbaProblem)[] = [];
  for (const [index, shown] of ofView.entries()) {
    const own = ofFile[index];
    if (own === undefined || own.file !== shown.file || own.line !== shown.line) return undefined;
    if ("reason" in shown) items.push("reason" in own ? own : shown);
    else if ("method" in own && essence(own) === essence(shown)) items.push(own);
    else return undefined;
  }
  return sorted(items);
}

/** All of a rule that the view shows of it, quotes left out. */
function essence({ type, databases, users, address, method }: HbaRule): string {
  const texts = (tokens: readonly HbaToken[]): string[] => tokens.map(({ text }) => text);
  const where = address?.kind === "network" ? [address.network.first, address.mask].map(String) : addressName(address);
  return JSON.stringify([type, texts(databases), texts(users), where, method]);
}

/** The view has one spelling for the keyword `all` and for a host of that name. */
function addressName(address: Exclude<HbaAddress, { kind: "network" }> | undefined): string | undefined {
  return address?.kind === "name" ? address.name : address?.kind;
}

/** Rows of entriesQuery. */
export function entriesOfView(rows: readonly TextRow[], { mainFile, major }: ViewContext): IdentFacts {
  const entries: IdentEntry[] = [];
  const problems: HbaProblem[] = [];
  for (const row of rows) {
    const place = { file: row.file ?? mainFile, line: Number(row.line) };
    const { map, system, role, error } = row;
    if (map && system !== null && role !== null && error === null) {
      entries.push({ ...place, map, system: system ?? "", role: role ?? "", isRoleQuoted: false });
    } else problems.push({ ...place, reason: reasonOf(row) });
  }
  return { entries, problems, hasRolePatterns: major >= 16 };
}

/** The file's entries, when the view has the same; the server's own reasons for what it refuses. */
export function reconciledIdent(ofFile: IdentFacts, ofView: IdentFacts): IdentFacts {
  const told = ({ file, line, map, system, role }: IdentEntry): string =>
    JSON.stringify([file, line, map, system, role]);
  const isSame =
    ofFile.entries.length === ofView.entries.length &&
    ofFile.entries.every((entry, index) => told(entry) === told(ofView.entries[index] ?? entry));
  return isSame ? { ...ofFile, problems: ofView.problems } : ofView;
}
