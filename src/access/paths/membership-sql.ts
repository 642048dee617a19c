/** Statements that take a membership, or its ADMIN option, away. From 16 they must name who granted it. */
import { ident } from "../../pg/identifiers.ts";
import type { Membership } from "../catalog/snapshot.ts";

export function revokeMembership({ role, member, grantor }: Membership, major: number): string {
  return `revoke ${ident(role)} from ${ident(member)}${grantedBy(grantor, major)}`;
}

export function revokeAdminOption({ role, member, grantor }: Membership, major: number): string {
  return `revoke admin option for ${ident(role)} from ${ident(member)}${grantedBy(grantor, major)}`;
}

function grantedBy(grantor: string, major: number): string {
  return major >= 16 ? ` granted by ${ident(grantor)}` : "";
}
