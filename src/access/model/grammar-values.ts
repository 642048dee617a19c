/**
 * What may stand as a value in the model file: names, roles and PUBLIC, patterns, privileges, references, texts.
 *
 * grammar.ts says under which keys each of them stands.
 */
import {
  choice,
  either,
  type Form,
  key,
  list,
  mention,
  named,
  oneOrMore,
  type RecordKey,
  record,
  requiredKey,
  text,
  truth,
} from "../../config/document-form.ts";
import { isReference } from "../../config/references.ts";
import { identifierProblem } from "../../pg/identifiers.ts";
import type { COLUMN_PRIVILEGES, PrivilegeName } from "../privileges/privilege.ts";
import { isPublic } from "./granting.ts";
import { isExactPattern } from "./object-pattern.ts";
import { policyExpressionProblem } from "./policy-expression.ts";
import { entriesOf, type Selector } from "./selectors.ts";

const NAME_SCHEMA = { type: ["string", "number", "boolean"], minLength: 1 };

/** Why `name` cannot be the name of something; the sentence continues "the name". */
export function nameProblem(name: string): string | undefined {
  const problem = identifierProblem(name);
  return problem && `cannot be a name: ${problem}`;
}

export function name(what: string): Form<string> {
  return text(`the name of a ${what}`, nameProblem, NAME_SCHEMA);
}

export const anyRole = name("role");

/** A role that the file mentions, which must be known. */
export const roleName = mention(anyRole);

export const granteeName: Form<string> = {
  ...anyRole,
  read: (node, place) => (node.kind === "scalar" && isPublic(node.text) ? anyRole : roleName).read(node, place),
};

/** PUBLIC in any case is everybody; `{ role: PUBLIC }` is a role that somebody called so. */
const grantee = either(
  granteeName,
  record({ role: requiredKey(roleName, "Its exact name, also one that looks like PUBLIC") }),
);

/** In lists whose privilege has no place for its own options. */
export const granteeWithOption = either(
  granteeName,
  record({
    role: requiredKey(roleName, "Its exact name, also one that looks like PUBLIC"),
    grantable: key(truth(), "May pass the privilege on; default false"),
  }),
);

export const grantees = oneOrMore(grantee);
export const roleNames = oneOrMore(roleName);
export const newRoles = oneOrMore(anyRole);

const pattern = text("a name, or a pattern with * and ?", patternProblem, NAME_SCHEMA);

/** A name without wildcards is as long as a name can be; signatures are longer. */
function patternProblem(given: string): string | undefined {
  if (given === "") return "is empty";
  if (given.includes("\0")) return "holds a NUL character";
  if (given.includes("(") || !isExactPattern(given)) return undefined;
  return nameProblem(given.replace(/\\(.)/gsu, "$1"));
}

export const patterns = oneOrMore(pattern);

/** Privileges of a kind, or all that the connected server has for it. */
export function privilegesOf(names: readonly PrivilegeName[]): Form<readonly { value: PrivilegeName | "all" }[]> {
  return oneOrMore(choice<PrivilegeName | "all">([...names, "all"]));
}

/** Keys of the same names as `selectors`, each taking privileges of its kind. */
export function privilegeKeys<Name extends string>(
  selectors: Readonly<Record<Name, Pick<Selector, "privileges"> & { shown?: string }>>,
): Record<Name, RecordKey<readonly { value: PrivilegeName | "all" }[]>> {
  return mapRecord(selectors, ({ privileges, shown }, word) =>
    key(privilegesOf(privileges), `Privileges on ${shown ?? word.replaceAll("_", " ")}`),
  );
}

export function mapRecord<Name extends string, From, To>(
  from: Readonly<Record<Name, From>>,
  change: (value: From, name: Name) => To,
): Record<Name, To> {
  const changed: Partial<Record<Name, To>> = {};
  for (const [each, value] of entriesOf(from)) changed[each] = change(value, each);
  const isWhole = (partial: Partial<Record<Name, To>>): partial is Record<Name, To> =>
    entriesOf(from).every(([each]) => Object.hasOwn(partial, each));
  if (!isWhole(changed)) throw new TypeError("a name was lost");
  return changed;
}

const COLUMN_KEYS = mapRecord(
  {
    select: "read",
    insert: "given on insert",
    update: "changed",
    references: "referred to by foreign keys",
  } satisfies Record<(typeof COLUMN_PRIVILEGES)[number], string>,
  (what) => key(oneOrMore(name("column")), `Columns that may be ${what}`),
);

export const columnLists = record(COLUMN_KEYS);

export const settings = named(
  text("a value, as SET takes it", (value) => (value.includes("\0") ? "holds a NUL character" : undefined)),
  "parameters with their values",
  (parameter) => (/^[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)*$/.test(parameter) ? undefined : "is not a parameter's name"),
);

/** `beyond`: how the sentence ends that refuses anything else. */
function reference(beyond: string): Form<string> {
  return text(
    "one reference: ${env:NAME} or ${file:/path}",
    (value) =>
      isReference(value) ? undefined : `must be exactly one reference, \${env:NAME} or \${file:/path}${beyond}`,
    { type: "string", pattern: "^\\$\\{(env|file):[^{}]+\\}$" },
  );
}

export const password = reference("; a password in the file is refused");

export const connection = reference(", to a connection string");

/** A date, a timestamp with or without a zone, or infinity: what the server reads the same whatever its settings. */
const VALID_UNTIL = /^(\d{4,6}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)?( BC)?)?|-?infinity)$/;

export const validUntil = text(
  "a date (2027-06-30), a timestamp or infinity",
  (value) => (VALID_UNTIL.test(value) ? undefined : "must be a date (2027-06-30), a timestamp or infinity"),
  { type: "string" },
);

/** SQL that the author writes: an expression of a policy. */
export const expression = text("an SQL expression", policyExpressionProblem);

export const comment = text("a text", (value) => (value.includes("\0") ? "holds a NUL character" : undefined), {
  type: "string",
});

/** What PUBLIC loses: everything, or privileges by name. */
export const revokePublic = (privileges: readonly PrivilegeName[]) =>
  either(truth(), list(choice<PrivilegeName | "all">([...privileges, "all"])));
