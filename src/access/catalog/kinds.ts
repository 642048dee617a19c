/** The kinds of objects that carry privileges, loaded from their catalogue. */
import { catalogueOf } from "../../base/catalogue.ts";
import type { ObjectKind } from "../privileges/catalog-object.ts";
import { index } from "../privileges/index.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";

const CATALOGUE = catalogueOf<PrivilegeKind>(index, { kind: "kind of object", unknown: "USAGE_UNKNOWN_NAME" });

/** Every kind, by name in a fixed order. */
export function privilegeKinds(): Promise<readonly PrivilegeKind[]> {
  return Promise.all(CATALOGUE.names().map((name) => CATALOGUE.load(name)));
}

/** The kind of that name. */
export function kindOf(name: ObjectKind): Promise<PrivilegeKind> {
  return CATALOGUE.load(name);
}
