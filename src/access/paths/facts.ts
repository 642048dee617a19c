/**
 * What the search for paths asks beyond a snapshot: the functions that touch the server's files, stored passwords of
 * foreign servers, who is let in without a password.
 *
 * Everything is asked for in two round trips. What the executor may not read is said in `unreadable` by goal, because a
 * path that could not be looked for is not a path that does not exist.
 */
import type { Session, TextRow } from "../../pg/session.ts";
import { type Acl, AclReader, arrayElements } from "../privileges/acl.ts";
import type { Goal } from "./graph.ts";

/** A built-in function that reads or writes files of the server. */
export interface FileFunction {
  /** "pg_read_file(text)". */
  signature: string;
  writes: boolean;
  owner: string;
  acl: Acl | undefined;
}

export interface UserMapping {
  server: string;
  /** PUBLIC is the empty name. */
  role: string;
  hasPassword: boolean;
  /** password_required=false: the foreign server may be entered with the account of this server's process. */
  needsNoPassword: boolean;
}

/** A line of pg_hba.conf as the server parsed the file. */
export interface HbaRule {
  line: number;
  type: string;
  databases: readonly string[];
  users: readonly string[];
  /** undefined on sockets. */
  address: string | undefined;
  netmask: string | undefined;
  method: string;
}

export interface PathFacts {
  fileFunctions: readonly FileFunction[];
  userMappings: readonly UserMapping[];
  /** undefined: may not be read. */
  hba: readonly HbaRule[] | undefined;
  /** Databases besides this one that roles can connect to; hooks and schemas of those were not looked at. */
  otherDatabases: readonly string[];
  unreadable: readonly { goal: Goal; why: string }[];
}

/** Those that write are a way into the server's account; lo_import and the readers only see files. */
const WRITING_FUNCTIONS = new Set(["lo_export", "pg_file_write", "pg_file_rename", "pg_file_unlink"]);

const FILE_FUNCTIONS = [
  ...["pg_read_file", "pg_read_binary_file", "pg_stat_file", "pg_ls_dir", "pg_file_read", "lo_import"],
  ...WRITING_FUNCTIONS,
];

/** Reads the facts inside the caller's transaction when one is open. */
export async function readPathFacts(session: Session): Promise<PathFacts> {
  const [functions, databases, rights] = await session.exchange(FIRST_QUESTIONS);
  const right = rights?.rows[0] ?? {};
  const [mappings, hba] = await session.exchange(
    `${right.mappings === "t" ? USER_MAPPINGS : NO_ROWS}; ${right.hba === "t" ? HBA_RULES : NO_ROWS}`,
  );
  const reader = new AclReader();
  return {
    fileFunctions: (functions?.rows ?? []).map((row) => fileFunction(row, reader)),
    otherDatabases: (databases?.rows ?? []).map(({ name }) => name ?? ""),
    userMappings: (mappings?.rows ?? []).map(userMapping),
    hba: right.hba === "t" ? (hba?.rows ?? []).map(hbaRule) : undefined,
    unreadable: [
      ...(right.mappings === "t" ? [] : [{ goal: "secrets" as const, why: "pg_user_mapping may not be read" }]),
      ...(right.hba === "t" ? [] : [{ goal: "replication" as const, why: "pg_hba_file_rules may not be read" }]),
    ],
  };
}

const NO_ROWS = "select 1 where false";

const FIRST_QUESTIONS = `
  select p.proname as name,
         pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
         pg_catalog.pg_get_userbyid(p.proowner) as owner,
         p.proacl::pg_catalog.text as acl
    from pg_catalog.pg_proc as p
   where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
     and p.proname = any ('{${FILE_FUNCTIONS.join(",")}}'::pg_catalog.name[])
   order by 1, 2;
  select d.datname as name
    from pg_catalog.pg_database as d
   where d.datallowconn and d.datname <> pg_catalog.current_database()
   order by 1;
  select pg_catalog.has_table_privilege('pg_catalog.pg_user_mapping', 'select') as mappings,
         pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'select')
     and pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'execute') as hba`;

/** Option texts never leave the server: only whether there is a password. */
const USER_MAPPINGS = `
  select s.srvname as server,
         case when m.umuser = 0 then '' else pg_catalog.pg_get_userbyid(m.umuser) end as role,
         exists (select from pg_catalog.unnest(m.umoptions) as o where o ~* '^(password|sslpassword|passfile)=') as has_password,
         exists (select from pg_catalog.unnest(m.umoptions) as o where o ~* '^password_required=(f|n|off|0)') as free
    from pg_catalog.pg_user_mapping as m
    join pg_catalog.pg_foreign_server as s on s.oid = m.umserver
   order by 1, 2`;

const HBA_RULES = `
  select h.line_number as line, h.type, h.database::pg_catalog.text as databases, h.user_name::pg_catalog.text as users,
         h.address, h.netmask, h.auth_method as method
    from pg_catalog.pg_hba_file_rules as h
   where h.error is null
   order by h.line_number`;

function fileFunction(row: TextRow, reader: AclReader): FileFunction {
  const name = row.name ?? "";
  return {
    signature: `${name}(${row.arguments ?? ""})`,
    writes: WRITING_FUNCTIONS.has(name),
    owner: row.owner ?? "",
    acl: reader.read(row.acl ?? null),
  };
}

function userMapping(row: TextRow): UserMapping {
  return {
    server: row.server ?? "",
    role: row.role ?? "",
    hasPassword: row.has_password === "t",
    needsNoPassword: row.free === "t",
  };
}

function hbaRule(row: TextRow): HbaRule {
  return {
    line: Number(row.line),
    type: row.type ?? "",
    databases: arrayElements(row.databases ?? "{}"),
    users: arrayElements(row.users ?? "{}"),
    address: row.address ?? undefined,
    netmask: row.netmask ?? undefined,
    method: row.method ?? "",
  };
}
