/**
 * The right to name what is in a schema, lent where it is missing: even an owner needs USAGE to name its own table.
 *
 * Lent and taken back within one step, and never when the role has USAGE in that step anyway, so that taking back can
 * not take what the model grants. What a role has depends on the step: before the revokes what is there, then what is left
 * of it, and once grants have run also what the model gives.
 */
import { ident } from "../../pg/identifiers.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import type { Acted, GrantPlanning } from "./acting.ts";
import { NO_DIFFERENCES, STEP, type Step, type Way } from "./draft.ts";
import { objectText, roleText } from "./naming.ts";

const USAGE = privilegeSet(["usage"]);

/** Before and after everything else of a step; what is taken back comes before grants on schemas themselves. */
const FIRST = -2_000_000;
const LAST = 400_000;

export interface Actor {
  way: Way;
  /** Whose rights the statement runs with. */
  actor: string | undefined;
  step: Step;
}

/** Makes sure that whoever runs a statement on `objects` can name them. */
export function lendReach(
  { objects }: Pick<Acted, "objects">,
  { way, actor, step }: Actor,
  planning: GrantPlanning,
): void {
  const schema = objects[0]?.schema;
  if (schema === undefined || !way.isOpen) return;
  const { rights } = planning;
  if (way.as !== undefined) lendUsage({ schema, role: way.as, step }, planning);
  else if (!rights.isSuperuser) lendUsage({ schema, role: actor ?? rights.executor, step }, planning);
}

interface Reaching {
  schema: string;
  role: string;
  step: Step;
}

/** Makes sure that `role` can name what is in `schema` during `step`. */
function lendUsage({ schema: name, role, step }: Reaching, planning: GrantPlanning): void {
  const { facts, book, rights, present, lent } = planning;
  const schema = present.of("schema").find((each) => each.name === name);
  const key = JSON.stringify([name, role, step]);
  if (!schema || lent.has(key) || facts.isSuperuser(role) || hasUsage(schema, { role, step }, planning)) return;
  lent.add(key);
  const way = rights.privilegesOf(schema.owner ?? facts.bootstrap);
  if (!way.isOpen) return;
  const common = {
    step,
    kind: "temporary" as const,
    object: objectText(schema),
    role,
    requires: way.requires,
    as: way.as,
    touches: [{ about: "object" as const, kind: "schema", sql: schema.sql }],
    differences: NO_DIFFERENCES,
  };
  const target = `usage on schema ${schema.sql}`;
  const take = `revoke ${target} from ${ident(role)}`;
  const reason = `${roleText(role)} cannot reach the schema otherwise; taken back right after`;
  book.add({ ...common, rank: FIRST, sql: `grant ${target} to ${ident(role)}`, reason, inverse: take });
  book.add({ ...common, rank: LAST, sql: take, reason: "takes back what was lent", inverse: undefined });
}

function hasUsage(
  schema: CatalogObject,
  { role, step }: Pick<Reaching, "role" | "step">,
  { facts, present, resolver }: GrantPlanning,
): boolean {
  const held = facts.closures.inherited(role);
  if (held.has("pg_read_all_data")) return true;
  const counts = (grantee: string): boolean => grantee === PUBLIC || held.has(grantee);
  const now = present.list(schema).filter(({ grantee, privileges }) => counts(grantee) && (privileges & USAGE) !== 0);
  if (step <= STEP.revokes || !resolver.isGoverned(schema)) return now.length > 0;
  const { list } = resolver.wish(schema);
  const keeps = (grantee: string): boolean =>
    grantee === schema.owner ||
    ((list.isExact(grantee) ? list.of(grantee).privileges : ~(list.taken.get(grantee) ?? 0)) & USAGE) !== 0;
  if (now.some(({ grantee }) => keeps(grantee))) return true;
  if (step === STEP.grants) return false;
  return [...list.holdings].some(([grantee, { privileges }]) => counts(grantee) && (privileges & USAGE) !== 0);
}
