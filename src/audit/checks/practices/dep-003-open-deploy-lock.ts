/** DEP-003: who can hold the lock of deploys, and so keep every deploy from starting. */
import { ident } from "../../../pg/identifiers.ts";
import { NotApplicable } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

/** The functions that take a lock of one 64-bit number, which is what a deploy takes. */
const FUNCTIONS = [
  "pg_advisory_lock",
  "pg_advisory_lock_shared",
  "pg_advisory_xact_lock",
  "pg_advisory_xact_lock_shared",
  "pg_try_advisory_lock",
  "pg_try_advisory_lock_shared",
  "pg_try_advisory_xact_lock",
  "pg_try_advisory_xact_lock_shared",
].map((name) => `pg_catalog.${name}(bigint)`);

const OIDS = `array[${FUNCTIONS.map((name) => `'${name}'::pg_catalog.regprocedure::pg_catalog.oid`).join(", ")}]`;

const WHO = `
  select pg_catalog.quote_ident(r.rolname) as login, r.rolname as name
    from pg_catalog.pg_roles as r
   where r.rolcanlogin
     and not r.rolsuper
     and pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CONNECT')
     and exists (select from pg_catalog.unnest(${OIDS}) as f (id)
                  where pg_catalog.has_function_privilege(r.oid, f.id, 'EXECUTE'))
   order by 1`;

/** The key of deploys, as the two halves in which pg_locks shows it. */
const HOLDERS = `
  select coalesce(pg_catalog.quote_ident(a.usename), 'an unknown role') as holder
    from pg_catalog.pg_locks as l
    left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
   cross join (select pg_catalog.hashtextextended('pgmi.deploy.' || pg_catalog.current_database(), 0) as key) as k
   where l.locktype = 'advisory'
     and l.granted
     and l.objsubid = 1
     and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
     and (l.classid::pg_catalog.int8 << 32 | l.objid::pg_catalog.int8) = k.key
   order by 1`;

const OPEN = `
  select exists (select from pg_catalog.pg_proc as p
                  cross join lateral pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
                  where p.oid = any (${OIDS}) and a.grantee = 0 and a.privilege_type = 'EXECUTE') as everybody`;

export default defineCheck({
  id: "DEP-003",
  title: "any role can take the deploy lock",
  severity: "low",
  why:
    "Deploys to one database take turns by an advisory lock whose number is known. Whoever may call the lock functions can hold it, " +
    "and every deploy ends with exit status 15 until he lets go.",
  remedy:
    "Revoke EXECUTE of the lock functions from PUBLIC and grant it to the deploy's role and to applications that use them.",
  limits:
    "Asked only where SQL projects are declared (audit.projects in pgkeep.yaml). PostgreSQL lets everybody call these functions; the " +
    "revoke holds for this database. Declared deploy roles and superusers are not counted.",
  references: { manual: ["Advisory Lock Functions"], other: ["pgkeep: hardening"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const { projects = [], deployRoles = [] } = facts.declared;
  if (projects.length === 0) throw new NotApplicable("no SQL project is declared: audit.projects in pgkeep.yaml");
  const logins = (await facts.query(WHO)).filter(({ name }) => !deployRoles.includes(name ?? ""));
  if (logins.length === 0) return [];
  const names = logins.slice(0, 5).map(({ login }) => login);
  const more = logins.length > names.length ? ` and ${logins.length - names.length} more` : "";
  const holders = (await facts.query(HOLDERS)).map(({ holder }) => holder);
  const held = holders.length === 0 ? "" : `; held now by ${holders.join(", ")}`;
  const [row] = await facts.query(OPEN);
  return [
    {
      object: `deploy lock of database ${ident(facts.database)}`,
      detail: `${names.join(", ")}${more} can take it${held}`,
      fix: row?.everybody === "t" ? closing(deployRoles) : named(),
    },
  ];
}

function closing(deployRoles: readonly string[]): Found["fix"] {
  const list = FUNCTIONS.join(", ");
  const grants = deployRoles.map((role) => `grant execute on function ${list} to ${ident(role)}`);
  return {
    kind: "sql",
    sql: [...grants, `revoke execute on function ${list} from public`],
    risk: "high",
    riskReason: "applications, job queues and the relay use advisory locks: grant EXECUTE to their roles first",
  };
}

function named(): Found["fix"] {
  return {
    kind: "words",
    text: "Take EXECUTE of the lock functions from these roles, or declare them as deploy roles.",
  };
}
