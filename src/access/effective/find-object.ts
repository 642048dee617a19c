/**
 * Which object a person means by `app.orders`, `app.total(integer)`, `shop` or `app.users(email)`.
 *
 * Names are compared exactly, as written or as SQL would quote them. The privilege tells kinds apart: only what carries
 * it is looked at. What stays ambiguous is not guessed.
 */
import { nearestName } from "../../base/suggest.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { CatalogObject, ObjectKind } from "../privileges/catalog-object.ts";
import { isColumnPrivilege, type PrivilegeName } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";

export interface Wanted {
  name: string;
  privilege: PrivilegeName;
  /** undefined: every kind that carries the privilege. */
  kind: ObjectKind | undefined;
}

export interface Found {
  object: CatalogObject;
  kind: PrivilegeKind;
  column: string | undefined;
}

/** Every object that `wanted` can mean; one, when it was said well enough. */
export function findObjects(snapshot: Snapshot, kinds: readonly PrivilegeKind[], wanted: Wanted): Found[] {
  const searched = kinds.filter(
    (kind) => kind.privileges.includes(wanted.privilege) && (wanted.kind === undefined || kind.name === wanted.kind),
  );
  const whole = searched.flatMap((kind) =>
    snapshot.objects[kind.name]
      .filter((object) => isNamed(object, wanted.name))
      .map((object) => ({ object, kind, column: undefined })),
  );
  return whole.length > 0 ? whole : columnsNamed(snapshot, searched, wanted);
}

/** The name nearest to what was asked for, for a hint. */
export function nearestObject(snapshot: Snapshot, kinds: readonly PrivilegeKind[], wanted: Wanted): string | undefined {
  const names = kinds
    .filter((kind) => kind.privileges.includes(wanted.privilege))
    .flatMap((kind) => snapshot.objects[kind.name].map(plainName));
  return nearestName(wanted.name, names);
}

/** "app.orders", "shop". */
export function plainName({ schema, name }: CatalogObject): string {
  return schema === undefined ? name : `${schema}.${name}`;
}

function isNamed(object: CatalogObject, name: string): boolean {
  if (plainName(object) === name || object.sql === name) return true;
  // A routine may be named without its arguments; two of one name are then told apart by the caller.
  return object.kind === "routine" && plainName(object).startsWith(`${name}(`);
}

/** `table(column)`. */
function columnsNamed(snapshot: Snapshot, kinds: readonly PrivilegeKind[], { name, privilege }: Wanted): Found[] {
  const kind = kinds.find((candidate) => candidate.name === "table");
  const open = name.lastIndexOf("(");
  if (!kind || open < 0 || !name.endsWith(")") || !isColumnPrivilege(privilege)) return [];
  const column = name.slice(open + 1, -1).replace(/^"(.*)"$/, (_, inner: string) => inner.replaceAll('""', '"'));
  return snapshot.objects.table
    .filter((table) => isNamed(table, name.slice(0, open)) && table.columnNames?.includes(column))
    .map((object) => ({ object, kind, column }));
}
