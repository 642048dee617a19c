/**
 * Probes of row level security: rows 25 and 26 of the matrix.
 *
 * The server is asked whether policies apply to the role on the table, and a plan without them must be refused. That
 * the policies are those of the model is known from the catalog. Rows themselves are not read: that would run the
 * policies' code on real data, and an empty answer proves nothing about a table that happens to be empty.
 */
import type { Policy } from "../catalog/snapshot.ts";
import type { PolicyModel, RowSecurityModel } from "../model/model.ts";
import { explained } from "./attempts.ts";
import type { DesiredObject } from "./desired.ts";
import { labelOf, type ProbeSource } from "./object-probes.ts";
import type { Probe } from "./probe.ts";

export function rowSecurityProbes(source: ProbeSource): Probe[] {
  const { expectations } = source;
  const tables = new Map(
    expectations.objects.filter(({ object }) => object.kind === "table").map((each) => [nameOf(each.object), each]),
  );
  return expectations.model.rowSecurity.flatMap((security) => {
    const desired = tables.get(nameOf({ schema: security.schema, name: security.table }));
    return desired && security.enable ? tableProbes(source, desired, security) : [];
  });
}

function nameOf({ schema, name }: { schema: string | undefined; name: string }): string {
  return JSON.stringify([schema, name]);
}

function tableProbes(source: ProbeSource, desired: DesiredObject, security: RowSecurityModel): Probe[] {
  const { expectations, surroundings, role } = source;
  const { object } = desired;
  if (expectations.extent(role, desired, "select") === "none") return [];
  const bypasses = isAbove(source, role) || (expectations.isOwner(role, desired) && !security.force);
  const base = { role, object: labelOf(object), schema: object.schema };
  const hazard = surroundings.hazardFor(object, { role, graph: expectations.present, runsAnyway: true });
  const off = explained(`select from ${object.sql} where false`);
  const applies: Probe = {
    ...base,
    row: 25,
    action: "see rows without policies",
    expected: bypasses ? "allowed" : "refused",
    attempt: {
      kind: "ask",
      question: `select not pg_catalog.row_security_active(${object.oid}::pg_catalog.oid)`,
      why: "rows are not read",
    },
  };
  const withoutPolicies: Probe = {
    ...base,
    row: 26,
    action: "select with row_security off",
    expected: bypasses ? "allowed" : "refused",
    attempt:
      hazard === undefined && off.kind === "run"
        ? { kind: "run", sql: `set local row_security = off; ${off.sql}` }
        : { ...applies.attempt },
  };
  return [applies, withoutPolicies, ...security.policies.map((policy) => policyProbe(source, desired, policy))];
}

function isAbove({ expectations }: ProbeSource, role: string): boolean {
  const bypass = expectations.model.roles.get(role)?.bypassRowSecurity;
  return expectations.wanted.isSuperuser(role) || (bypass ?? false);
}

function policyProbe({ expectations, role }: ProbeSource, { object }: DesiredObject, policy: PolicyModel): Probe {
  const present = expectations.snapshot.policies.find(
    ({ schema, table, name }) => schema === object.schema && table === object.name && name === policy.name,
  );
  return {
    row: 25,
    role,
    action: `policy ${policy.name} holds`,
    object: labelOf(object),
    schema: object.schema,
    expected: "allowed",
    attempt: {
      kind: "known",
      allowed: present !== undefined && isLike(present, policy),
      why: "command, roles and kind are those of the model; expressions are compared by the plan",
    },
  };
}

function isLike(present: Policy, wanted: PolicyModel): boolean {
  return (
    present.command === wanted.command &&
    present.permissive === wanted.permissive &&
    JSON.stringify([...present.roles].sort()) === JSON.stringify([...wanted.to].sort()) &&
    (present.using === undefined) === (wanted.using === undefined) &&
    (present.check === undefined) === (wanted.check === undefined)
  );
}
