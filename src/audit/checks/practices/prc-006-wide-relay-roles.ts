/** PRC-006: rights in schema tide beyond the roles that the relay comes with. */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { type RoleModel, shippedRoles } from "../../facts/shipped-tide.ts";
import { requireTide } from "./tide.ts";

/** Direct grants to others than the owner; PUBLIC is TID-004's. A table's grants stand apart from those of its columns. */
const GRANTS = `
  with thing as (
    select 'schema' as kind, 'tide' as name, null::pg_catalog.text as columns, n.nspowner as owner, n.nspacl as acl, '' as short
      from pg_catalog.pg_namespace as n
     where n.nspname = 'tide'
     union all
    select case c.relkind when 'S' then 'sequence' else 'table' end, 'tide.' || pg_catalog.quote_ident(c.relname), null,
           c.relowner, c.relacl, c.relname
      from pg_catalog.pg_class as c
     where c.relnamespace = pg_catalog.to_regnamespace('tide') and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
     union all
    select 'table', 'tide.' || pg_catalog.quote_ident(c.relname), a.attname, c.relowner, a.attacl, c.relname
      from pg_catalog.pg_class as c
      join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attacl is not null and not a.attisdropped
     where c.relnamespace = pg_catalog.to_regnamespace('tide') and c.relkind in ('r', 'p', 'v', 'm', 'f')
     union all
    select 'routine',
           'tide.' || pg_catalog.quote_ident(p.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
           null, p.proowner, p.proacl, p.proname
      from pg_catalog.pg_proc as p
     where p.pronamespace = pg_catalog.to_regnamespace('tide'))
  select t.kind, t.name, t.columns, t.short, r.rolname as grantee, pg_catalog.lower(a.privilege_type) as privilege,
         pg_catalog.bool_or(a.is_grantable) as grantable
    from thing as t
   cross join lateral pg_catalog.aclexplode(t.acl) as a
    join pg_catalog.pg_roles as r on r.oid = a.grantee
   where a.grantee <> t.owner
     and not r.rolsuper
   group by 1, 2, 3, 4, 5, 6
   order by 1, 2, 5, 3, 6`;

/** What a function calls with its caller's rights comes with it, as the relay's own grants see it. */
const CALLS = `
  select distinct p.proname as caller, c.called[1] as called
    from pg_catalog.pg_proc as p
   cross join lateral pg_catalog.regexp_matches(
           pg_catalog.regexp_replace(pg_catalog.regexp_replace(p.prosrc, '--[^\\n]*', '', 'g'), '''[^'']*''', '', 'g'),
           'tide\\.([a-z0-9_]+)\\s*\\(', 'g') as c (called)
   where p.pronamespace = pg_catalog.to_regnamespace('tide')
     and not p.prosecdef`;

/** What the relay's own functions grant to an application, a tenant or an inbox's deliverer. */
const APPLICATION: Readonly<Record<string, ReadonlySet<string>>> = {
  "schema tide": new Set(["usage"]),
  "table tide.tide_outbox_messages": new Set(["insert (outbox_name)", "insert (payload)", "insert (headers)"]),
  "sequence tide.tide_outbox_messages_id_seq": new Set(["usage"]),
  "table tide.relay_outbox_config": new Set(["select"]),
  "table tide.relay_inbox_config": new Set(["select"]),
};
const DELIVERED = new Set([
  "insert (event_id)",
  "insert (source)",
  "insert (payload)",
  "insert (headers)",
  "select (event_id)",
]);
const ADMIN = new Set(["usage", "select", "insert", "update", "delete", "truncate", "execute"]);

