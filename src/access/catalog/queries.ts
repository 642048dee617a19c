/**
 * The statements of an inspection besides those of the kinds of objects.
 *
 * Only tables and functions of pg_catalog, each qualified, values as the server prints them: nothing that a database
 * holds can run while it is looked at. Every list is in a fixed order, by names compared byte by byte.
 */
import { schemasWanted } from "../privileges/rows.ts";

/** Dates that sort and read the same on every server. LOCAL: gone when the inspection ends. */
export const OWN_SETTINGS = `
set local search_path = pg_catalog, pg_temp;
set local datestyle = 'ISO, YMD';
set local timezone = 'UTC';
`;

/**
 * A database without an encoding refuses to send what is not UTF-8, so its bytes are asked for as they are; names that
 * do not decode are told apart here.
 */
export const RAW_BYTES = "set local client_encoding = 'SQL_ASCII';\n";

export const SERVER = `
select pg_catalog.current_database() as database, d.oid as database_oid, session_user as session_user,
       current_user as current_user, r.rolsuper as superuser,
       pg_catalog.has_column_privilege('pg_catalog.pg_authid', 'rolpassword', 'select') as passwords
  from pg_catalog.pg_database as d, pg_catalog.pg_roles as r
 where d.datname = pg_catalog.current_database() and r.rolname = current_user`;

export const ROLES = `
select r.oid, r.rolname as name, r.rolsuper as superuser, r.rolinherit as inherit, r.rolcreaterole as create_role,
       r.rolcreatedb as create_database, r.rolcanlogin as login, r.rolreplication as replication,
       r.rolbypassrls as bypass, r.rolconnlimit as connections, r.rolvaliduntil::pg_catalog.text as until,
       d.description as comment
  from pg_catalog.pg_roles as r
  left join pg_catalog.pg_shdescription as d
    on d.objoid = r.oid and d.classoid = 'pg_catalog.pg_authid'::pg_catalog.regclass
 order by r.rolname`;

/** The kind of each password; never what is stored. */
export const PASSWORDS = `
select a.oid, case when a.rolpassword is null then 'none'
                   when a.rolpassword like 'SCRAM-SHA-256$%' then 'scram-sha-256'
                   when a.rolpassword like 'md5%' then 'md5'
                   else 'unknown' end as kind
  from pg_catalog.pg_authid as a
 order by a.oid`;

export const SETTINGS = `
select s.setrole as role, s.setdatabase as database_oid, d.datname as database,
       s.setconfig::pg_catalog.text as settings
  from pg_catalog.pg_db_role_setting as s
  left join pg_catalog.pg_database as d on d.oid = s.setdatabase
 order by s.setrole, s.setdatabase`;

/** Before 16 a membership has no options but ADMIN. */
export const memberships = (major: number): string => `
select m.roleid as role, m.member, m.grantor, m.admin_option as admin,
       ${major >= 16 ? "m.inherit_option as inherit, m.set_option as set" : "null as inherit, null as set"}
  from pg_catalog.pg_auth_members as m
  join pg_catalog.pg_roles as r on r.oid = m.roleid
  join pg_catalog.pg_roles as u on u.oid = m.member
 order by r.rolname, u.rolname, m.grantor`;

export const DEFAULT_ACLS = `
select pg_catalog.pg_get_userbyid(d.defaclrole) as creator, n.nspname as schema, d.defaclobjtype as type,
       d.defaclacl::pg_catalog.text as acl
  from pg_catalog.pg_default_acl as d
  left join pg_catalog.pg_namespace as n on n.oid = d.defaclnamespace
 order by 1, n.nspname nulls first, d.defaclobjtype`;

export const POLICIES = `
select n.nspname as schema, c.relname as table, p.polname as name, p.polcmd as command, p.polpermissive as permissive,
       p.polroles::pg_catalog.text as roles, pg_catalog.pg_get_expr(p.polqual, p.polrelid) as using,
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as check,
       pg_catalog.obj_description(p.oid, 'pg_policy') as comment
  from pg_catalog.pg_policy as p
  join pg_catalog.pg_class as c on c.oid = p.polrelid
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
 order by n.nspname, c.relname, p.polname`;

const COLUMNS_OF_TABLES = `
  from pg_catalog.pg_attribute as a
  join pg_catalog.pg_class as c on c.oid = a.attrelid
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
 where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')`;

/** One row per table, so that ten thousand tables are ten thousand rows. */
export const columnNames = (includeSystem: boolean): string => `
select a.attrelid as table, pg_catalog.array_agg(a.attname order by a.attnum)::pg_catalog.text as names
${COLUMNS_OF_TABLES} and ${schemasWanted(includeSystem)}
 group by a.attrelid
 order by a.attrelid`;

export const columnAcls = (includeSystem: boolean): string => `
select a.attrelid as table, a.attname as name, a.attacl::pg_catalog.text as acl
  from pg_catalog.pg_attribute as a
  join pg_catalog.pg_class as c on c.oid = a.attrelid
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
 where a.attacl is not null and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
   and ${schemasWanted(includeSystem)}
 order by a.attrelid, a.attnum`;

export const EXTENSION_MEMBERS = `
select d.classid::pg_catalog.regclass::pg_catalog.text as catalog, d.objid as oid, e.extname as extension
  from pg_catalog.pg_depend as d
  join pg_catalog.pg_extension as e on e.oid = d.refobjid
 where d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
 order by d.classid, d.objid`;

export const SCHEMA_COMMENTS = `
select n.nspname as schema, d.description as comment
  from pg_catalog.pg_description as d
  join pg_catalog.pg_namespace as n on n.oid = d.objoid
 where d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.objsubid = 0
 order by n.nspname`;

/** What roles own, or are named in the lists of, in the other databases; of this one only what they own. */
export const ROLE_DEPENDENCIES = `
select s.refobjid as role, d.datname as database, pg_catalog.count(*) as objects
  from pg_catalog.pg_shdepend as s
  join pg_catalog.pg_database as d on d.oid = s.dbid
 where s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
   and (d.datname <> pg_catalog.current_database()
        or s.deptype = 'o' and s.classid <> 'pg_catalog.pg_default_acl'::pg_catalog.regclass)
 group by s.refobjid, d.datname
 order by s.refobjid, d.datname`;
