/**
 * Options behind the method of a rule: which exist for which method, and what the server refuses.
 *
 * Values that are secrets are dropped here, at the first place that knows an option by name: nothing behind this file can
 * repeat them.
 *
 * Source: parse_hba_auth_opt() and parse_hba_line() of the servers 14 to 18.
 */
import type { HbaType } from "./hba.ts";

/** Options whose values are passwords. */
export const SECRET_OPTIONS: ReadonlySet<string> = new Set(["ldapbindpasswd", "radiussecrets"]);

/** "1" means yes, everything else no. */
const BOOLEANS = new Set([
  "include_realm",
  "pam_use_hostname",
  "ldaptls",
  "compat_realm",
  "upn_username",
  "delegate_ident_mapping",
]);

const OPTIONS_OF: Readonly<Record<string, readonly string[]>> = {
  gss: ["krb_realm", "include_realm"],
  sspi: ["krb_realm", "include_realm", "compat_realm", "upn_username"],
  pam: ["pamservice", "pam_use_hostname"],
  ldap: [
    "ldapurl",
    "ldaptls",
    "ldapscheme",
    "ldapserver",
    "ldapport",
    "ldapbinddn",
    "ldapbindpasswd",
    "ldapsearchattribute",
    "ldapsearchfilter",
    "ldapbasedn",
    "ldapprefix",
    "ldapsuffix",
  ],
  radius: ["radiusservers", "radiusports", "radiussecrets", "radiusidentifiers"],
  oauth: ["issuer", "scope", "validator", "delegate_ident_mapping"],
};

const MAP_METHODS = new Set(["ident", "peer", "gss", "sspi", "cert", "oauth"]);

/** The line before its options. */
export interface OptionContext {
  type: HbaType;
  method: string;
  major: number;
}

/** Options by name, or why the server refuses the line. Values of secrets are empty. */
export function parseOptions(words: readonly string[], context: OptionContext): Map<string, string> | string {
  const given = new Map<string, string>();
  for (const word of words) {
    const sign = word.indexOf("=");
    // The word may be a password that lost its name, so it is not repeated.
    if (sign < 0) return "authentication option not in name=value format";
    const [name, value] = [word.slice(0, sign), word.slice(sign + 1)];
    const problem = optionProblem(name, value, context) ?? addOption(given, name, value);
    if (problem !== undefined) return problem;
  }
  return wholeProblem(given, context) ?? withoutSecrets(given, context);
}

function optionProblem(name: string, value: string, { type, method, major }: OptionContext): string | undefined {
  if (name === "map") return MAP_METHODS.has(method) ? undefined : onlyFor(name, [...MAP_METHODS]);
  if (name === "clientcert") return clientCertProblem(value, { type, method });
  if (name === "clientname") {
    if (type !== "hostssl") return 'clientname can only be configured for "hostssl" rows';
    return value === "CN" || value === "DN" ? undefined : `invalid value for clientname: "${value}"`;
  }
  const methods = Object.keys(OPTIONS_OF).filter((each) => OPTIONS_OF[each]?.includes(name));
  const isKnown = methods.length > 0 && (major >= 18 || !methods.includes("oauth"));
  if (!isKnown) return `unrecognized authentication option name: "${name}"`;
  if (!methods.includes(method)) return onlyFor(name, methods);
  const isPort = name === "ldapport" || name === "radiusports";
  const hasZero = isPort && value.split(",").some((port) => (Number.parseInt(port, 10) || 0) === 0);
  return hasZero ? `invalid ${name === "ldapport" ? "LDAP" : "RADIUS"} port number: "${value}"` : undefined;
}

function clientCertProblem(value: string, { type, method }: Pick<OptionContext, "type" | "method">) {
  if (type !== "hostssl") return 'clientcert can only be configured for "hostssl" rows';
  if (value === "verify-full") return undefined;
  if (value !== "verify-ca") return `invalid value for clientcert: "${value}"`;
  return method === "cert" ? 'clientcert only accepts "verify-full" when using "cert" authentication' : undefined;
}

const onlyFor = (name: string, methods: readonly string[]): string =>
  `authentication option "${name}" is only valid for authentication methods ${methods.join(", ")}`;

/** Keeps one option; a URL becomes the options that it stands for. */
function addOption(given: Map<string, string>, name: string, value: string): string | undefined {
  if (name === "ldapurl") return addUrl(given, value);
  given.set(name, BOOLEANS.has(name) ? (value === "1" ? "1" : "0") : value);
  return undefined;
}

const SCOPES: Readonly<Record<string, string>> = { base: "0", one: "1", onelevel: "1", sub: "2", subtree: "2" };

