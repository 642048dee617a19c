/** One schema of a model's file: its grants, what future objects get, exceptions, owners and row level security. */
import { exactPattern } from "../../base/glob.ts";
import { tameLine } from "../../base/tame.ts";
import type { Located, Written } from "../../config/document-form.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { ObjectSubkind } from "../privileges/catalog-object.ts";
import { COLUMN_PRIVILEGES, type PrivilegeName } from "../privileges/privilege.ts";
import {
  type EXCEPTION_KEYS,
  EXCEPTION_OBJECTS,
  type GRANT_KEYS,
  PUBLIC_OBJECT_KINDS,
  type SCHEMA_KEYS,
  SCHEMA_PRIVILEGES,
} from "./grammar.ts";
import {
  type Building,
  type Grantee,
  granteesOf,
  grantRule,
  privilegesOf,
  publicRevoke,
  revokePublic,
  revokeRule,
} from "./granting.ts";
import type { ObjectTarget } from "./model.ts";
import { entriesOf, SCHEMA_SELECTORS, type SchemaSelectorName, type Selector, TABLES_ONLY } from "./selectors.ts";

type WrittenSchema = Written<typeof SCHEMA_KEYS>;
type WrittenGrant = Written<typeof GRANT_KEYS>;
type WrittenException = Written<typeof EXCEPTION_KEYS>;

const SELECTORS: Readonly<Record<SchemaSelectorName, Selector>> = SCHEMA_SELECTORS;

export function buildSchema(schema: string, { value: written }: Located<WrittenSchema>, building: Building): void {
  const target: ObjectTarget = { kind: "schema", schema: undefined, patterns: [exactPattern(schema)] };
  const { owner, revoke_public, defaults_for } = written;
  if (owner) building.owners.push({ target, owner: owner.value, line: owner.at.line });
  revokePublic(revoke_public, { target, all: SCHEMA_PRIVILEGES, rules: building.rules });
  const creators = (defaults_for?.value ?? []).map(({ value }) => value);
  for (const grant of written.grants?.value ?? []) {
    buildGrant(grant, { schema, target }, building);
    if (creators.length > 0) buildFuture(grant, { schema, creators }, building);
  }
  for (const exception of written.exceptions?.value ?? []) buildException(exception, schema, building);
  buildPublicRoutines(written, schema, building);
  buildPublicObjects(written, schema, building);
  buildOwners(written, schema, building);
  buildRowSecurity(written, schema, building);
}

/** Words of a grant with what they select and the privileges that stand there. */
function selectionsOf(grant: WrittenGrant) {
  return entriesOf(SELECTORS).flatMap(([word, selector]) => {
    const written = grant[word];
    if (!written) return [];
    const isNarrow = word === "tables" && grant.tables_only?.value === true;
    const subkinds: readonly ObjectSubkind[] | undefined = isNarrow ? TABLES_ONLY : selector.subkinds;
    return [{ word, selector, subkinds, privileges: privilegesOf(written.value), at: written.at }];
  });
}

function buildGrant(
  { value: grant, at }: Located<WrittenGrant>,
  { schema, target }: { schema: string; target: ObjectTarget },
  { rules, problems }: Building,
): void {
  const grantable = grant.grantable?.value ?? false;
  const patterns = grant.only?.value.map(({ value }) => value) ?? ["*"];
  const onSchema = SCHEMA_PRIVILEGES.filter((privilege) => grant[privilege]?.value === true);
  const selections = selectionsOf(grant).map((selection) => ({
    privileges: selection.privileges,
    target: { kind: selection.selector.kind, subkinds: selection.subkinds, schema, patterns } satisfies ObjectTarget,
  }));
  if (grant.only && selections.length === 0) {
    problems.add(grant.only.at, '"only" needs a kind of object beside it, such as "tables"');
  }
  if (onSchema.length === 0 && selections.length === 0 && !grant.columns) problems.add(at, "grants nothing");
  for (const grantee of granteesOf(grant.to?.value)) {
    if (onSchema.length > 0) rules.push(grantRule({ target, grantee, privileges: onSchema, grantable }));
    for (const selection of selections) rules.push(grantRule({ ...selection, grantee, grantable }));
    for (const { name: table, value } of grant.columns?.value ?? []) {
      rules.push(...columnGrants(value.value, { schema, table, grantee, grantable }));
    }
  }
}

