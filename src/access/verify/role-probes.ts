/** Probes of the role itself: what it may make of itself, pass on and become. Rows 11 to 15 of the matrix. */
import { ident } from "../../pg/identifiers.ts";
import { type PrivilegeName, privilegeSet } from "../privileges/privilege.ts";
import { roleAttribute, roleMembership } from "./attempts.ts";
import { labelOf, type ProbeSource } from "./object-probes.ts";
import { type Attempt, type Expected, expectedIf, type Probe } from "./probe.ts";
import { type Line, lines, run } from "./probe-lines.ts";

/** Attributes that a role must not give to itself, and the two things that PostgreSQL lets every role do. */
export function selfProbes(source: ProbeSource): Probe[] {
  const { role } = source;
  const creates = createsOf(source);
  const expected = changesItself(source, creates.roles);
  const self = (action: string): Line => ({
    row: 12,
    action,
    object: `role ${role}`,
    expected,
    attempt: run(action, { role: ident(role) }),
  });
  return lines(source, [
    ...creationLines(source, creates),
    self("alter self createdb"),
    self("alter self createrole"),
    self("alter self connection limit"),
    self("alter self valid until"),
    { ...self("alter self set"), row: 13, expected: "either" },
    {
      row: 13,
      action: "alter self password",
      object: `role ${role}`,
      expected: "either",
      attempt: { kind: "known", allowed: true, why: "PostgreSQL lets every role change its own password" },
    },
  ]);
}

interface Creates {
  roles: boolean;
  databases: boolean;
}

function createsOf({ expectations, role }: ProbeSource): Creates {
  const attributes = expectations.model.roles.get(role) ?? expectations.snapshot.roles.get(role);
  const isSuperuser = expectations.wanted.isSuperuser(role);
  return {
    roles: isSuperuser || (attributes?.createRole ?? false),
    databases: isSuperuser || (attributes?.createDatabase ?? false),
  };
}

/** Up to 15 CREATEROLE reaches every role that is not a superuser, the role itself too. */
function changesItself({ expectations, role }: ProbeSource, createsRoles: boolean): Expected {
  if (expectations.wanted.isSuperuser(role)) return "allowed";
  return createsRoles && expectations.snapshot.major < 16 ? "either" : "refused";
}

function creationLines({ expectations, role, freshName }: ProbeSource, creates: Creates): Line[] {
  const present = expectations.snapshot.roles.get(role);
  return [
    {
      row: 11,
      action: "create role",
      object: "server",
      expected: expectedIf(creates.roles),
      attempt: run("create role", { name: ident(freshName) }),
      otherwise: roleAttribute(role, "rolcreaterole"),
    },
    {
      row: 11,
      action: "create database",
      object: "server",
      expected: expectedIf(creates.databases),
      attempt: {
        kind: "known",
        allowed: (present?.createDatabase ?? false) || (present?.superuser ?? false),
        why: "a database cannot be made and undone",
      },
    },
  ];
}

const PASSED_ON: readonly PrivilegeName[] = ["select", "insert", "update", "delete"];

/** Passing on a right that the role has without grant option: the server only warns, so the list is what is looked at. */
export function passingOnProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const { model, snapshot } = expectations;
  const other = [...model.roles.keys()].find((name) => name !== role && snapshot.roles.get(name)?.addressable);
  if (other === undefined) return [];
  const acting = expectations.wanted.actsAs(role);
  const mayPassOn = model.rules.some((rule) => rule.grantable && acting.has(rule.role));
  const seen = new Set<string>();
  return expectations.objects.flatMap((desired): Probe[] => {
    const { object } = desired;
    if (object.kind !== "table" || seen.has(object.schema ?? "") || expectations.isOwner(role, desired)) return [];
    const privilege = PASSED_ON.find((each) => (expectations.privileges(role, desired) & privilegeSet([each])) !== 0);
    if (!privilege) return [];
    seen.add(object.schema ?? "");
    const sql = `grant ${privilege} on table ${object.sql} to ${ident(other)}`;
    const attempt: Attempt = { kind: "grant", sql };
    const action = `grant ${privilege} to role ${other}`;
    return [
      {
        row: 14,
        relation: object.oid,
        role,
        action,
        object: labelOf(object),
        schema: object.schema,
        expected: mayPassOn ? "either" : "refused",
        attempt,
      },
    ];
  });
}

/** Roles of the file, owners of what is governed, and superusers: whoever it would be worth to become. */
export function becomingProbes(source: ProbeSource): Probe[] {
  const { expectations, role } = source;
  const { snapshot, wanted, model } = expectations;
  const owners = expectations.objects.flatMap(({ owner }) => (owner === undefined ? [] : [owner]));
  const superusers = [...snapshot.roles.values()].filter(({ superuser }) => superuser).map(({ name }) => name);
  const targets = new Set([...model.roles.keys(), ...owners, ...superusers]);
  const how = snapshot.major >= 16 ? "set" : "member";
  return [...targets]
    .filter((target) => target !== role && snapshot.roles.get(target)?.addressable)
    .map((target) => ({
      row: 15,
      role,
      action: "set role",
      object: `role ${target}`,
      schema: undefined,
      expected: expectedIf(wanted.isSuperuser(role) || wanted.becomes(role).has(target)),
      attempt: { kind: "become", role: target } as const,
      otherwise: roleMembership(role, target, how),
    }));
}
