/** The statement that takes one step of a path away. */
import { ident } from "../../pg/identifiers.ts";
import { revokeMembership } from "../catalog/membership-sql.ts";
import { BOOTSTRAP_OID, type Membership, type Snapshot } from "../catalog/snapshot.ts";
import { type AclEntry, PUBLIC } from "../privileges/acl.ts";
import { privilegeSet } from "../privileges/privilege.ts";
import type { EffectiveAccess } from "./effective.ts";
import type { Question } from "./explanation.ts";

/** From 16 on a membership that was passed on is only taken back together with what came of it. */
export function revokeHop(row: Membership, { major, memberships }: Snapshot): string {
  const wasPassedOn = memberships.some(({ role, grantor }) => role === row.role && grantor === row.member);
  return `${revokeMembership(row, major)}${major >= 16 && row.admin && wasPassedOn ? " cascade" : ""}`;
}

/** Takes one entry away. Only the grantor, or the owner for what the owner granted, can; others are told to become it. */
export function revokeText(
  { snapshot }: EffectiveAccess,
  { object, privilege, kind }: Question,
  { entry, columns }: { entry: AclEntry; columns?: readonly string[] },
): string {
  const what = columns ? `${privilege} (${columns.map(ident).join(", ")})` : privilege;
  const from = entry.grantee === PUBLIC ? "public" : ident(entry.grantee);
  const cascade = wasPassedOn(entry, { object, privilege, columns }) ? " cascade" : "";
  const revoke = `revoke ${what} on ${kind.keyword.toLowerCase()} ${object.sql} from ${from}${cascade}`;
  // What nobody owns is granted by the bootstrap superuser, in whose name every superuser acts there.
  const isOwners = object.owner === undefined ? snapshot.roles.get(entry.grantor)?.oid === BOOTSTRAP_OID : false;
  if (isOwners || entry.grantor === object.owner) return revoke;
  return `set role ${ident(entry.grantor)}; ${revoke}; reset role`;
}

/** What the grantee gave to others goes with it, or the server refuses. */
function wasPassedOn(
  { grantee, grantable }: AclEntry,
  {
    object,
    privilege,
    columns = [],
  }: Pick<Question, "object" | "privilege"> & { columns?: readonly string[] | undefined },
): boolean {
  const bit = privilegeSet([privilege]);
  if ((grantable & bit) === 0) return false;
  const lists = [object.acl ?? [], ...columns.map((column) => object.columns?.get(column) ?? [])];
  return lists.flat().some(({ grantor, privileges }) => grantor === grantee && (privileges & bit) !== 0);
}