type WrittenColumns = { readonly [Name in (typeof COLUMN_PRIVILEGES)[number]]?: Located<readonly Located<string>[]> };

function columnGrants(
  written: WrittenColumns,
  { schema, table, grantee, grantable }: { schema: string; table: string; grantee: Grantee; grantable: boolean },
) {
  const target: ObjectTarget = { kind: "table", schema, patterns: [table] };
  return COLUMN_PRIVILEGES.flatMap((privilege) => {
    const columns = written[privilege]?.value.map(({ value }) => value) ?? [];
    return columns.length === 0 ? [] : [grantRule({ target, grantee, privileges: [privilege], grantable, columns })];
  });
}

/** What the grant means for objects that do not exist yet. Names are not known then, so `only` leaves nothing. */
function buildFuture(
  { value: grant, at }: Located<WrittenGrant>,
  { schema, creators }: { schema: string; creators: readonly string[] },
  { defaults, problems }: Building,
): void {
  if (!(grant.future?.value ?? grant.only === undefined)) return;
  if (grant.future && grant.only) {
    problems.add(grant.future.at, 'names of future objects are not known, so "future" cannot stand beside "only"');
    return;
  }
  for (const { word, selector, subkinds, privileges, at: place } of selectionsOf(grant)) {
    if (subkinds !== undefined || selector.defaultsOn === undefined) {
      const what = word === "tables" ? "tables_only" : word;
      problems.add(
        place,
        `default privileges cannot tell "${what}" from its kin; add "future: false" to leave future objects out`,
      );
      continue;
    }
    for (const creator of creators) {
      for (const { name: role } of granteesOf(grant.to?.value)) {
        // A creator owns what it makes.
        if (role === creator) continue;
        const grantable = grant.grantable?.value ?? false;
        const on = selector.defaultsOn;
        defaults.push({ effect: "grant", creator, schema, on, role, privileges, grantable, line: at.line });
      }
    }
  }
}

function buildException({ value: exception, at }: Located<WrittenException>, schema: string, building: Building): void {
  const about = entriesOf(EXCEPTION_OBJECTS).filter(([word]) => exception[word] !== undefined);
  const [only] = about;
  if (!only || about.length > 1) {
    building.problems.add(at, `needs exactly one of: ${Object.keys(EXCEPTION_OBJECTS).join(", ")}`);
    return;
  }
  const [word, selectorName] = only;
  const selector = SELECTORS[selectorName];
  const target: ObjectTarget = {
    kind: selector.kind,
    schema,
    patterns: (exception[word]?.value ?? []).map(({ value }) => value),
  };
  const { columns } = exception;
  if (columns && selector.kind !== "table") building.problems.add(columns.at, `a ${word} has no columns`);
  if (columns?.value.some((column) => "name" in column)) buildColumnException(exception, target, building);
  else buildRevoke({ value: exception, at }, { target, selector }, building);
}

function buildRevoke(
  { value: { revoke, from, columns }, at }: Located<WrittenException>,
  { target, selector }: { target: ObjectTarget; selector: Selector },
  { rules, problems }: Building,
): void {
  if (!revoke || !from) {
    problems.add(at, 'needs "revoke" with "from", or "columns" by role');
    return;
  }
  const privileges = privilegesOf(revoke.value);
  const names = columns?.value.flatMap((column) => ("name" in column ? [] : [column.value]));
  const possible: readonly PrivilegeName[] = names ? COLUMN_PRIVILEGES : selector.privileges;
  const wrong = privileges === "all" ? undefined : privileges.find((privilege) => !possible.includes(privilege));
  if (wrong) {
    problems.add(
      revoke.at,
      `${names ? "columns" : selector.shown} have no privilege "${wrong}"; they have: ${possible.join(", ")}`,
    );
  }
  for (const grantee of granteesOf(from.value)) {
    rules.push(revokeRule({ target, grantee, privileges, columns: names }));
  }
}

