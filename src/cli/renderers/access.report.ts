/** The access report as tables for a terminal, as diagrams of memberships, and as a page (access-report-page.ts). */
import { tameLine } from "../../base/tame.ts";
import { tableLines } from "../generic-text.ts";
import { dotGraph, type GraphDrawing, mermaidGraph } from "../graph-text.ts";
import { defineRenderer, type View } from "../renderer.ts";
import { type AccessReportOutput, accessReportPage, cellText } from "./access-report-page.ts";

type Output = AccessReportOutput;
type Item = Output["objects"][number];

/** 200 objects: a screenful of screens; --verbose, --schema and --json show the rest. */
const MAX_OBJECTS = 200;

export default defineRenderer<Output>({
  result: (output, view) => `${sections(output, view).join("\n")}\n`,
  formats: {
    dot: (output) => (output ? dotGraph(membershipDrawing(output)) : ""),
    html: (output) => (output ? accessReportPage(output) : ""),
    mermaid: (output) => (output ? mermaidGraph(membershipDrawing(output)) : ""),
  },
});

function sections(output: Output, view: View): string[] {
  const shown = view.verbose ? output.objects : output.objects.slice(0, MAX_OBJECTS);
  const rest = output.objects.length - shown.length;
  const parts = [
    section("roles", output.roles.map(roleRow), view),
    section("member of", output.roles.flatMap(membershipRows), view),
    section("databases", output.databases.flatMap(grantRows), view),
    section("schemas", output.schemas.flatMap(grantRows), view),
    section("objects", shown.flatMap(grantRows), view),
    rest > 0 ? [`… ${rest} more objects (--verbose, --schema NAME)`, ""] : [],
    section("columns", shown.flatMap(columnRows), view),
    section("row level security", shown.flatMap(policyRows), view),
    section("default privileges", output.defaults.flatMap(defaultRows), view),
    section("creators not covered", output.creators_not_covered, view),
    section("matrix", matrixRows(output), view),
    output.unreadable.length > 0
      ? [`? not readable with these rights: ${output.unreadable.map(tameLine).join(", ")}`]
      : [],
  ];
  const lines = parts.flat();
  return lines.length === 0 ? ["nothing to show"] : lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

function section(title: string, rows: readonly Record<string, unknown>[], view: View): string[] {
  return rows.length === 0 ? [] : [title, ...tableLines(rows, view, "  "), ""];
}

function roleRow({
  role,
  attributes,
  connection_limit,
  valid_until,
  password,
  settings,
  superuser_by,
}: Output["roles"][number]) {
  return {
    role,
    attributes: attributes.join(", "),
    limit: connection_limit,
    valid_until,
    password,
    settings: settings
      .map(({ database, name, value }) => `${name}=${value}${database === null ? "" : ` @${database}`}`)
      .join("; "),
    superuser: superuser_by,
  };
}

function membershipRows({ role, member_of }: Output["roles"][number]) {
  return member_of.map(({ role: of, inherit, set, admin, granted_by }) => ({
    role,
    member_of: of,
    inherit,
    set,
    admin,
    granted_by,
  }));
}

/** One line per grantee; an object whose list is empty still has its line, because nobody but the owner is the answer. */
function grantRows(item: Item) {
  const of = { name: fullName(item), kind: item.kind, owner: item.owner };
  if (item.grants.length === 0) return [{ ...of, role: "nobody", may: "", from: "" }];
  return item.grants.map(({ role, may, grantable, granted_by }, index) => ({
    ...(index === 0 ? of : { name: "", kind: "", owner: "" }),
    role,
    may: `${may.join(", ")}${grantable.length > 0 ? ` (may pass on ${grantable.join(", ")})` : ""}`,
    from: granted_by ?? "built in",
  }));
}

function columnRows(item: Item) {
  return item.columns.flatMap(({ column, grants }) =>
    grants.map(({ role, may, granted_by }) => ({
      table: fullName(item),
      column,
      role,
      may: may.join(", "),
      from: granted_by,
    })),
  );
}

function policyRows(item: Item) {
  if (!item.row_security && item.policies.length === 0) return [];
  const state = item.row_security?.enabled ? (item.row_security.forced ? "on, for the owner too" : "on") : "off";
  if (item.policies.length === 0)
    return [{ table: fullName(item), row_security: state, policy: "none: no row is visible" }];
  return item.policies.map(({ name, command, roles, using, check }) => ({
    table: fullName(item),
    row_security: state,
    policy: name,
    for: command,
    to: roles.join(", "),
    using,
    check,
  }));
}

function defaultRows({ creator, schema, on, grants }: Output["defaults"][number]) {
  const of = { creator, schema: schema ?? "every schema", on };
  if (grants.length === 0) return [{ ...of, role: "nobody", may: "" }];
  return grants.map(({ role, may }) => ({ ...of, role, may: may.join(", ") }));
}

/** Roles down, schemas across; "." where a role has nothing. */
function matrixRows({ matrix }: Output): Record<string, string>[] {
  const schemas = [...new Set(matrix.map(({ schema }) => schema))].sort();
  const roles = [...new Set(matrix.map(({ role }) => role))];
  const cells = new Map(matrix.map((row) => [`${row.role}\0${row.schema}`, cellText(row)]));
  return roles.map((role) => ({
    role,
    ...Object.fromEntries(schemas.map((schema) => [schema, cells.get(`${role}\0${schema}`) ?? "."])),
  }));
}

const fullName = ({ schema, name }: Item): string => (schema === null ? name : `${schema}.${name}`);

function membershipDrawing({ roles }: Output): GraphDrawing {
  const names = [...new Set(roles.flatMap(({ role, member_of }) => [role, ...member_of.map((one) => one.role)]))];
  const numbers = new Map(names.map((name, index) => [name, index]));
  const edges = roles.flatMap(({ role, member_of }) =>
    member_of.map(({ role: of, inherit, set, admin }) => ({
      from: numbers.get(role) ?? 0,
      to: numbers.get(of) ?? 0,
      label:
        [inherit ? "inherit" : "", set ? "set" : "", admin ? "admin" : ""].filter(Boolean).join(", ") || "no option",
      isDashed: !inherit,
    })),
  );
  return { name: "roles", nodes: names.map((name) => ({ label: name })), edges };
}
