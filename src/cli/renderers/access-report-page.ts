/**
 * The access report as one page: the matrix first, the memberships drawn, then every part as a table that can be filtered.
 *
 * Complete without its script, which only hides rows that do not match. Colour repeats what a word says.
 */

import { type Html, html, htmlPage } from "../../base/html-page.ts";
import type operation from "../../operations/access.report.ts";

export type AccessReportOutput = Awaited<ReturnType<(typeof operation)["run"]>>;
type Output = AccessReportOutput;
type Item = Output["objects"][number];

export function accessReportPage(output: Output): string {
  return htmlPage({
    title: `Access to ${output.database}`,
    style: STYLE,
    script: SCRIPT,
    body: html`<a class="skip" href="#main">Skip to the report</a>
<header><h1>Access to ${output.database}</h1>
<p>PostgreSQL ${version(output.server_version)}. ${counted(output.roles.length, "role")}, ${counted(output.schemas.length, "schema")}, ${counted(output.objects.length, "object")}.</p>
<label>Show rows with <input id="filter" type="search" autocomplete="off"></label></header>
<main id="main">
${unreadable(output)}
${matrix(output)}
${memberships(output)}
${table("Roles", ["role", "attributes", "limit", "valid until", "password", "superuser"], output.roles.map(roleCells))}
${table("Databases", GRANT_HEADS, output.databases.flatMap(grantCells))}
${table("Schemas", GRANT_HEADS, output.schemas.flatMap(grantCells))}
${table("Objects", GRANT_HEADS, output.objects.flatMap(grantCells))}
${table("Columns", ["table", "column", "role", "may"], output.objects.flatMap(columnCells))}
${table("Policies", ["table", "policy", "for", "to", "using", "check"], output.objects.flatMap(policyCells))}
${table("Default privileges", ["creator", "role", "may", "applies to"], output.defaults.flatMap(defaultCells))}
${table(
  "Creators not covered",
  ["schema", "creator"],
  output.creators_not_covered.map(({ schema, creator }) => [schema, creator]),
)}
</main>`,
  });
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;

const version = (number: number): string => `${Math.trunc(number / 10_000)}.${number % 10_000}`;

function unreadable({ unreadable: parts }: Output): Html {
  if (parts.length === 0) return html``;
  return html`<p class="unknown"><strong>Unknown:</strong> not readable with these rights: ${parts.join(", ")}.</p>`;
}

type Cell = string | number | null;

function table(title: string, heads: readonly string[], rows: readonly (readonly Cell[])[]): Html {
  if (rows.length === 0) return html``;
  return html`<section><h2>${title}</h2><div class="wide"><table>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) => html`<tr>${row.map((cell) => html`<td>${cell ?? "-"}</td>`)}</tr>
`,
  )}</tbody></table></div></section>`;
}

const GRANT_HEADS = ["name", "kind", "owner", "role", "may", "granted by"];

/** "read", and "none (owner after SET ROLE)" where becoming another role gives more. */
export function cellText({ access, after_set_role }: Output["matrix"][number]): string {
  return after_set_role === null ? access : `${access} (${after_set_role} after SET ROLE)`;
}

const fullName = ({ schema, name }: Item): string => (schema === null ? name : `${schema}.${name}`);

function grantCells(item: Item): Cell[][] {
  const of = [fullName(item), item.kind, item.owner];
  if (item.grants.length === 0) return [[...of, "nobody", null, null]];
  return item.grants.map(({ role, may, grantable, granted_by }) => {
    const passing = grantable.length > 0 ? ` (may pass on ${grantable.join(", ")})` : "";
    return [...of, role, may.join(", ") + passing, granted_by ?? "built in"];
  });
}

function roleCells(role: Output["roles"][number]): Cell[] {
  const { attributes, connection_limit, valid_until, password, superuser_by } = role;
  return [role.role, attributes.join(", "), connection_limit, valid_until, password, superuser_by];
}

function columnCells(item: Item): Cell[][] {
  return item.columns.flatMap(({ column, grants }) =>
    grants.map(({ role, may }) => [fullName(item), column, role, may.join(", ")]),
  );
}

function policyCells(item: Item): Cell[][] {
  return item.policies.map(({ name, command, roles, using, check }) => [
    fullName(item),
    name,
    command,
    roles.join(", "),
    using,
    check,
  ]);
}

function defaultCells({ creator, grants, meaning }: Output["defaults"][number]): Cell[][] {
  if (grants.length === 0) return [[creator, "nobody", null, meaning]];
  return grants.map(({ role, may }) => [creator, role, may.join(", "), meaning]);
}

/** Colours repeat the words. */
function matrix({ matrix: rows }: Output): Html {
  if (rows.length === 0) return html``;
  const schemas = [...new Set(rows.map(({ schema }) => schema))].sort();
  const roles = [...new Set(rows.map(({ role }) => role))];
  const cells = new Map(rows.map((row) => [`${row.role}\0${row.schema}`, row]));
  return html`<section><h2>Roles and schemas</h2>
<p>The most that a role can do in a schema, by what it has and inherits. Point at a cell to see why.</p>
<div class="wide"><table class="matrix"><thead><tr><th scope="col">role</th>${schemas.map((schema) => html`<th scope="col">${schema}</th>`)}</tr></thead>
<tbody>${roles.map(
    (role) => html`<tr><th scope="row">${role}</th>${schemas.map((schema) => {
      const cell = cells.get(`${role}\0${schema}`);
      return html`<td class="${cell?.access ?? "none"}" title="${cell?.because ?? "no usage on the schema"}">${cell === undefined ? "none" : cellText(cell)}</td>`;
    })}</tr>
`,
  )}</tbody></table></div></section>`;
}

/** 150 roles: beyond that lines cover each other and the table says more. */
const MAX_DRAWN = 150;
const COLUMN_WIDTH = 220;
const ROW_HEIGHT = 34;

/** Members to the left of what they are members of, one column per step. */
function memberships({ roles }: Output): Html {
  const edges = roles.flatMap(({ role, member_of }) => member_of.map((one) => ({ member: role, ...one })));
  const names = [...new Set(edges.flatMap(({ member, role }) => [member, role]))].sort();
  if (names.length === 0 || names.length > MAX_DRAWN) return html``;
  const places = placesOf(names, edges);
  const width = Math.max(...[...places.values()].map(({ x }) => x)) + COLUMN_WIDTH;
  const height = Math.max(...[...places.values()].map(({ y }) => y)) + ROW_HEIGHT;
  const lines = edges.map(({ member, role, inherit, set, admin }) => {
    const from = places.get(member);
    const to = places.get(role);
    if (!from || !to) return html``;
    const options =
      [inherit ? "inherit" : "", set ? "set" : "", admin ? "admin" : ""].filter(Boolean).join(", ") || "no option";
    return html`<line class="${inherit ? "inherits" : "plain"}" x1="${from.x + 180}" y1="${from.y + 12}" x2="${to.x}" y2="${to.y + 12}"><title>${member} is a member of ${role}: ${options}</title></line>`;
  });
  const boxes = names.map((name) => {
    const { x, y } = places.get(name) ?? { x: 0, y: 0 };
    return html`<g><title>${name}</title><rect x="${x}" y="${y}" width="180" height="24" rx="4"></rect><text x="${x + 8}" y="${y + 16}">${shortened(name)}</text></g>`;
  });
  return html`<section><h2>Memberships</h2><p>Members stand left of their roles. Solid lines inherit, dashed ones do not.</p>
<div class="wide"><svg role="img" aria-label="Memberships of roles" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${lines}${boxes}</svg></div></section>`;
}

const shortened = (name: string): string => (name.length > 24 ? `${name.slice(0, 11)}…${name.slice(-11)}` : name);

type Place = { x: number; y: number };

/** A role's column is the longest chain of members before it; the server allows no cycles. */
function placesOf(names: readonly string[], edges: readonly { member: string; role: string }[]): Map<string, Place> {
  const columns = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < names.length; round++) {
    let isSettled = true;
    for (const { member, role } of edges) {
      const wanted = (columns.get(member) ?? 0) + 1;
      if ((columns.get(role) ?? 0) >= wanted) continue;
      columns.set(role, wanted);
      isSettled = false;
    }
    if (isSettled) break;
  }
  const filled = new Map<number, number>();
  return new Map(
    names.map((name) => {
      const column = columns.get(name) ?? 0;
      const row = filled.get(column) ?? 0;
      filled.set(column, row + 1);
      return [name, { x: column * COLUMN_WIDTH, y: row * ROW_HEIGHT }];
    }),
  );
}

