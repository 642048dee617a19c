/** Functions and grants of schema tide as this version of pgkeep ships them, read from sql/relay when a check asks. */
import { readdirSync, readFileSync } from "node:fs";

const DIRECTORY = new URL("../../../sql/relay/", import.meta.url);
const NUMBERED = /^\d{4}_[a-z0-9_]+\.sql$/;

const FUNCTION = /\bcreate\s+(?:or\s+replace\s+)?function\s+tide\.([a-z0-9_]+)\s*\(/gi;
const BODY = /\bas\s+\$([a-z_]*)\$([\s\S]*?)\$\1\$/i;

export interface ShippedTide {
  /** Names of the numbered files. */
  migrations: ReadonlySet<string>;
  /** Bodies by function name, letter by letter; overloads and later versions side by side. */
  bodies: ReadonlyMap<string, ReadonlySet<string>>;
}

let read: ShippedTide | undefined;

export function shippedTide(): ShippedTide {
  read ??= readShipped();
  return read;
}

function readShipped(): ShippedTide {
  const bodies = new Map<string, Set<string>>();
  const migrations = new Set(readdirSync(DIRECTORY).filter((name) => NUMBERED.test(name)));
  for (const name of migrations) {
    const text = readFileSync(new URL(name, DIRECTORY), "utf8");
    const starts = [...text.matchAll(FUNCTION)];
    for (const [index, { 1: routine = "", index: start }] of starts.entries()) {
      const body = BODY.exec(text.slice(start, starts[index + 1]?.index))?.[2];
      if (body !== undefined) bodies.set(routine, (bodies.get(routine) ?? new Set()).add(body));
    }
  }
  return { migrations, bodies };
}

/** What one of the relay's roles is given: privileges by object, in lower case. */
export interface RoleModel {
  /** "tide.relay_dlq" -> "select", "update (enabled)". */
  tables: ReadonlyMap<string, ReadonlySet<string>>;
  /** Functions by name; what those call comes with them. */
  functions: readonly string[];
}

/** The grants of roles.sql by role. tide_admin is not among them: it has everything in the schema. */
export function shippedRoles(): ReadonlyMap<string, RoleModel> {
  const text = readFileSync(new URL("roles.sql", DIRECTORY), "utf8")
    .replaceAll(/--[^\n]*/g, "")
    .replaceAll(/\s+/g, " ");
  const names = ["tide_publisher", "tide_relay", "tide_operator", "tide_reader"];
  return new Map(names.map((role) => [role, { tables: tablesOf(text, role), functions: functionsOf(text, role) }]));
}

const GRANT = /\bgrant ([a-z, ]+(?:\([a-z_, ]+\))?) on (?:sequence )?((?:tide\.[a-z_]+(?:, )?)+) to ([a-z_, ]+);/g;

function tablesOf(text: string, role: string): Map<string, Set<string>> {
  const tables = new Map<string, Set<string>>();
  for (const [, privileges = "", objects = "", grantees = ""] of text.matchAll(GRANT)) {
    if (!grantees.split(", ").includes(role)) continue;
    for (const object of objects.split(", ").map((name) => name.trim())) {
      const known = tables.get(object) ?? new Set();
      for (const privilege of privileges.trim().split(/, (?![^(]*\))/)) known.add(privilege.trim());
      tables.set(object, known);
    }
  }
  return tables;
}

function functionsOf(text: string, role: string): string[] {
  const names = new RegExp(`\\('${role}', array\\[([^\\]]*)\\]`).exec(text)?.[1] ?? "";
  return [...names.matchAll(/'([a-z0-9_]+)'/g)].map(([, name = ""]) => name);
}
