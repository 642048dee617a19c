/** NET-007: entries of pg_ident.conf by which another account becomes superuser. */
import type { Check, Found } from "../../check.ts";
import type { IdentEntry, IdentFacts } from "../../hba/ident.ts";
import { entryText, rolesOfEntry } from "../../hba/maps.ts";
import { RuleOrder } from "../../hba/rule-order.ts";
import type { RoleFacts } from "../../roles.ts";

const check: Check = {
  id: "NET-007",
  title: "a map makes another account superuser",
  severity: "high",
  profiles: { managed: "off" },
  why:
    "Whoever works under that account, or takes it over, is superuser without a password, and through a superuser runs " +
    "programs as the server's account.",
  remedy: "List exactly the accounts of administrators, or map to a role that is no superuser.",
  limits: "postgres to postgres is how a server is administered: an account with the role's own name is no finding.",
  references: { manual: ["User Name Maps"] },
  scope: "cluster",
  needs: [],
  examine: async (facts) => {
    const hba = await facts.hba();
    const using = hba.rules.filter((rule) => rule.method !== "reject" && rule.options.has("map"));
    if (using.length === 0) return [];
    const [ident, roles] = [await facts.ident(), await facts.roles()];
    const order = new RuleOrder(hba, roles);
    return ident.entries.flatMap((entry) => {
      const rules = using.filter((rule) => rule.options.get("map") === entry.map);
      const reached = superusersOf(entry, ident, roles).filter((name) =>
        rules.some((rule) => order.admits(rule, name)),
      );
      return reached.length === 0 ? [] : [finding(entry, reached)];
    });
  },
};

export default check;

/** Superusers that the entry leads to from an account of another name. */
function superusersOf(entry: IdentEntry, ident: IdentFacts, roles: RoleFacts): readonly string[] {
  const superusers = roles.superusers().filter(({ canLogin }) => canLogin);
  return superusers
    .map(({ name }) => name)
    .filter((name) => name !== entry.system && rolesOfEntry(entry, ident, roles)(name));
}

function finding(entry: IdentEntry, superusers: readonly string[]): Found {
  const { file, line } = entry;
  return {
    object: entryText(entry),
    detail: `${file}:${line}: becomes ${superusers.map((name) => `"${name}"`).join(", ")}`,
    place: { file, line },
    fix: {
      kind: "file",
      file,
      lines: [],
      how: `delete line ${line}`,
      risk: "medium",
      riskReason: "who administers by this entry can no longer log in with it",
    },
  };
}
