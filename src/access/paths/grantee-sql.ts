/** How GRANT and REVOKE name a grantee. */
import { ident } from "../../pg/identifiers.ts";
import { PUBLIC } from "../privileges/acl.ts";

export function grantee(role: string): string {
  return role === PUBLIC ? "public" : ident(role);
}
