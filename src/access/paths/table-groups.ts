/** Tables that give the same edges, so that ten thousand of them make a handful. */
import type { CatalogObject } from "../privileges/catalog-object.ts";

/** Objects with the same owner, list and parent, which give the same edges. */
export function tableGroups(objects: readonly CatalogObject[]): Iterable<readonly CatalogObject[]> {
  // Equal lists are one object: AclReader keeps one copy.
  const lists = new Map<unknown, number>();
  const found = new Map<string, CatalogObject[]>();
  for (const object of objects) {
    if (object.extension !== undefined) continue;
    const list = lists.get(object.acl) ?? lists.size;
    lists.set(object.acl, list);
    const key = `${list} ${object.parent?.oid ?? ""} ${object.owner ?? ""}`;
    const same = found.get(key) ?? [];
    same.push(object);
    found.set(key, same);
  }
  return found.values();
}