const STYLE = `
:root { color-scheme: light dark; --line: #8a8f98; --soft: #f2f4f7; --text: #16181d; --page: #fff; }
@media (prefers-color-scheme: dark) { :root { --soft: #23262d; --text: #e8eaee; --page: #15171b; } }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); }
.skip { position: absolute; left: -100vw; } .skip:focus { left: 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
thead th { background: var(--soft); position: sticky; top: 0; }
input { font: inherit; padding: .25rem; min-height: 1.5rem; }
.unknown { border: 2px solid var(--line); padding: .5rem; }
.matrix td { text-align: center; }
.matrix .none { color: inherit; opacity: .75; }
.matrix .use { background: #e6ecf5; color: #16181d; } .matrix .read { background: #cfe3ff; color: #16181d; }
.matrix .write { background: #ffe3a3; color: #16181d; } .matrix .ddl { background: #ffc48a; color: #16181d; }
.matrix .owner { background: #e8b3ff; color: #16181d; } .matrix .superuser { background: #ffb3b3; color: #16181d; font-weight: bold; }
svg rect { fill: var(--soft); stroke: var(--line); } svg text { fill: var(--text); font: 13px system-ui, sans-serif; }
svg line { stroke: var(--text); stroke-width: 1.5; } svg line.plain { stroke-dasharray: 5 4; }
@media print { label { display: none; } }
`;

const SCRIPT = `
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.toLowerCase();
  for (const row of document.querySelectorAll("tbody tr")) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});
`;
