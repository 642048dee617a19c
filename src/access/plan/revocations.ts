/**
 * Plans for "this role shall not have that any more", whoever granted it and by however many hands.
 *
 * REVOKE takes away only what the acting role granted itself and reports anything else as success, so a single statement
 * written by hand often does nothing. Here the requests become a model that says nothing else, and the planner does what it
 * does for every model: it acts as each grantor, refuses to take along what was passed on to others, names what this
 * executor cannot run, and knows what undoes it.
 */
import { createHash } from "node:crypto";
import { exactPattern } from "../../base/glob.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel, AccessRule, ObjectTarget } from "../model/model.ts";
import { PUBLIC } from "../privileges/acl.ts";
import { OBJECT_KINDS, type ObjectKind } from "../privileges/catalog-object.ts";
import { isPrivilegeName } from "../privileges/privilege.ts";
import type { DraftBook, Touched } from "./draft.ts";
import { makePlanWithBook } from "./make-plan.ts";
import type { AccessPlan, BlockedStatement } from "./plan.ts";

/** What one role shall lose on one object. */
export interface RevocationRequest {
  /** "schema", "table", "routine" ...: a kind of the access model. */
  kind: string;
  /** As the server writes it in SQL: `public`, `"App".orders`, `app.f(integer,text)`. */
  object: string;
  /** In any case; empty: everything. */
  privileges: readonly string[];
  /** PUBLIC is the empty name. */
  role: string;
  /** Names, unquoted, where the privileges are on these columns alone. */
  columns?: readonly string[] | undefined;
  /** Only the right to pass it on. */
  optionOnly?: boolean | undefined;
  /** The statement as people write it, for what cannot be planned. */
  sql: string;
}

/** What becomes of a request: it is in the plan, somebody else has to do it, or there is nothing to take away. */
export type RevocationFate =
  | {
      fate: "planned" /** As whom, once for each who granted it; undefined: the executor. */;
      actors: readonly (string | undefined)[];
    }
  | { fate: "blocked"; sql: string; needs: string; reason: string }
  | { fate: "nothing to do" };

export interface RevocationPlan<Request extends RevocationRequest> {
  plan: AccessPlan;
  fates: ReadonlyMap<Request, RevocationFate>;
}

/** A model that only takes away, and the requests that no model can say. */
interface RevocationModel {
  model: AccessModel;
  refused: readonly { request: RevocationRequest; reason: string }[];
}

/** What has to be looked at for `requests`, beside what people made; for inspectFor. */
export function revocationTargets(requests: readonly RevocationRequest[]): Pick<AccessModel, "governed"> {
  return revocationModel(requests).model;
}

function revocationModel(requests: readonly RevocationRequest[]): RevocationModel {
  const rules = new Map<string, AccessRule & { target: { patterns: string[] } }>();
  const refused: { request: RevocationRequest; reason: string }[] = [];
  for (const request of requests) {
    const target = targetOf(request);
    const privileges = request.privileges.map((name) => name.toLowerCase());
    const unknown = privileges.find((name) => !isPrivilegeName(name));
    if (target === undefined)
      refused.push({ request, reason: "its object is not named in a way that the planner knows" });
    else if (unknown !== undefined) refused.push({ request, reason: "the planner does not know the privilege" });
    else addRule(rules, { request, target, privileges: privileges.filter(isPrivilegeName) });
  }
  const all = [...rules.values()];
  return { model: modelOf(all, governedBy(all)), refused };
}

/**
 * The plan that does what is asked where it is not done yet. `reason` stands for the model's in every statement: "an audit
 * finding asks for it". `snapshot` has to hold what revocationTargets names. Errors as of makePlan.
 */
export async function planRevocations<Request extends RevocationRequest>(
  requests: readonly Request[],
  snapshot: Snapshot,
  reason: string,
): Promise<RevocationPlan<Request>> {
  const isThere = (role: string): boolean => role === PUBLIC || snapshot.roles.has(role);
  // Who is gone has nothing left to lose.
  const { model, refused } = revocationModel(requests.filter(({ role }) => isThere(role)));
  const { plan, book } = await makePlanWithBook({ model, snapshot, options: { reason } });
  const why = new Map<RevocationRequest, string>(refused.map((each) => [each.request, each.reason]));
  const outcomes = new Outcomes(snapshot, book);
  const fates = new Map(requests.map((request) => [request, outcomes.of(request, why.get(request))]));
  const unplanned = requests.flatMap((request) => {
    const fate = fates.get(request);
    return fate?.fate === "blocked" && fate.needs === A_PERSON ? [blockedBy(request, fate.reason)] : [];
  });
  return { plan: { ...plan, blocked: [...plan.blocked.map(withoutFlags), ...unplanned] }, fates };
}