export default defineCheck({
  id: "PRC-006",
  title: "pg_tide roles wider than the guide",
  severity: "info",
  why:
    "The relay comes with roles that have what their part needs. Each right beyond lets a stolen login do more: read events of " +
    "others, change where they go, or remove them.",
  remedy: "Take the right away and grant the role of the relay whose part it is.",
  limits:
    "Compares direct grants with sql/relay/roles.sql and with what the relay's own functions grant to applications. The owner and " +
    "superusers are left out; rights of PUBLIC are TID-004's.",
  references: { other: ["pgkeep: roles of the relay"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  await requireTide(facts);
  const grants = await facts.query(GRANTS);
  const model = new Model(shippedRoles(), await facts.query(CALLS));
  const beyond = new Map<string, TextRow[]>();
  for (const grant of grants.filter((row) => !model.covers(row))) {
    const column = grant.columns === null ? "" : ` (${grant.columns})`;
    const object = `${grant.kind} ${grant.name}${column}: ${ident(grant.grantee ?? "")}`;
    beyond.set(object, [...(beyond.get(object) ?? []), grant]);
  }
  return [...beyond].map(([object, rows]) => foundOf(object, rows));
}

class Model {
  readonly #roles: ReadonlyMap<string, RoleModel>;
  readonly #functions: ReadonlyMap<string, ReadonlySet<string>>;

  constructor(roles: ReadonlyMap<string, RoleModel>, calls: readonly TextRow[]) {
    this.#roles = roles;
    const called = new Map<string, string[]>();
    for (const { caller, called: name } of calls) {
      called.set(caller ?? "", [...(called.get(caller ?? "") ?? []), name ?? ""]);
    }
    this.#functions = new Map([...roles].map(([role, { functions }]) => [role, closure(functions, called)]));
  }

  covers({ kind, name, columns, short, grantee, privilege, grantable }: TextRow): boolean {
    if (grantable === "t") return false;
    const role = grantee ?? "";
    const right = columns === null ? (privilege ?? "") : `${privilege} (${columns})`;
    if (role === "tide_admin") return ADMIN.has(privilege ?? "") && (kind !== "schema" || privilege === "usage");
    if (kind === "schema") return privilege === "usage";
    const known = this.#roles.get(role);
    if (kind === "routine") return known ? this.#runs(role, short ?? "") : this.#isAnybodys(short ?? "");
    if (known) return hasRight(known.tables.get(name ?? ""), right);
    return APPLICATION[`${kind} ${name}`]?.has(right) === true || (kind === "table" && DELIVERED.has(right));
  }

  #runs(role: string, routine: string): boolean {
    return this.#functions.get(role)?.has(routine) === true;
  }

  /** An application that was granted a function by itself may have what a publisher or a reader has. */
  #isAnybodys(routine: string): boolean {
    return this.#runs("tide_publisher", routine) || this.#runs("tide_reader", routine);
  }
}

/** A right on some columns is written with all of them in the model. */
function hasRight(rights: ReadonlySet<string> | undefined, right: string): boolean {
  if (rights === undefined) return false;
  if (rights.has(right)) return true;
  const [, privilege, column = ""] = /^([a-z]+) \((.*)\)$/.exec(right) ?? [];
  return [...rights].some((each) => {
    const [, own, columns = ""] = /^([a-z]+) \((.*)\)$/.exec(each) ?? [];
    return own === privilege && columns.split(", ").includes(column);
  });
}

/** As roles.sql grants it: what those functions call, and what these call. */
function closure(names: readonly string[], called: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const all = new Set(names);
  for (const name of all) for (const next of called.get(name) ?? []) all.add(next);
  return all;
}

function foundOf(object: string, rows: readonly TextRow[]): Found {
  const [first] = rows;
  const { kind = "", name = "", columns = null, grantee = "" } = first ?? {};
  const privileges = rows.map(({ privilege }) => (privilege ?? "").toUpperCase());
  const column = columns === null ? "" : ` (${ident(columns)})`;
  const isGrantable = rows.some(({ grantable }) => grantable === "t");
  const what = privileges.map((privilege) => `${privilege.toLowerCase()}${column}`).join(", ");
  return {
    object,
    detail: `${privileges.join(", ")}${isGrantable ? " with grant option" : ""} is beyond the relay's roles`,
    fix: {
      kind: "revoke",
      on: kind ?? "",
      object: name ?? "",
      privileges,
      ...(columns === null ? {} : { columns: [columns] }),
      from: grantee ?? "",
      sql: `revoke ${what} on ${kind} ${name} from ${ident(grantee ?? "")} cascade`,
      risk: "medium",
      riskReason: "what works by this right needs one of the relay's roles instead",
    },
  };
}
