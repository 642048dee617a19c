/**
 * Which roles a role acts as, twice: as the model wants it, and as the server has it.
 *
 * Two relations, both transitive. "inherits": rights on objects are there at once. "becomes": SET ROLE is allowed. The
 * model speaks for the memberships of its own roles; those of all others are as they are.
 */
import type { Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel } from "../model/model.ts";

interface Edge {
  role: string;
  member: string;
  inherit: boolean;
  set: boolean;
}

export class RoleGraph {
  readonly #byMember = new Map<string, Edge[]>();
  readonly #superusers: ReadonlySet<string>;
  readonly #inherited = new Map<string, ReadonlySet<string>>();
  readonly #becomes = new Map<string, ReadonlySet<string>>();

  constructor(edges: Iterable<Edge>, superusers: ReadonlySet<string>) {
    this.#superusers = superusers;
    for (const edge of edges) this.#byMember.set(edge.member, [...(this.#byMember.get(edge.member) ?? []), edge]);
  }

  isSuperuser(role: string): boolean {
    return this.#superusers.has(role);
  }

  /** `role` and every role whose rights it has without doing anything. */
  actsAs(role: string): ReadonlySet<string> {
    return this.#reached(role, this.#inherited, ({ inherit }) => inherit);
  }

  /** `role` and every role that it may become with SET ROLE; a superuser may become any, which is not listed. */
  becomes(role: string): ReadonlySet<string> {
    return this.#reached(role, this.#becomes, ({ set }) => set);
  }

  #reached(
    role: string,
    known: Map<string, ReadonlySet<string>>,
    follows: (edge: Edge) => boolean,
  ): ReadonlySet<string> {
    const answer = known.get(role);
    if (answer) return answer;
    const reached = new Set([role]);
    for (const member of reached) {
      for (const edge of this.#byMember.get(member) ?? []) if (follows(edge)) reached.add(edge.role);
    }
    known.set(role, reached);
    return reached;
  }
}

/** As the server has it. */
export function presentGraph({ memberships, roles, objects, databaseOid }: Snapshot): RoleGraph {
  return new RoleGraph(
    [...memberships, ...databaseOwner(objects.database.find(({ oid }) => oid === databaseOid)?.owner)],
    superusersOf(roles),
  );
}

/** As it shall be after an apply. */
export function desiredGraph(model: AccessModel, snapshot: Snapshot): RoleGraph {
  const isOurs = (member: string): boolean => model.mode !== "additive" && model.roles.has(member);
  const kept = snapshot.memberships.filter(({ member }) => !isOurs(member));
  const written = model.memberships.map((membership) => ({
    role: membership.role,
    member: membership.member,
    inherit: inheritsByDefault(membership.member, membership.inherit, { model, snapshot }),
    set: snapshot.major < 16 || (membership.set ?? true),
  }));
  const becoming = [...model.roles.values()].flatMap(({ name, runAs }) =>
    runAs === undefined ? [] : [{ role: runAs, member: name, inherit: false, set: true }],
  );
  const present = [...model.roles.values()].filter(({ state }) => state === "present");
  const superusers = new Set([
    ...[...superusersOf(snapshot.roles)].filter((name) => !model.roles.has(name)),
    ...present.filter(({ superuser }) => superuser).map(({ name }) => name),
  ]);
  const database = snapshot.objects.database.find(({ oid }) => oid === snapshot.databaseOid);
  const owner = model.owners.findLast(({ target }) => target.kind === "database")?.owner ?? database?.owner;
  return new RoleGraph([...kept, ...written, ...becoming, ...databaseOwner(owner)], superusers);
}

/** Up to 15 it is the member's own attribute that decides; from 16 on it is only what a membership has by itself. */
function inheritsByDefault(
  member: string,
  written: boolean | undefined,
  { model, snapshot }: { model: AccessModel; snapshot: Snapshot },
): boolean {
  const attribute: boolean = model.roles.get(member)?.inherit ?? snapshot.roles.get(member)?.inherit ?? true;
  return snapshot.major >= 16 ? (written ?? attribute) : attribute;
}

function databaseOwner(owner: string | undefined): Edge[] {
  return owner === undefined ? [] : [{ role: "pg_database_owner", member: owner, inherit: true, set: true }];
}

function superusersOf(roles: Snapshot["roles"]): ReadonlySet<string> {
  return new Set([...roles.values()].filter(({ superuser }) => superuser).map(({ name }) => name));
}
