/**
 * Rules as text: one spelling for the same rule, whether it was read from the file or from the server's view, so that a
 * finding keeps its name; and lines to paste in its place.
 */
import { formatAddress } from "./address.ts";
import type { HbaRule, HbaToken } from "./hba.ts";
import { SECRET_OPTIONS } from "./options.ts";

type RuleParts = Omit<HbaRule, "text" | "file" | "line">;

/** Options by which a rule is known: those that both the file and the view tell, and that are no secret. */
const TELLING_OPTIONS = ["map", "clientcert", "krb_realm", "ldapserver", "ldapscheme", "radiusservers", "issuer"];

/** The rule in one spelling, without secrets. */
export function ruleText(rule: RuleParts): string {
  const options = TELLING_OPTIONS.flatMap((name) => {
    const value = rule.options.get(name);
    const isImplied = rule.method === "cert" && name === "clientcert";
    return value === undefined || isImplied ? [] : [`${name}=${quotedIfNeeded(value)}`];
  });
  if (rule.options.get("ldaptls") === "1") options.push("ldaptls=1");
  if (rule.options.get("include_realm") === "0") options.push("include_realm=0");
  return [...columnsOf(rule), ...options].join(" ");
}

/** A rule as its line has it, every column as text: plain data, which results can be kept and compared by. */
export interface WrittenRule {
  file: string;
  line: number;
  type: string;
  databases: string;
  users: string;
  /** undefined for local. */
  address: string | undefined;
  method: string;
  /** Values of secrets are empty. */
  options: Readonly<Record<string, string>>;
}

/** What of a rule changes. */
export type WrittenChanges = Partial<Omit<WrittenRule, "file" | "line">>;

/** The same as checks say it. */
export type RuleChanges = Partial<Pick<HbaRule, "type" | "databases" | "users" | "method" | "options">>;

export function writtenRule(rule: HbaRule): WrittenRule {
  const { file, line, type, method, databases, users, address, options } = rule;
  return {
    ...{ file, line, type, method },
    databases: wordsText(databases),
    users: wordsText(users),
    address: address && formatAddress(address),
    options: Object.fromEntries(options),
  };
}

export function writtenChanges({ databases, users, options, ...changes }: RuleChanges): WrittenChanges {
  return {
    ...changes,
    ...(databases && { databases: wordsText(databases) }),
    ...(users && { users: wordsText(users) }),
    ...(options && { options: Object.fromEntries(options) }),
  };
}

/**
 * A rule like `rule` with `changes`, as a line for the file. Options stay only where the new method can have them; secrets,
 * which were not kept, have words in their place that no server loads.
 */
export function writtenLine(rule: WrittenRule, changes: WrittenChanges): string {
  const { type, databases, users, address, method, options } = { ...rule, ...changes };
  const kept = Object.entries(options).flatMap(([name, value]) => {
    if (method !== rule.method && !KEPT_OPTIONS.has(name)) return [];
    if (name === "clientcert" && (type !== "hostssl" || method === "cert")) return [];
    return [SECRET_OPTIONS.has(name) ? `${name}=<as before>` : `${name}=${quotedIfNeeded(value)}`];
  });
  return [type, databases, users, ...(address === undefined ? [] : [address]), method, ...kept].join(" ");
}

/** A secret stands in the line and was not kept: whoever writes the line again has to put it in. */
export function hasSecret({ options }: Pick<WrittenRule, "options">): boolean {
  return Object.keys(options).some((name) => SECRET_OPTIONS.has(name));
}

/** Options that do not belong to one method. */
const KEPT_OPTIONS = new Set(["clientcert", "clientname"]);

function columnsOf({ type, databases, users, address, method }: RuleParts): string[] {
  return [
    type,
    wordsText(databases),
    wordsText(users),
    ...(address === undefined ? [] : [formatAddress(address)]),
    method,
  ];
}

const wordsText = (tokens: readonly HbaToken[]): string => tokens.map(tokenText).join(",");

const KEYWORDS = new Set(["all", "sameuser", "samerole", "samegroup", "replication"]);

/** A word as it has to be written; quotes only where they change what it means. */
export function tokenText({ text, isQuoted }: HbaToken): string {
  const isName = isQuoted && (KEYWORDS.has(text) || /^[+@]/.test(text));
  return isName ? quoted(text) : quotedIfNeeded(text);
}

/** A word with quotes where the file needs them. */
export function quotedIfNeeded(text: string): string {
  return text === "" || /[\s,"#]|\\$/.test(text) ? quoted(text) : text;
}

const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
