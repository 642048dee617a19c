/** NET-029: entries of pg_ident.conf by which any account becomes a role. */
import type { Check, Found } from "../../check.ts";
import type { IdentEntry } from "../../hba/ident.ts";
import { entryText } from "../../hba/maps.ts";
import { matchesPattern } from "../../hba/pattern.ts";

const check: Check = {
  id: "NET-029",
  title: "a map for any account",
  severity: "critical",
  profiles: { managed: "off" },
  why:
    "Whatever the account, certificate or Kerberos name is called, it becomes the role of the entry. The rule that asks for " +
    "a credential lets in everybody who has one, whoever it was made for.",
  remedy: "Name the accounts exactly, or take the role's name out of the account's with \\1.",
  limits: "/^(.*)@corp$ with the role \\1 keeps names apart and is no finding. Low while no rule uses the map.",
  references: { manual: ["User Name Maps"] },
  scope: "cluster",
  needs: [],
  examine: async (facts) => {
    const [hba, ident] = [await facts.hba(), await facts.ident()];
    const used = new Set(hba.rules.flatMap(({ method, options }) => (method === "reject" ? [] : [options.get("map")])));
    return ident.entries.filter(isCatchAll).map((entry) => finding(entry, used.has(entry.map)));
  },
};

export default check;

/** Two names that nobody has, so that a pattern which matches both matches whatever comes. */
const UNLIKELY = ["zq7-x", "Q.9_w@k"] as const;

function isCatchAll({ system, role }: IdentEntry): boolean {
  if (!system.startsWith("/") || role.includes("\\1")) return false;
  const pattern = system.slice(1);
  if (/(?:^|[^\\])(?:\\\\)*\.[*+]/.test(pattern)) return true;
  return UNLIKELY.every((name) => matchesPattern(pattern, name) === true);
}

function finding(entry: IdentEntry, isUsed: boolean): Found {
  const { file, line, role } = entry;
  return {
    object: entryText(entry),
    detail: `${file}:${line}: becomes "${role}"${isUsed ? "" : "; no rule uses the map"}`,
    severity: isUsed ? undefined : "low",
    place: { file, line },
    fix: {
      kind: "file",
      file,
      lines: [],
      how: `delete line ${line}`,
      risk: "high",
      riskReason: "whoever logs in by this entry needs one of their own first",
    },
  };
}
