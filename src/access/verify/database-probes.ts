/** Probes of the database and of schema "public": rows 1 and 8 to 10 of the matrix. */
import { ident } from "../../pg/identifiers.ts";
import { type PrivilegeName, privilegeSet } from "../privileges/privilege.ts";
import { databasePrivilege } from "./attempts.ts";
import type { DesiredObject } from "./desired.ts";
import { creations, labelOf, type ProbeSource } from "./object-probes.ts";
import { type Attempt, type Expected, expectedIf, type Probe } from "./probe.ts";
import { type Line, lines, run } from "./probe-lines.ts";

export function databaseProbes(source: ProbeSource): Probe[] {
  const database = source.expectations.objects.find(({ object }) => object.kind === "database");
  if (!database) return [];
  const { of, asked, may } = aboutDatabase(source, database);
  const creation = (row: number, action: string, privilege: PrivilegeName): Line => ({
    ...of(row, action),
    expected: may(privilege),
    attempt: run(action, { name: ident(source.freshName) }),
    otherwise: asked(privilege),
  });
  const ask = (privilege: PrivilegeName, why: string): Attempt => ({ kind: "ask", question: asked(privilege), why });
  return lines(source, [
    {
      ...of(1, "connect"),
      // A role that cannot log in connects with nobody's rights.
      expected: isLogin(source) ? may("connect") : "either",
      attempt: ask("connect", "only a login connects"),
    },
    creation(9, "create schema", "create"),
    creation(9, "create publication", "create"),
    {
      ...of(9, "create extension (trusted)"),
      expected: may("create"),
      attempt: ask("create", "an extension brings code along"),
    },
    creation(10, "create temporary table", "temporary"),
  ]);
}

/** How lines about the database begin, what the model promises of it, and what the catalog is asked. */
function aboutDatabase({ expectations, role }: ProbeSource, database: DesiredObject) {
  const object = labelOf(database.object);
  const wanted = expectations.privileges(role, database);
  const { databaseOid } = expectations.snapshot;
  return {
    of: (row: number, action: string) => ({ row, action, object }),
    may: (privilege: PrivilegeName): Expected => expectedIf((wanted & privilegeSet([privilege])) !== 0),
    asked: (privilege: PrivilegeName): string => databasePrivilege(role, databaseOid, privilege),
  };
}

function isLogin({ expectations: { model, snapshot }, role }: ProbeSource): boolean {
  return model.roles.get(role)?.login ?? snapshot.roles.get(role)?.login ?? false;
}

/** Nobody but its owner makes objects in "public", whether the model speaks of it or not. */
export function publicSchemaProbes(source: ProbeSource): Probe[] {
  const { expectations, role, freshName } = source;
  const { model, snapshot } = expectations;
  const schema = snapshot.objects.schema.find(({ name }) => name === "public");
  if (!schema || model.schemas.has("public") || model.mode === "additive") return [];
  const isOwner = expectations.isOwner(role, {
    object: schema,
    owner: schema.owner,
    grants: new Map(),
    columns: new Map(),
  });
  return creations({ role, schema, freshName }, isOwner).map((draft) => ({
    ...draft,
    role,
    object: labelOf(schema),
    schema: undefined,
  }));
}