/** Columns by role: what is left of a privilege on the table, so the privilege on the whole table goes. */
function buildColumnException(
  { columns, revoke, from }: WrittenException,
  target: ObjectTarget,
  { rules, problems, mentions }: Building,
): void {
  for (const place of [revoke, from]) {
    if (place)
      problems.add(place.at, '"columns" by role says what remains; "revoke" and "from" have no place beside it');
  }
  for (const column of columns?.value ?? []) {
    if (!("name" in column)) continue;
    const [grantee] = granteesOf([{ value: column.name, at: column.at }]);
    if (!grantee) continue;
    if (grantee.name !== PUBLIC) mentions.push({ value: grantee.name, at: column.at });
    for (const privilege of COLUMN_PRIVILEGES) {
      const names = column.value.value[privilege]?.value.map(({ value }) => value);
      if (!names) continue;
      rules.push(revokeRule({ target, grantee, privileges: [privilege] }));
      rules.push(grantRule({ target, grantee, privileges: [privilege], grantable: false, columns: names }));
    }
  }
}

/** Only the global form takes PUBLIC's built-in EXECUTE away from future routines, so it is per creator. */
function buildPublicRoutines(
  { routines_public_execute: written, defaults_for, owner }: WrittenSchema,
  schema: string,
  building: Building,
): void {
  if (!written) return;
  const target: ObjectTarget = { kind: "routine", schema, patterns: ["*"] };
  // A grant to PUBLIC on one of them stays, so nothing is revoked by name.
  building.rules.push(publicRevoke(target, [], written.at));
  const creators = defaults_for?.value.map(({ value }) => value) ?? (owner ? [owner.value] : []);
  if (creators.length === 0) {
    building.problems.add(
      written.at,
      '"routines_public_execute" needs "defaults_for" or "owner": whose future routines?',
    );
  }
  for (const creator of creators) {
    const isKnown = building.defaults.some(
      (rule) =>
        rule.effect === "revoke" && rule.creator === creator && rule.on === "routines" && rule.schema === undefined,
    );
    if (isKnown) continue;
    building.defaults.push({
      effect: "revoke",
      creator,
      schema: undefined,
      on: "routines",
      role: "",
      privileges: ["execute"],
      grantable: false,
      line: written.at.line,
    });
  }
}

function buildPublicObjects(
  { revoke_public_objects: written }: WrittenSchema,
  schema: string,
  { rules }: Building,
): void {
  if (!written?.value) return;
  const words = written.value === true ? PUBLIC_OBJECT_KINDS : written.value.map(({ value }) => value);
  for (const word of words) {
    rules.push(publicRevoke({ kind: SELECTORS[word].kind, schema, patterns: ["*"] }, [], written.at));
  }
}

function buildOwners({ owners: written }: WrittenSchema, schema: string, { owners, mentions }: Building): void {
  for (const { name: owner, at, value } of written?.value ?? []) {
    mentions.push({ value: owner, at });
    for (const [word, { kind, subkinds }] of entriesOf(SELECTORS)) {
      const patterns = value.value[word]?.value.map((pattern) => pattern.value);
      if (patterns) owners.push({ target: { kind, subkinds, schema, patterns }, owner, line: at.line });
    }
  }
}

function buildRowSecurity({ rls }: WrittenSchema, schema: string, { rowSecurity, problems }: Building): void {
  const seen = new Set<string>();
  for (const { value: written, at } of rls?.value ?? []) {
    const table = written.table?.value ?? "";
    if (seen.has(table)) problems.add(at, `repeats the row level security of table "${tameLine(table)}"`);
    seen.add(table);
    const policies = (written.policies?.value ?? []).map(({ value: policy }) => ({
      name: policy.name?.value ?? "",
      to: policy.to ? granteesOf(policy.to.value).map(({ name }) => name) : [""],
      command: policy.for?.value ?? "all",
      permissive: !(policy.restrictive?.value ?? false),
      using: policy.using?.value,
      check: policy.check?.value,
    }));
    rowSecurity.push({
      schema,
      table,
      enable: written.enable?.value ?? true,
      force: written.force?.value ?? false,
      policies,
      line: at.line,
    });
  }
}
