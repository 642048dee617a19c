/**
 * Rules out of the lines of pg_hba.conf, refusing what the server refuses and for its reasons.
 *
 * What depends on how a server was built (LDAP, PAM, Kerberos) or is set (TLS, OAuth validators) is accepted here: a live
 * server says it itself, and a file alone cannot.
 *
 * Source: parse_hba_line() of the servers 14 to 18.
 */
import { maskOfPrefix, networkAddress, numericAddress, prefixOf } from "./address.ts";
import type { ConfLine } from "./conf-files.ts";
import type { ConfToken } from "./conf-lines.ts";
import type { HbaAddress, HbaFacts, HbaProblem, HbaRule, HbaToken, HbaType } from "./hba.ts";
import { parseOptions } from "./options.ts";
import { patternProblem } from "./pattern.ts";
import { ruleText } from "./rule-text.ts";

const TYPES: Readonly<Record<string, HbaType>> = {
  local: "local",
  host: "host",
  hostssl: "hostssl",
  hostnossl: "hostnossl",
  hostgssenc: "hostgssenc",
  hostnogssenc: "hostnogssenc",
};

const METHODS = new Set(
  "trust reject scram-sha-256 md5 password gss sspi ident peer pam bsd ldap radius cert oauth".split(" "),
);

/** Rules and problems in the order of the file. */
export function parseRules(lines: readonly ConfLine[], major: number): readonly (HbaRule | HbaProblem)[] {
  return lines.map((line) => {
    const parsed = line.problem ?? ruleOf(line, major);
    if (typeof parsed !== "string") return parsed;
    return { file: line.file, line: line.line, reason: tellable(parsed) };
  });
}

/** Rules apart from problems. */
export function sorted(items: readonly (HbaRule | HbaProblem)[]): Pick<HbaFacts, "rules" | "problems"> {
  return {
    rules: items.filter((item) => "method" in item),
    problems: items.filter((item) => "reason" in item),
  };
}

/**
 * A reason without what may be a password: words of a broken line that the server repeats, when an option that holds a
 * secret lost its place.
 */
export function tellable(reason: string): string {
  return reason
    .replace(/(not in name=value format).*$/s, "$1")
    .replace(/(could not parse [^"]*).*$/s, "$1")
    .replace(/(ldapbindpasswd|radiussecrets).*$/s, "$1 ...")
    .replace(/(unrecognized authentication option name: )"(?![a-z_]{1,40}"$).*$/s, "$1...");
}

/** One rule, or why there is none. */
function ruleOf({ file, line, fields }: ConfLine, major: number): HbaRule | string {
  const columns = new Columns(fields);
  const typeName = columns.single("connection type", "connection type");
  if (typeof typeName === "string") return typeName;
  const type = Object.hasOwn(TYPES, typeName.text) ? TYPES[typeName.text] : undefined;
  if (type === undefined) return `invalid connection type "${typeName.text}"`;
  const databases = names(columns.list("database specification"), major);
  if (typeof databases === "string") return databases;
  const users = names(columns.list("role specification"), major);
  if (typeof users === "string") return users;
  const address = type === "local" ? undefined : addressOf(columns);
  if (typeof address === "string") return address;
  const method = methodOf(columns, type, major);
  if (typeof method !== "object") return method;
  const options = parseOptions(columns.rest(), { type, method: method.name, major });
  if (typeof options === "string") return options;
  const rule = { type, databases, users, address, method: method.name, options };
  return { ...rule, file, line, text: ruleText(rule) };
}

/** Columns from left to right. */
class Columns {
  readonly #fields: readonly (readonly ConfToken[])[];
  #next = 0;

  constructor(fields: readonly (readonly ConfToken[])[]) {
    this.#fields = fields;
  }

  /** The words of the next column, or what is missing. */
  list(what: string): readonly ConfToken[] | string {
    return this.#fields[this.#next++] ?? `end-of-line before ${what}`;
  }

  /** The one word of the next column. `what`: in the message of its absence; `plural`: in that of many. */
  single(what: string, plural: string): ConfToken | string {
    const tokens = this.list(what);
    if (typeof tokens === "string") return tokens;
    const [token] = tokens;
    return tokens.length === 1 && token !== undefined ? token : `multiple values specified for ${plural}`;
  }

  rest(): readonly string[] {
    return this.#fields.slice(this.#next).flatMap((tokens) => tokens.map(({ text }) => text));
  }
}

function names(tokens: readonly ConfToken[] | string, major: number): readonly HbaToken[] | string {
  if (typeof tokens === "string") return tokens;
  const named = tokens.map((token) => ({ ...token, isPattern: isPattern(token.text, major) }));
  for (const { text, isPattern: isOne } of named) {
    const problem = isOne ? patternProblem(text.slice(1)) : undefined;
    if (problem !== undefined) return `invalid regular expression "${text.slice(1)}": ${problem}`;
  }
  return named;
}

/** Before 16 such a word is a name like others. */
export function isPattern(text: string, major: number): boolean {
  return major >= 16 && text.startsWith("/");
}

function addressOf(columns: Columns): HbaAddress | string {
  const token = columns.single("IP address specification", "host address");
  if (typeof token === "string") return token;
  const { text, isQuoted } = token;
  if (!isQuoted && (text === "all" || text === "samehost" || text === "samenet")) return { kind: text };
  const slash = text.indexOf("/");
  const host = slash < 0 ? text : text.slice(0, slash);
  const numeric = numericAddress(host);
  if (slash < 0) return numeric === undefined ? { kind: "name", name: host } : addressWithMask(numeric, columns);
  if (numeric === undefined) return `specifying both host name and CIDR mask is invalid: "${text}"`;
  const prefix = prefixOf(text.slice(slash + 1), numeric.family);
  if (prefix === undefined) return `invalid CIDR mask in address "${text}"`;
  return networkAddress(numeric, maskOfPrefix(numeric.family, prefix));
}

function addressWithMask(address: { family: 4 | 6; value: bigint }, columns: Columns): HbaAddress | string {
  const token = columns.single("netmask specification", "netmask");
  if (typeof token === "string") return token;
  const mask = numericAddress(token.text);
  if (mask === undefined) return `invalid IP mask "${token.text}": Name or service not known`;
  return mask.family === address.family ? networkAddress(address, mask.value) : "IP address and mask do not match";
}

function methodOf(columns: Columns, type: HbaType, major: number): { name: string } | string {
  const token = columns.single("authentication method", "authentication type");
  if (typeof token === "string") return token;
  const written = token.text;
  if (!METHODS.has(written) || (written === "oauth" && major < 18)) return `invalid authentication method "${written}"`;
  const name = type === "local" && written === "ident" ? "peer" : written;
  if (type === "local" && name === "gss") return "gssapi authentication is not supported on local sockets";
  if (type !== "local" && name === "peer") return "peer authentication is only supported on local sockets";
  if (type !== "hostssl" && name === "cert") return "cert authentication is only supported on hostssl connections";
  return { name };
}
