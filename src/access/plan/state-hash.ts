/**
 * One digest over the present state of everything that a plan touches.
 *
 * A plan that was made from another state has another digest, so whoever applies it later knows whether it still says
 * what it said. Objects count with their oid: one that was made anew under the same name is another one.
 */
import { createHash } from "node:crypto";
import type { Snapshot } from "../catalog/snapshot.ts";
import { type Acl, aclEntryText } from "../privileges/acl.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import type { Touched } from "./draft.ts";

/** SHA-256, hex. */
export function stateHash(touched: Iterable<Touched>, snapshot: Snapshot): string {
  const state = new State(snapshot);
  const lines = new Set<string>();
  for (const each of new Set(touched)) lines.add(state.line(each));
  const hash = createHash("sha256");
  for (const line of [...lines].sort()) hash.update(`${line}\n`);
  return hash.digest("hex");
}

class State {
  readonly #snapshot: Snapshot;
  readonly #objects = new Map<string, Map<string, CatalogObject>>();
  readonly #aclTexts = new Map<Acl, string>();
  readonly #policies = new Map<string, unknown[]>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    for (const { schema, table, ...policy } of snapshot.policies) {
      const key = JSON.stringify([schema, table]);
      this.#policies.set(key, [...(this.#policies.get(key) ?? []), policy]);
    }
  }

  line(touched: Touched): string {
    const { roles, memberships, defaultAcls, databaseSettings } = this.#snapshot;
    switch (touched.about) {
      case "object":
        return JSON.stringify([touched, this.#object(touched.kind, touched.sql)]);
      case "role":
        return JSON.stringify([touched, roles.get(touched.role) ?? null]);
      case "memberships":
        return JSON.stringify([touched, memberships.filter(({ role }) => role === touched.role)]);
      case "database settings":
        return JSON.stringify([touched, databaseSettings]);
      case "defaults": {
        const { creator, schema } = touched;
        return JSON.stringify([
          touched,
          defaultAcls.filter((each) => each.creator === creator && each.schema === schema),
        ]);
      }
    }
  }

  #object(kind: string, sql: string): unknown {
    let objects = this.#objects.get(kind);
    if (!objects) {
      const all = isKind(kind, this.#snapshot) ? this.#snapshot.objects[kind] : [];
      objects = new Map(all.map((object) => [object.sql, object]));
      this.#objects.set(kind, objects);
    }
    const object = objects.get(sql);
    if (!object) return null;
    const { oid, owner, acl, columns, rowSecurity } = object;
    const lists = columns && [...columns].map(([name, list]) => [name, this.#aclText(list)]);
    const policies = kind === "table" ? this.#policies.get(JSON.stringify([object.schema, object.name])) : undefined;
    return [oid, owner ?? null, acl ? this.#aclText(acl) : null, lists ?? null, rowSecurity ?? null, policies ?? null];
  }

  #aclText(acl: Acl): string {
    let text = this.#aclTexts.get(acl);
    if (text === undefined) {
      text = JSON.stringify(acl.map(aclEntryText));
      this.#aclTexts.set(acl, text);
    }
    return text;
  }
}

function isKind(name: string, { objects }: Snapshot): name is ObjectKind {
  return Object.hasOwn(objects, name);
}
