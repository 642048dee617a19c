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

/** A rule like `rule` with `changes`, as a line for the file; secrets have a word in their place. Options stay only where the new method can have them. */
export function changedLine(rule: HbaRule, changes: Partial<RuleParts>): string {
  const changed = { ...rule, ...changes };
  const options = [...changed.options].flatMap(([name, value]) => {
    if (changes.method !== undefined && changes.method !== rule.method && !KEPT_OPTIONS.has(name)) return [];
    if (name === "clientcert" && (changed.type !== "hostssl" || changed.method === "cert")) return [];
    if (SECRET_OPTIONS.has(name)) return [`${name}=<as before>`];
    return [`${name}=${quotedIfNeeded(value)}`];
  });
  return [...columnsOf(changed), ...options].join(" ");
}

/** A secret stands in the line and was not kept: whoever writes the line again has to put it in. */
export function hasSecret({ options }: Pick<HbaRule, "options">): boolean {
  return [...options.keys()].some((name) => SECRET_OPTIONS.has(name));
}

/** Options that do not belong to one method. */
const KEPT_OPTIONS = new Set(["clientcert", "clientname"]);

function columnsOf({ type, databases, users, address, method }: RuleParts): string[] {
  const lists = [databases, users].map((tokens) => tokens.map(tokenText).join(","));
  return [type, ...lists, ...(address === undefined ? [] : [formatAddress(address)]), method];
}

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
