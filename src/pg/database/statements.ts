/**
 * The statements that give a database its attributes. Pure: attributes in, SQL text out.
 *
 * Names and values always go through `ident` and `literal`; nothing here is sent.
 */
import { ident, literal } from "../identifiers.ts";
import { NAME_LISTS, nameListItems } from "../name-lists.ts";
import type { AclEntry, DatabaseAttributes, DatabaseSettings } from "./attributes.ts";

export interface CreateOptions {
  /** The name to create. */
  name: string;
  like: DatabaseAttributes;
  /** What CREATE DATABASE copies when it is told nothing. */
  template1: DatabaseAttributes;
}

/**
 * CREATE DATABASE with the owner, encoding, locale and tablespace of `like`, closed to connections.
 *
 * What agrees with template1 is not said, so that its contents are copied and no right beyond CREATEDB is needed; only
 * template0 may be copied into another encoding or locale.
 */
export function createLike({ name, like, template1 }: CreateOptions): string {
  const options = [`owner ${ident(like.owner)}`, "allow_connections false"];
  if (!hasSameLocale(like, template1)) options.push("template template0", ...localeOptions(like));
  if (like.tablespace !== template1.tablespace) options.push(`tablespace ${ident(like.tablespace)}`);
  return `create database ${ident(name)} ${options.join(" ")}`;
}

function hasSameLocale(a: DatabaseAttributes, b: DatabaseAttributes): boolean {
  return (["encoding", "localeProvider", "collate", "characterType", "locale", "icuRules"] as const).every(
    (key) => a[key] === b[key],
  );
}

function localeOptions(like: DatabaseAttributes): string[] {
  const options = [
    `encoding ${literal(like.encoding)}`,
    `lc_collate ${literal(like.collate)}`,
    `lc_ctype ${literal(like.characterType)}`,
  ];
  if (like.localeProvider) options.push(`locale_provider ${like.localeProvider}`);
  if (like.locale !== undefined) {
    options.push(`${like.localeProvider === "builtin" ? "builtin_locale" : "icu_locale"} ${literal(like.locale)}`);
  }
  if (like.icuRules !== undefined) options.push(`icu_rules ${literal(like.icuRules)}`);
  return options;
}

/** Statements, in order, that give a new database called `name` everything else that `like` has, connections apart. */
export function restoreAttributes(name: string, like: DatabaseAttributes): string[] {
  return [
    ...restoreAcl(name, like),
    ...like.settings.flatMap((settings) => restoreSettings(name, settings)),
    ...(like.comment === undefined ? [] : [`comment on database ${ident(name)} is ${literal(like.comment)}`]),
    ...like.labels.map(
      ({ provider, label }) => `security label for ${ident(provider)} on database ${ident(name)} is ${literal(label)}`,
    ),
    ...(like.connectionLimit === -1 ? [] : [`alter database ${ident(name)} connection limit ${like.connectionLimit}`]),
    ...(like.isTemplate ? [`alter database ${ident(name)} is_template true`] : []),
  ];
}

/**
 * The access list, entry by entry in stored order, from an empty one. Starting from the default and taking away would
 * leave another order. Grants that somebody else made with a grant option are made as that role again.
 */
function restoreAcl(name: string, { owner, acl }: DatabaseAttributes): string[] {
  if (acl === undefined) return [];
  const database = ident(name);
  return [
    `revoke all on database ${database} from public, ${ident(owner)}`,
    ...acl.flatMap((entry) => asGrantor(entry, owner, grant(database, entry))),
  ];
}

function grant(database: string, { privilege, grantee, isGrantable }: AclEntry): string {
  const to = grantee === undefined ? "public" : ident(grantee);
  // The privilege's name comes from the server's own list of key words, not from a user.
  return `grant ${privilege.toLowerCase()} on database ${database} to ${to}${isGrantable ? " with grant option" : ""}`;
}

function asGrantor({ grantor }: AclEntry, owner: string, statement: string): string[] {
  return grantor === owner ? [statement] : [`set local role ${ident(grantor)}`, statement, "reset role"];
}

function restoreSettings(name: string, { role, entries }: DatabaseSettings): string[] {
  const target = role === undefined ? "alter database" : `alter role ${ident(role)} in database`;
  return entries.map((entry) => `${target} ${ident(name)} set ${assignment(entry)}`);
}

/** "search_path="$user", public" as `"search_path" to '$user', 'public'`. */
function assignment(entry: string): string {
  const at = entry.indexOf("=");
  const [name, value] = [entry.slice(0, at), entry.slice(at + 1)];
  const quotedName = name.split(".").map(ident).join(".");
  const values = storedItems(name, value);
  return `${quotedName} to ${values.map(literal).join(", ")}`;
}

/** What SET takes for a stored value: the names of a list each by itself, one empty name for an empty list. */
function storedItems(name: string, value: string): string[] {
  if (!NAME_LISTS.has(name.toLowerCase())) return [value];
  const names = nameListItems(value);
  return names.length > 0 ? names : [""];
}

/** Statements that put the finished replacement in place, to be sent as one transaction. */
export function takeOver(replacement: string, { name, allowsConnections }: DatabaseAttributes): string[] {
  return [
    `alter database ${ident(replacement)} rename to ${ident(name)}`,
    ...(allowsConnections ? [`alter database ${ident(name)} allow_connections true`] : []),
  ];
}

/** Attributes of `made` that are not those of `like`, by name; its own name and openness apart. Empty when all agree. */
export function differences(made: DatabaseAttributes, like: DatabaseAttributes): string[] {
  const ignored = new Set<string>(["oid", "name", "allowsConnections"]);
  const keys = Object.keys(comparable(like)).filter((key) => !ignored.has(key));
  const [a, b] = [comparable(made), comparable(like)];
  return keys.filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}

/** Orders that mean nothing are sorted away, and an empty list of names equals a list of one empty name. */
function comparable(attributes: DatabaseAttributes): Record<string, unknown> {
  const settings = attributes.settings.map(({ role, entries }) => ({
    role,
    entries: entries.map((entry) => (/^[^=]*=$/.test(entry) ? `${entry}""` : entry)).toSorted(),
  }));
  return { ...attributes, acl: attributes.acl?.map((entry) => JSON.stringify(entry)).toSorted(), settings };
}
