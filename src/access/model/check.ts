/** What can only be seen to be wrong when the whole model is known: roles nobody defines, rules without effect. */
import { nearestName } from "../../base/suggest.ts";
import { tameLine } from "../../base/tame.ts";
import type { Located } from "../../config/document-form.ts";
import type { Position, SourceProblems } from "../../config/yaml-source.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";
import type { BuiltModel } from "./build.ts";
import type { ModelDocument } from "./grammar.ts";
import type { AccessRule, DefaultRule, ObjectTarget } from "./model.ts";
import { isExactPattern, nameMatcher } from "./object-pattern.ts";
import { DEFAULT_SELECTORS } from "./selectors.ts";

export interface ReadDocument {
  document: ModelDocument;
  /** Roles where they are mentioned. */
  mentions: readonly Located<string>[];
  problems: SourceProblems;
}

export function checkModel(model: BuiltModel, read: ReadDocument): void {
  checkReferences(model, read);
  checkColumnRevokes(model.rules, read.problems);
  checkDefaultRevokes(model.defaults, read.problems);
}

/** Every role that the file mentions is managed by it, named as external, or PostgreSQL's own. */
function checkReferences({ roles }: BuiltModel, { document, mentions, problems }: ReadDocument): void {
  const known = new Set([...roles.keys(), ...(document.external_roles?.value ?? []).map(({ value }) => value)]);
  for (const { value: name, at } of mentions) {
    const isRetired = roles.get(name)?.state === "absent";
    if (isRetired) problems.add(at, `role "${tameLine(name)}" is absent, so nothing can depend on it`);
    if (known.has(name) || name.startsWith("pg_")) continue;
    const near = nearestName(name, known);
    const hint = near
      ? `; did you mean "${near}"?`
      : '; add it to "roles", or to "external_roles" when it is managed elsewhere';
    problems.add(at, `unknown role "${tameLine(name)}"${hint}`);
  }
}

/** Taking a privilege from columns leaves it on the table, where it covers them again. */
function checkColumnRevokes(rules: readonly AccessRule[], problems: SourceProblems): void {
  const onTables = rules.filter(
    ({ effect, columns, target }) => effect === "grant" && !columns && target.kind === "table",
  );
  for (const rule of rules) {
    if (rule.effect !== "revoke" || !rule.columns) continue;
    const covering = onTables.find((grant) => grant.role === rule.role && overlaps(grant, rule));
    if (!covering) continue;
    problems.add(
      at(rule),
      `a privilege on single columns cannot be revoked while line ${covering.line} grants it on the whole table; ` +
        'write the columns that remain: "columns: { role: { select: [...] } }"',
    );
  }
}

function overlaps(grant: AccessRule, revoke: AccessRule): boolean {
  return sharesPrivilege(grant.privileges, revoke.privileges) && mayShareObject(grant.target, revoke.target);
}

function sharesPrivilege(one: AccessRule["privileges"], other: AccessRule["privileges"]): boolean {
  return one === "all" || other === "all" || one.some((privilege) => other.includes(privilege));
}

/** Two globs may mean the same object, so only exact names can be told apart for certain. */
function mayShareObject(one: ObjectTarget, other: ObjectTarget): boolean {
  if (one.schema !== other.schema) return false;
  const matches = nameMatcher(one.patterns);
  return other.patterns.some((pattern) => !isExactPattern(pattern) || matches(pattern.replace(/\\(.)/g, "$1")));
}

/** Per schema only grants are added to what a global default, or PostgreSQL's own, already gives. */
function checkDefaultRevokes(defaults: readonly DefaultRule[], problems: SourceProblems): void {
  const globals = defaults.filter(({ schema, effect }) => schema === undefined && effect === "grant");
  for (const rule of defaults) {
    if (rule.effect !== "revoke" || rule.schema === undefined) continue;
    const builtIn: readonly PrivilegeName[] = rule.role === PUBLIC ? DEFAULT_SELECTORS[rule.on].publicByDefault : [];
    const isGlobal = globals.some(
      ({ creator, on, role, privileges }) =>
        creator === rule.creator &&
        on === rule.on &&
        role === rule.role &&
        sharesPrivilege(privileges, rule.privileges),
    );
    if (!isGlobal && !sharesPrivilege(builtIn, rule.privileges === "all" ? builtIn : rule.privileges)) continue;
    problems.add(at(rule), `default privileges of one schema cannot take away what holds in all; leave out "in"`);
  }
}

function at({ line }: { line: number }): Position {
  return { line, column: 1 };
}
