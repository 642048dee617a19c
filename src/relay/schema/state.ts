/** What is there before an install: whose schema tide is, and which migrations ran. */
import { ident } from "../../pg/identifiers.ts";
import type { Session, TextRow } from "../../pg/session.ts";

export interface SchemaState {
  /** absent: no schema tide, or an empty one. ours: made here. pg_tide: made by that extension. foreign: neither. */
  kind: "absent" | "ours" | "pg_tide" | "foreign";
  /** The schema's owner; undefined when there is no schema. */
  owner: string | undefined;
  /** Whether the current role may act as that owner. */
  mayActAsOwner: boolean;
  ownerIsSuperuser: boolean;
  currentUser: string;
  isSuperuser: boolean;
  /** Names of the migrations that ran. */
  applied: ReadonlySet<string>;
  /** What the last install noted of connectors. */
  connectors: ReadonlyMap<string, string>;
  /** An object in the schema whose owner could lend nothing but harm: "function tide.f(text), owned by mallory". */
  planted: string | undefined;
  /**
   * A login that can act as the schema's owner and is not who installs: it could put code there that then runs with the
   * installer's rights, whatever role is set, because a function may reset the role.
   */
  trespasser: string | undefined;
}

/** The look of an install; two round trips. Runs under any search path. */
export async function readState(session: Session): Promise<SchemaState> {
  const [row] = await session.query(LOOK);
  const kind = kindOf(row?.kind);
  const mayActAsOwner = row?.may_act === "t";
  const planted = row?.planted ?? undefined;
  const trespasser = row?.trespasser ?? undefined;
  // Reading runs what somebody may have put behind the table's name, so nothing is read before both are known.
  const isReadable = kind === "ours" && mayActAsOwner && planted === undefined && trespasser === undefined;
  const noted = isReadable ? await readNotes(session, row?.owner ?? "") : [];
  return {
    kind,
    owner: row?.owner ?? undefined,
    mayActAsOwner,
    ownerIsSuperuser: row?.owner_super === "t",
    currentUser: row?.me ?? "",
    isSuperuser: row?.super === "t",
    applied: new Set(noted.flatMap(({ key }) => (key?.startsWith(MIGRATION) ? [key.slice(MIGRATION.length)] : []))),
    connectors: new Map(noted.map(({ key, value }) => [key ?? "", value ?? ""])),
    planted,
    trespasser,
  };
}

const MIGRATION = "migration/";

function kindOf(text: string | null | undefined): SchemaState["kind"] {
  return text === "absent" || text === "ours" || text === "pg_tide" ? text : "foreign";
}

/** Read as the owner, because membership need not bring its rights along. */
async function readNotes(session: Session, owner: string): Promise<readonly TextRow[]> {
  const results = await session.exchange(
    `set local role ${ident(owner)};
select m.key, m.value from tide.meta as m where m.key like 'migration/%' or m.key like 'connectors/%';
reset role`,
  );
  return results[1]?.rows ?? [];
}

/**
 * pg_tide's schema is known by its extension, or, in a database restored without it, by its message table's columns.
 * An object counts as planted when its owner is neither the schema's, nor a superuser, nor somebody whom the
 * installer can act as anyway: replacing a function keeps its owner, who could replace it again. A trigger is its
 * function's owner's: whoever was granted all rights on a table may put one there.
 */
const LOOK = `
with place as (
  select n.oid, n.nspowner, o.rolname, o.rolsuper
    from pg_catalog.pg_namespace as n
    join pg_catalog.pg_roles as o on o.oid = n.nspowner
   where n.nspname = 'tide'
), things as (
  select pg_catalog.format('relation %s', c.oid::pg_catalog.regclass) as thing, c.relowner as owner, 'c' as class
    from pg_catalog.pg_class as c
    join place as p on p.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
     and c.relname not like '%\\_inbox' and c.relname not like '%\\_inbox\\_id\\_seq'
   union all
  select pg_catalog.format('function %s', f.oid::pg_catalog.regprocedure), f.proowner, 'f'
    from pg_catalog.pg_proc as f
    join place as p on p.oid = f.pronamespace
   union all
  select pg_catalog.format('trigger %I on %s', t.tgname, t.tgrelid::pg_catalog.regclass), f.proowner, 't'
    from pg_catalog.pg_trigger as t
    join pg_catalog.pg_class as c on c.oid = t.tgrelid
    join place as p on p.oid = c.relnamespace
    join pg_catalog.pg_proc as f on f.oid = t.tgfoid
   where not t.tgisinternal
)
select case
         when p.oid is null then 'absent'
         when exists (select from pg_catalog.pg_class as c where c.relnamespace = p.oid and c.relname = 'meta')
          and exists (select from pg_catalog.pg_proc as f where f.pronamespace = p.oid and f.proname = 'version') then 'ours'
         when exists (select from pg_catalog.pg_extension as e where e.extname = 'pg_tide')
           or (select pg_catalog.count(*)
                 from pg_catalog.pg_attribute as a
                join pg_catalog.pg_class as c on c.oid = a.attrelid
                where c.relnamespace = p.oid and c.relname = 'tide_outbox_messages'
                  and a.attname in ('id', 'outbox_name', 'payload', 'headers', 'created_at')
                  and not a.attisdropped) = 5 then 'pg_tide'
         when not exists (select from things) then 'absent'
         else 'foreign'
       end as kind,
       p.rolname as owner,
       p.rolsuper as owner_super,
       coalesce(pg_catalog.pg_has_role(current_user, p.nspowner, v.become), true) as may_act,
       current_user as me,
       s.rolsuper as super,
       (select pg_catalog.format('%s, owned by %I', t.thing, o.rolname)
          from things as t
          join pg_catalog.pg_roles as o on o.oid = t.owner
         where t.owner <> p.nspowner
           and not o.rolsuper
           and (s.rolsuper or not pg_catalog.pg_has_role(current_user, t.owner, 'member'))
         order by t.class desc, t.thing
         limit 1) as planted,
       (select l.rolname
          from pg_catalog.pg_roles as l
         where not p.rolsuper
           and p.rolname <> current_user
           and l.rolcanlogin
           and not l.rolsuper
           and l.rolname <> current_user
           and pg_catalog.pg_has_role(l.oid, p.nspowner, 'member')
         order by l.rolname
         limit 1) as trespasser
  from (select case when pg_catalog.current_setting('server_version_num')::integer >= 160000 then 'set' else 'member' end
       ) as v (become)
  left join place as p on true
  join pg_catalog.pg_roles as s on s.rolname = current_user`;
