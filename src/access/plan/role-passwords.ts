/** Passwords of roles: whose is set by this plan. */
import { ident } from "../../pg/identifiers.ts";
import type { Role } from "../catalog/snapshot.ts";
import type { RoleModel } from "../model/model.ts";
import type { Planning } from "./acting.ts";
import { STEP } from "./draft.ts";
import { roleText } from "./naming.ts";

/** Shown in place of a password's verifier. */
const PASSWORD_MASK = "'[secret]'";

/** The verifier is made when the plan is applied; here is only whose password it will be. */
export function planPassword(role: RoleModel, existing: Role | undefined, { facts, book, rights }: Planning): void {
  if (role.password === undefined) return;
  const { setPasswords, rotate } = facts.options;
  const isDue = setPasswords
    ? setPasswords.has(role.name)
    : !existing || rotate === true || existing.password === "none" || existing.password === "md5";
  if (!isDue) return;
  const common = { object: roleText(role.name), role: role.name };
  book.propose(
    {
      ...common,
      step: STEP.passwords,
      kind: "password",
      sql: `alter role ${ident(role.name)} password ${PASSWORD_MASK}`,
      reason: existing ? "the password is not the model's" : "the role is new",
      touches: [{ about: "role", role: role.name }],
      inverse: undefined,
      passwordOf: role.name,
      differences: () => [
        {
          ...common,
          difference: existing ? "different" : "missing",
          what: "password",
          wanted: "as the model refers to",
          found: existing?.password,
        },
      ],
      ...(existing ? { risk: "medium", riskReason: "who has the old password cannot connect anew" } : {}),
    },
    rights.alterOwnKind(role.name),
  );
}
