/**
 * A SECURITY DEFINER function lends its owner's rights to whoever may execute it. That is what it is for; it is a way to
 * become the owner when the caller decides what the names in its body mean: no search_path of its own, or one with a
 * schema that the caller may create in.
 */
import { ident } from "../../../pg/identifiers.ts";
import type { CatalogObject } from "../../privileges/catalog-object.ts";
import { defineEdgeRule, type World } from "../edge-rule.ts";
import { being, roleText, using } from "../graph.ts";
import { searchPathElements } from "../search-path.ts";

export default defineEdgeRule({
  name: "security-definer",
  summary: "A SECURITY DEFINER function whose names the caller can redirect gives its owner's rights away.",
  *edges(world) {
    const { snapshot, holders } = world;
    for (const routine of snapshot.objects.routine) {
      if (!routine.securityDefiner || routine.extension !== undefined || routine.owner === undefined) continue;
      const weakness = weaknessOf(routine, world);
      if (weakness === undefined) continue;
      for (const role of holders.reaching(routine, ["execute"], true)) {
        if (role === routine.owner) continue;
        yield {
          from: using(role),
          to: being(routine.owner),
          evidence: `${roleText(role)} may execute ${routine.sql}, which runs as "${routine.owner}" and ${weakness}`,
          strength: "conditional",
          condition: `the body of ${routine.sql} uses a name without its schema`,
          remove: `alter routine ${routine.sql} set search_path = ${safePath(routine)}`,
        };
      }
    }
  },
});

function safePath({ schema }: CatalogObject): string {
  return schema === undefined ? "pg_catalog, pg_temp" : `pg_catalog, ${ident(schema)}, pg_temp`;
}

/** Why the caller can redirect names; undefined: it cannot. */
function weaknessOf(routine: CatalogObject, { snapshot, holders }: World): string | undefined {
  const setting = routine.settings?.find((text) => text.startsWith("search_path="));
  if (setting === undefined) return "takes the caller's search_path";
  const path = searchPathElements(setting.slice("search_path=".length));
  const open = path.find((element) => {
    if (element === "$user") return true;
    const schema = snapshot.objects.schema.find(({ name }) => name === element);
    if (!schema) return false;
    const creators = holders.of(schema, ["create"], false);
    return creators.some(
      (role) => role !== schema.owner && role !== routine.owner && !snapshot.roles.get(role)?.superuser,
    );
  });
  return open === undefined ? undefined : `searches schema "${open}", where others may create`;
}
