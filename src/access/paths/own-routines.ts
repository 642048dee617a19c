/** Routines by oid, for the hooks that name them so. */
import type { Snapshot } from "../catalog/snapshot.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";

const known = new WeakMap<Snapshot, ReadonlyMap<number, CatalogObject>>();

export function ownRoutines(snapshot: Snapshot): ReadonlyMap<number, CatalogObject> {
  let routines = known.get(snapshot);
  if (!routines) {
    routines = new Map(snapshot.objects.routine.map((routine) => [routine.oid, routine]));
    known.set(snapshot, routines);
  }
  return routines;
}
