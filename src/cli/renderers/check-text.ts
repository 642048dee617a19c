/** A check explained, for people. Every text is our own. */
import type { CheckDocument } from "../../operations/audit/check-document.ts";

export function checkText(check: CheckDocument): string {
  const { severity, pillar, scope, why, remedy, limits, needs, profiles } = check;
  const lines = [
    `${check.check}  ${check.title}`,
    "",
    why,
    "",
    remedy,
    ...(limits === null ? [] : ["", limits]),
    "",
    ...field("severity", [severity, ...profiles.map((one) => `${one.severity} under ${one.profile}`)].join(", ")),
    ...field("pillar", pillar),
    ...field("looks at", SCOPES[scope]),
    ...field("versions", versions(check)),
    ...field("needs", needs.map(({ right }) => right).join(", ") || "no right"),
    ...needs.flatMap(({ grant }) => grant).flatMap((grant) => field("", `${grant};`)),
    ...field("manual", check.manual.join("; ")),
    ...field("CIS", check.cis.join(", ")),
    ...field("STIG", check.stig.join("; ")),
    ...field("see also", check.other.join("; ")),
    ...field("more", check.docs),
  ];
  return `${lines.join("\n")}\n`;
}

const SCOPES = {
  cluster: "the server, once",
  database: "every database that can be entered",
  template: "template1, from which databases are made",
};

const field = (name: string, value: string): string[] => (value === "" ? [] : [`${name.padEnd(11)}${value}`]);

function versions({ since, until }: CheckDocument): string {
  if (since === null && until === null) return "";
  if (until === null) return `from ${since}`;
  return since === null ? `until ${until}` : `${since} to ${until}`;
}
