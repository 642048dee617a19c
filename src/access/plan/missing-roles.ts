/** Roles that the model names without managing them, and that the server does not have: somebody else must make them. */
import { ident } from "../../pg/identifiers.ts";
import type { AccessModel } from "../model/model.ts";
import type { Difference, DraftBook } from "./draft.ts";
import type { PlanFacts } from "./facts.ts";
import { roleText } from "./naming.ts";

export function planMissingRoles({ facts, book }: { facts: PlanFacts; book: DraftBook }): void {
  for (const role of namedBy(facts.model)) {
    if (facts.willExist(role) || facts.model.roles.has(role)) continue;
    book.block({
      sql: `create role ${ident(role)}`,
      object: roleText(role),
      role,
      reason: "the model names it, this plan does not make it, and the server does not have it",
      needs: role.startsWith("pg_") ? "a server of a version that has it" : "whoever manages this role to make it",
      touches: [{ about: "role", role }],
      differences: (): readonly Difference[] => [
        { difference: "missing", what: "role", object: roleText(role), role, wanted: "present", found: undefined },
      ],
    });
  }
}

function namedBy(model: AccessModel): Set<string> {
  return new Set([
    ...model.memberships.flatMap(({ role, member }) => [role, member]),
    ...model.owners.map(({ owner }) => owner),
    ...model.rules.map(({ role }) => role),
    ...model.defaults.flatMap(({ creator, role }) => [creator, role]),
    ...model.rowSecurity.flatMap(({ policies }) => policies.flatMap(({ to }) => to)),
  ]);
}
