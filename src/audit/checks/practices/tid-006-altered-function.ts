/** TID-006: functions of schema tide that lend their owner's rights and are not as pgkeep ships them. */
import { NotApplicable, Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { shippedTide } from "../../facts/shipped-tide.ts";
import { requireTide, requireTideTable } from "./tide.ts";

const DEFINERS = `
  select 'tide.' || pg_catalog.quote_ident(p.proname) || '(' || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')'
           as object,
         p.proname as name, p.prosrc as body, l.lanname as language,
         not exists (select from pg_catalog.unnest(p.proconfig) as s (entry)
                      where s.entry in ('search_path=pg_catalog, pg_temp', 'search_path=""', 'search_path=pg_catalog,pg_temp'))
           as path_open
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_language as l on l.oid = p.prolang
   where p.pronamespace = pg_catalog.to_regnamespace('tide')
     and p.prosecdef
   order by 1`;

const APPLIED = `
  select pg_catalog.substr(m.key, 11) as name from only tide.meta as m where m.key like 'migration/%'`;

export default defineCheck({
  id: "TID-006",
  title: "altered function with its owner's rights in schema tide",
  severity: "high",
  why:
    "These functions do for applications what those may not do themselves. A changed or added one does whatever its author " +
    "wanted, with the rights of the schema's owner, for everybody who publishes.",
  remedy: "Find out who changed it and when, then put the shipped text back from sql/relay of this version.",
  limits:
    "Compares the whole text, and the fixed search path. A schema of pg_tide, or of a newer pgkeep, cannot be compared. Functions " +
    "that run with their caller's rights are not looked at.",
  references: { manual: ["CREATE FUNCTION: Writing SECURITY DEFINER Functions Safely"] },
  scope: "database",
  needs: [],
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  await requireTide(facts);
  await requireTideTable(facts, "meta", { key: "text", value: "text" });
  const { migrations, bodies } = shippedTide();
  const applied = (await facts.query(APPLIED)).map(({ name }) => name ?? "");
  if (applied.length === 0) throw new NotApplicable("schema tide was not made by pgkeep");
  if (applied.some((name) => !migrations.has(name))) throw new Unanswered("schema tide was made by a newer pgkeep");
  return (await facts.query(DEFINERS)).flatMap(({ object, name, body, path_open: isOpen }) => {
    const shipped = bodies.get(name ?? "");
    if (shipped === undefined) return [found(object, "is not one of pgkeep's functions")];
    if (!shipped.has(body ?? "")) return [found(object, "its text is not the shipped one")];
    return isOpen === "t" ? [found(object, "its search path is not the shipped one")] : [];
  });
}

function found(object: string | null | undefined, detail: string): Found {
  const text = "Compare it with sql/relay of this version, put the shipped text back, and find out who changed it.";
  return { object: object ?? "", detail, fix: { kind: "words", text } };
}
