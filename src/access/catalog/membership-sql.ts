/** Statements that take a membership, or an option of it, away. From 16 they must name who granted it. */
import { ident } from "../../pg/identifiers.ts";
import type { Membership } from "./snapshot.ts";

export function revokeMembership(row: Membership, major: number): string {
  return `revoke ${ident(row.role)} from ${ident(row.member)}${grantorSql(row, major)}`;
}

/** Up to 15 ADMIN is the only option. */
export function revokeOption(option: "admin" | "inherit" | "set", row: Membership, major: number): string {
  return `revoke ${option} option for ${ident(row.role)} from ${ident(row.member)}${grantorSql(row, major)}`;
}

/** What a GRANT or REVOKE of this row ends with. */
export function grantorSql({ grantor }: Membership, major: number): string {
  return major >= 16 ? ` granted by ${ident(grantor)}` : "";
}