/** ldap://host:port/base?attribute?scope?filter. */
function addUrl(given: Map<string, string>, value: string): string | undefined {
  const match = /^([a-z]+):\/\/([^/?]*)(?:\/([^?]*)(?:\?([^?]*))?(?:\?([^?]*))?(?:\?([^?]*))?(?:\?.*)?)?$/i.exec(value);
  const scheme = match?.[1]?.toLowerCase();
  if (match === null || scheme === undefined) return "could not parse LDAP URL";
  if (scheme !== "ldap" && scheme !== "ldaps") return `unsupported LDAP URL scheme: ${scheme}`;
  const [, , hostAndPort = "", base = "", attribute = "", scope = "", filter = ""] = match;
  const [, host = "", port] = /^(.*?)(?::(\d+))?$/.exec(hostAndPort) ?? [];
  given.set("ldapscheme", scheme);
  if (host !== "") given.set("ldapserver", host);
  given.set("ldapport", port ?? (scheme === "ldaps" ? "636" : "389"));
  if (base !== "") given.set("ldapbasedn", base);
  if (attribute !== "") given.set("ldapsearchattribute", attribute.split(",")[0] ?? "");
  given.set("ldapscope", SCOPES[scope.toLowerCase()] ?? "0");
  if (filter !== "") given.set("ldapsearchfilter", filter);
  return undefined;
}

/** What only shows when all options are known. */
function wholeProblem(given: ReadonlyMap<string, string>, { method }: OptionContext): string | undefined {
  if (method === "ldap") return ldapProblem(given);
  if (method === "radius") return radiusProblem(given);
  if (method !== "oauth") return undefined;
  for (const name of ["scope", "issuer"]) if (!given.has(name)) return requires(method, name);
  if (given.get("delegate_ident_mapping") !== "1" || !given.has("map")) return undefined;
  return 'map cannot be used in combination with "delegate_ident_mapping"';
}

const requires = (method: string, name: string): string =>
  `authentication method "${method}" requires argument "${name}" to be set`;

const SEARCH_OPTIONS = ["ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute", "ldapsearchfilter"];

function ldapProblem(given: ReadonlyMap<string, string>): string | undefined {
  if (given.has("ldapprefix") || given.has("ldapsuffix")) {
    if (!SEARCH_OPTIONS.some((name) => given.has(name))) return undefined;
    return "cannot mix options for simple bind and search+bind modes";
  }
  if (!given.has("ldapbasedn")) {
    return 'authentication method "ldap" requires argument "ldapbasedn", "ldapprefix", or "ldapsuffix" to be set';
  }
  const hasBoth = given.has("ldapsearchattribute") && given.has("ldapsearchfilter");
  return hasBoth ? "cannot use ldapsearchattribute together with ldapsearchfilter" : undefined;
}

function radiusProblem(given: ReadonlyMap<string, string>): string | undefined {
  const count = (name: string): number => listLength(given.get(name));
  for (const name of ["radiusservers", "radiussecrets"]) {
    if (!given.has(name)) return requires("radius", name);
    if (count(name) === 0) return `list of RADIUS ${name.slice("radius".length)} cannot be empty`;
  }
  for (const name of ["radiussecrets", "radiusports", "radiusidentifiers"]) {
    if (![0, 1, count("radiusservers")].includes(count(name))) {
      return `the number of RADIUS ${name.slice("radius".length)} must be 1 or the same as the number of RADIUS servers`;
    }
  }
  return undefined;
}

/** Members of a comma list, quoted ones whole. */
function listLength(list: string | undefined): number {
  if (list === undefined || list.trim() === "") return 0;
  let isQuoted = false;
  let length = 1;
  for (const character of list) {
    if (character === '"') isQuoted = !isQuoted;
    else if (character === "," && !isQuoted) length++;
  }
  return length;
}

/** What is kept: no secret, and what the method implies made plain. */
function withoutSecrets(given: Map<string, string>, { method }: OptionContext): Map<string, string> {
  for (const name of SECRET_OPTIONS) if (given.has(name)) given.set(name, "");
  if (method === "cert") given.set("clientcert", "verify-full");
  if ((method === "gss" || method === "sspi") && !given.has("include_realm")) given.set("include_realm", "1");
  return given;
}

/** Options of a row of the view, which leaves out what is off and shows what is implied. */
export function optionsOfView(shown: readonly string[], method: string): Map<string, string> {
  const given = new Map<string, string>();
  for (const option of shown) {
    const sign = option.indexOf("=");
    const [name, value] = [option.slice(0, sign), option.slice(sign + 1)];
    if (sign > 0) given.set(name, BOOLEANS.has(name) ? (value === "true" ? "1" : "0") : value);
  }
  const isKerberos = method === "gss" || method === "sspi";
  if (isKerberos && !given.has("include_realm")) given.set("include_realm", "0");
  for (const name of SECRET_OPTIONS) if (given.has(name)) given.set(name, "");
  return given;
}
