/**
 * Roles against schemas in one word: the most that a role can do there at once, by what it inherits, and why; and, where
 * that is more, what it can do after SET ROLE.
 *
 * Tables with one list and one owner are looked at once, so the work grows with how many different lists there are.
 */
import type { Snapshot } from "../catalog/snapshot.ts";
import { RoleClosures } from "../effective/closures.ts";
import { Holders } from "../paths/holders.ts";
import { type Acl, PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { privilegeSet } from "../privileges/privilege.ts";

export type SchemaAccess = "none" | "use" | "read" | "write" | "ddl" | "owner" | "superuser";

export interface MatrixRow {
  role: string;
  schema: string;
  access: SchemaAccess;
  /** What gives it: "owns the schema", "may write orders and 3 more, through app_rw". */
  because: string;
  /** What it gets as a role that it can become; null when that is no more. */
  after_set_role: SchemaAccess | null;
}

const RANKS: readonly SchemaAccess[] = ["none", "use", "read", "write", "ddl", "owner", "superuser"];

const READ = privilegeSet(["select"]);
const WRITE = privilegeSet(["insert", "update", "delete", "truncate"]);
const USAGE = privilegeSet(["usage"]);
const CREATE = privilegeSet(["create"]);

/** One row per role and schema where the role has something or can get it; rows that would say "none" are left out. */
export function schemaMatrix(snapshot: Snapshot): MatrixRow[] {
  const holders = new Holders(snapshot);
  const closures = new RoleClosures(snapshot);
  const groups = tableGroups(snapshot.objects.table);
  const schemas = [...snapshot.objects.schema].sort((a, b) => (a.name < b.name ? -1 : 1));
  const roles = [...snapshot.roles.values()]
    .filter(({ name }) => !name.startsWith("pg_"))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return roles.flatMap(({ name, superuser }) => {
    const becoming = [...closures.becomes(name)].filter((role) => role !== name);
    return schemas.flatMap((schema): MatrixRow[] => {
      const base = { role: name, schema: schema.name };
      if (superuser) return [{ ...base, access: "superuser" as const, because: "superuser", after_set_role: null }];
      const cellAs = (role: string) => cellOf(holders.inherited(role), schema, groups.get(schema.name) ?? []);
      const now = cellAs(name);
      const then = becoming.map((role) => (snapshot.roles.get(role)?.superuser ? "superuser" : cellAs(role).access));
      const after = highest(then);
      if (RANKS.indexOf(after) <= RANKS.indexOf(now.access)) {
        return now.access === "none" ? [] : [{ ...base, ...now, after_set_role: null }];
      }
      return [{ ...base, ...now, after_set_role: after }];
    });
  });
}

function highest(list: readonly SchemaAccess[]): SchemaAccess {
  return RANKS[Math.max(0, ...list.map((access) => RANKS.indexOf(access)))] ?? "none";
}

interface TableGroup {
  owner: string | undefined;
  acl: Acl | undefined;
  first: string;
  count: number;
}

function tableGroups(tables: readonly CatalogObject[]): Map<string, TableGroup[]> {
  const schemas = new Map<string, TableGroup[]>();
  for (const { schema = "", owner, acl, name } of tables) {
    const groups = schemas.get(schema) ?? [];
    schemas.set(schema, groups);
    const same = groups.find((group) => group.owner === owner && group.acl === acl);
    if (same) same.count++;
    else groups.push({ owner, acl, first: name, count: 1 });
  }
  return schemas;
}

function cellOf(
  roles: ReadonlySet<string>,
  schema: CatalogObject,
  groups: readonly TableGroup[],
): { access: SchemaAccess; because: string } {
  if (schema.owner !== undefined && roles.has(schema.owner)) {
    return { access: "owner", because: `owns the schema${through(schema.owner, roles)}` };
  }
  const creator = granteeWith(schema.acl, CREATE, roles);
  if (creator !== undefined) return { access: "ddl", because: `may create in it${through(creator, roles)}` };
  const user = granteeWith(schema.acl, USAGE, roles);
  if (user === undefined) return { access: "none", because: "no usage on the schema" };
  for (const [access, wanted] of [
    ["write", WRITE],
    ["read", READ],
  ] as const) {
    const group = groups.find(({ owner, acl }) => holderOf({ owner, acl }, wanted, roles) !== undefined);
    if (!group) continue;
    const holder = holderOf(group, wanted, roles) ?? PUBLIC;
    const more = group.count > 1 ? ` and ${group.count - 1} more` : "";
    return { access, because: `may ${access} ${group.first}${more}${through(holder, roles)}` };
  }
  return { access: "use", because: `may look names up in it${through(user, roles)}` };
}

function holderOf(
  { owner, acl }: { owner: string | undefined; acl: Acl | undefined },
  wanted: number,
  roles: ReadonlySet<string>,
): string | undefined {
  if (owner !== undefined && roles.has(owner)) return owner;
  return granteeWith(acl, wanted, roles);
}

function granteeWith(acl: Acl | undefined, wanted: number, roles: ReadonlySet<string>): string | undefined {
  return acl?.find(({ grantee, privileges }) => (privileges & wanted) !== 0 && roles.has(grantee))?.grantee;
}

/** The first of `roles` is the role itself; others are named. */
function through(role: string, roles: ReadonlySet<string>): string {
  const [self] = roles;
  if (role === self) return "";
  return role === PUBLIC ? ", as everybody (PUBLIC)" : `, through ${role}`;
}