/** For what the planner could not take up at all. */
const A_PERSON = "somebody who looks at it";

/** What became of requests, found by name: there may be thousands, of as many objects. */
class Outcomes {
  readonly #snapshot: Snapshot;
  readonly #objects = new Map<ObjectKind, ReadonlyMap<string, string>>();
  readonly #blocked = new Map<string, BlockedStatement>();
  readonly #actors = new Map<string, Set<string | undefined>>();

  constructor(snapshot: Snapshot, { drafts, blocked }: DraftBook) {
    this.#snapshot = snapshot;
    for (const each of blocked)
      for (const key of keysOf(each)) if (!this.#blocked.has(key)) this.#blocked.set(key, each);
    for (const draft of drafts) {
      if (draft.kind !== "revoke") continue;
      for (const key of keysOf(draft)) this.#actors.set(key, (this.#actors.get(key) ?? new Set()).add(draft.as));
    }
  }

  of(request: RevocationRequest, refusal: string | undefined): RevocationFate {
    const { sql, role } = request;
    if (refusal !== undefined) return { fate: "blocked", sql, needs: A_PERSON, reason: refusal };
    if (role !== PUBLIC && !this.#snapshot.roles.has(role)) return { fate: "nothing to do" };
    const place = placeOf(request);
    const object = place && this.#named(place.kind).get(JSON.stringify([place.schema, place.name]));
    if (object === undefined) return { fate: "blocked", sql, needs: A_PERSON, reason: "the object was not found" };
    const key = JSON.stringify([role, object]);
    const blocked = this.#blocked.get(key);
    if (blocked) return { fate: "blocked", ...withoutFlags(blocked) };
    const actors = this.#actors.get(key);
    return actors ? { fate: "planned", actors: [...actors] } : { fate: "nothing to do" };
  }

  /** How statements name the objects of a kind, by schema and name. */
  #named(kind: ObjectKind): ReadonlyMap<string, string> {
    let named = this.#objects.get(kind);
    if (!named) {
      named = new Map(
        this.#snapshot.objects[kind].map(({ schema, name, sql }) => [JSON.stringify([schema, name]), `${kind} ${sql}`]),
      );
      this.#objects.set(kind, named);
    }
    return named;
  }
}

function* keysOf({ role, touches }: { role?: string | undefined; touches: readonly Touched[] }): Iterable<string> {
  for (const touched of touches) {
    if (touched.about === "object") yield JSON.stringify([role, `${touched.kind} ${touched.sql}`]);
  }
}

function blockedBy({ sql, object, role }: RevocationRequest, reason: string): BlockedStatement {
  return { sql, object, role, reason, needs: A_PERSON };
}

/** The planner asks for a flag of `access apply`; here nobody takes from others what was not asked about. */
function withoutFlags({ sql, object, role, reason, needs }: BlockedStatement): BlockedStatement {
  const decided = needs.startsWith("--") ? "a decision about those to whom it was passed on" : needs;
  return { sql, object, role, reason, needs: decided };
}

interface NewRule {
  request: RevocationRequest;
  target: ObjectTarget;
  privileges: AccessRule["privileges"] & readonly unknown[];
}

/** Equal requests about many objects are one rule, or rules times objects would be compared. */
function addRule(
  rules: Map<string, AccessRule & { target: { patterns: string[] } }>,
  { request: { role, optionOnly, columns }, target, privileges }: NewRule,
): void {
  const key = JSON.stringify([target.kind, target.schema, role, optionOnly === true, privileges, columns ?? null]);
  const known = rules.get(key);
  if (known) {
    known.target.patterns.push(...target.patterns);
    return;
  }
  rules.set(key, {
    effect: "revoke",
    target: { ...target, patterns: [...target.patterns] },
    columns,
    role,
    privileges: privileges.length === 0 ? "all" : privileges,
    grantable: false,
    optionOnly,
    line: 0,
  });
}

function governedBy(rules: readonly AccessRule[]): ObjectTarget[] {
  const targets = new Map<string, ObjectTarget & { patterns: string[] }>();
  for (const { target } of rules) {
    const key = JSON.stringify([target.kind, target.schema]);
    const known = targets.get(key);
    if (known) known.patterns.push(...target.patterns);
    else targets.set(key, { ...target, patterns: [...target.patterns] });
  }
  return [...targets.values()];
}

function modelOf(rules: readonly AccessRule[], governed: readonly ObjectTarget[]): AccessModel {
  return {
    file: "audit findings",
    hash: createHash("sha256").update(JSON.stringify(rules)).digest("hex"),
    database: "",
    mode: "adopt",
    profile: undefined,
    gate: false,
    roles: new Map(),
    memberships: [],
    owners: [],
    rules,
    defaults: [],
    rowSecurity: [],
    databaseSettings: new Map(),
    schemas: new Map(),
    governsDatabase: false,
    governed,
    verify: { logins: new Map(), expectations: [], callable: [] },
  };
}

/** What GRANT calls otherwise. */
const SYNONYMS: Readonly<Record<string, ObjectKind>> = { function: "routine", procedure: "routine", view: "table" };

const KINDS: ReadonlySet<string> = new Set(OBJECT_KINDS);

function targetOf(request: RevocationRequest): ObjectTarget | undefined {
  const place = placeOf(request);
  return place && { kind: place.kind, schema: place.schema, patterns: [exactPattern(place.name)] };
}

/** Where an object is, as snapshots have it. */
interface Place {
  kind: ObjectKind;
  schema: string | undefined;
  name: string;
}

function placeOf({ kind: word, object }: RevocationRequest): Place | undefined {
  const kind = SYNONYMS[word] ?? word;
  if (!isKind(kind)) return undefined;
  const { names, signature } = partsOf(object);
  const [first, second] = names;
  if (first === undefined || names.length > 2) return undefined;
  if (kind === "routine") {
    return signature === undefined || second === undefined
      ? undefined
      : { kind, schema: first, name: `${second}${signature}` };
  }
  if (signature !== undefined) return undefined;
  // Parameters of extensions have a dot of their own.
  if (kind === "parameter") return { kind, schema: undefined, name: names.join(".") };
  if (IN_SCHEMAS.has(kind)) return second === undefined ? undefined : { kind, schema: first, name: second };
  return second === undefined ? { kind, schema: undefined, name: first } : undefined;
}

const IN_SCHEMAS: ReadonlySet<ObjectKind> = new Set(["table", "sequence", "type", "routine"]);

function isKind(name: string): name is ObjectKind {
  return KINDS.has(name);
}

/**
 * `"App".f(integer,text)` -> names App and f, signature `(integer, text)`. Names as the server keeps them; no names at all
 * when the text is nothing of the kind.
 */
function partsOf(object: string): { names: readonly string[]; signature: string | undefined } {
  const nothing = { names: [], signature: undefined };
  const names: string[] = [];
  let rest = object;
  for (;;) {
    const found = /^(?:(U&)?"((?:[^"]|"")+)"|([^\s".(),]+))/.exec(rest);
    if (!found) return nothing;
    const [, escaped, quoted, plain = ""] = found;
    const name = quoted?.replaceAll('""', '"');
    names.push(name === undefined ? plain.toLowerCase() : escaped ? withoutEscapes(name) : name);
    rest = rest.slice(found[0].length);
    if (rest === "") return { names, signature: undefined };
    if (rest.startsWith("(") && rest.endsWith(")")) return { names, signature: withSpaces(rest) };
    if (!rest.startsWith(".")) return nothing;
    rest = rest.slice(1);
  }
}

/** What `ident` writes for characters that a reader's terminal would act on. */
function withoutEscapes(name: string): string {
  return name.replace(/\\(\\|[0-9a-f]{4})/gi, (_, code: string) =>
    code === "\\" ? code : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** One space after every comma outside of quotes and of a type's own parentheses, as the catalog's lists have it. */
function withSpaces(signature: string): string {
  return signature.replace(/"(?:[^"]|"")*"|,\s*/g, (part) => (part.startsWith(",") ? ", " : part));
}
