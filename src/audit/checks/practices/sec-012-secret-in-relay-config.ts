/** SEC-012: secrets in the configuration of the relay's pipelines. */
import { literal, qualified } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { NotApplicable, Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";

/** Tables of schema tide with a name and a configuration. */
const TABLES = ["relay_outbox_config", "relay_inbox_config", "relay_pipeline_templates", "relay_fanin_config"];

/**
 * Plain tables whose columns have the server's own types: reading such a one runs nobody's code. Policies would, and
 * would hide rows; they do not hold a superuser.
 */
const STATE = `
  select c.relname as name,
         pg_catalog.has_table_privilege(c.oid, 'SELECT') as may_read,
         c.relrowsecurity and not (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user)
           as is_filtered
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
   where n.nspname = 'tide'
     and c.relkind = 'r'
     and c.relname in (${TABLES.map((name) => `'${name}'`).join(", ")})
     and (select pg_catalog.count(*)
            from pg_catalog.pg_attribute as t
           where t.attrelid = c.oid
             and (t.attname = 'name' and t.atttypid = 'pg_catalog.text'::pg_catalog.regtype
                  or t.attname = 'config' and t.atttypid = 'pg_catalog.jsonb'::pg_catalog.regtype)) = 2
   order by 1`;

/** Fields that hold a secret: the relay's own pattern. */
const SECRET_KEY =
  "(?:^|_)(?:password|passwd|passphrase|secret|secrets|secret_key|token|api_key|apikey|private_key|credentials|" +
  "credentials_json)$|^(?:webhook_url|connection_string|sas_key|nkey|nkey_seed|auth_header|authorization|" +
  "proxy-authorization|cookie|x-api-key)$";

/** A reference stands for the value, alone or behind the scheme of an authorization header. */
const REFERENCE = String.raw`^(?:[A-Za-z]+ )?\$\{(?:(?:env|ENV):[A-Za-z0-9_]+|file:/[^{}]+)\}$`;
const URL_PASSWORD = String.raw`^[a-z][a-z0-9+.-]*://[^/?#@:]*:(?!\$\{(?:env:[A-Za-z0-9_]+|file:/[^{}]+)\}@)[^@/?#]+@`;

/** A template's blank: `{{key}}`, filled in when a pipeline is made from it. */
const BLANK = String.raw`^\{\{[A-Za-z0-9_]+\}\}$`;

/** 32: deeper than any configuration that the relay accepts. */
const MAX_DEPTH = 32;

const sqlFor = (table: string): string => `
  with recursive walk as (
    select t.name as pipeline, ''::pg_catalog.text as place, t.config as node, false as in_secret, 0 as depth
      from only ${qualified("tide", table)} as t
     union all
    select w.pipeline,
           w.place || case when w.place = '' then '' else '.' end || c.name,
           c.node,
           w.in_secret or c.is_key and pg_catalog.lower(c.name) ~ ${literal(SECRET_KEY)},
           w.depth + 1
      from walk as w
     cross join lateral (
             select e.key as name, e.value as node, true as is_key
               from pg_catalog.jsonb_each(
                      case pg_catalog.jsonb_typeof(w.node) when 'object' then w.node else '{}' end) as e (key, value)
              union all
             select (a.position - 1)::pg_catalog.text, a.value, false
               from pg_catalog.jsonb_array_elements(
                      case pg_catalog.jsonb_typeof(w.node) when 'array' then w.node else '[]' end)
                      with ordinality as a (value, position)
           ) as c
     where w.depth < ${MAX_DEPTH}
  )
  select '${table} ' || pg_catalog.quote_ident(w.pipeline) || ': ' || w.place as object,
         case when w.in_secret then 'holds a secret as it is' else 'holds a URL with a password' end as detail
    from walk as w
   cross join lateral (select w.node #>> '{}' as text) as v
   where pg_catalog.jsonb_typeof(w.node) in ('string', 'number')
     and v.text <> ''
     and v.text !~ ${literal(table === "relay_pipeline_templates" ? BLANK : "^$")}
     and (w.in_secret and v.text !~ ${literal(REFERENCE)} and v.text !~ '^[a-z][a-z0-9+.-]*://[^/?#@:]*:\\$\\{'
          or v.text ~* ${literal(URL_PASSWORD)}
          or v.text ~ 'BEGIN [A-Z ]*PRIVATE KEY')
   order by 1`;

export default defineCheck({
  id: "SEC-012",
  title: "literal secret in a pipeline's configuration",
  severity: "high",
  why:
    "Whoever may read the relay's tables, and every backup of them, has the password of the broker. The relay itself " +
    "refuses such values, so this one came in another way.",
  remedy: `Write a reference instead, such as \${env:NAME} or \${file:/path}, and change the secret.`,
  limits: "Fields are known by their names. Names and places are returned, values stay on the server.",
  references: { other: ["CWE-312"] },
  scope: "database",
  needs: [],
  examine: async (facts) => {
    const tables = await facts.query(STATE);
    if (tables.length === 0) throw new NotApplicable("this database has no relay");
    for (const table of tables) requireReadable(table);
    const found: Found[] = [];
    for (const { name } of tables) found.push(...(await facts.query(sqlFor(name ?? ""))).map(foundIn));
    return found;
  },
});

function requireReadable({ name, may_read, is_filtered }: TextRow): void {
  if (may_read !== "t") throw new Unanswered(`it needs select on tide.${name}`, "superuser");
  if (is_filtered === "t") throw new Unanswered(`row security of tide.${name} hides pipelines`, "superuser");
}

function foundIn({ object, detail }: TextRow): Found {
  return {
    object: object ?? "",
    detail: detail ?? "",
    fix: { kind: "words", text: "Replace the value by a reference to an environment variable or a file." },
  };
}
