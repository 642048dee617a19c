/**
 * Ways in which a role can get more than it was given.
 *
 * Starts are the roles that can log in (and "anybody", where a login needs no credential); targets are being superuser,
 * the server's account, its files, stored passwords, a copy of the cluster, and the privileges of every role that owns
 * something here. For each pair the best path is told, step by step with evidence, and the fewest statements that close
 * every path of the pair. What could not be read makes a target "unknown", never safe.
 */
import { catalogueOf } from "../../base/catalogue.ts";
import type { Hook, Role, Snapshot } from "../catalog/snapshot.ts";
import { DATABASE_OWNER_ROLE } from "../effective/closures.ts";
import type { CatalogObject } from "../privileges/catalog-object.ts";
import type { EdgeRule, World } from "./edge-rule.ts";
import { index } from "./edges/index.ts";
import type { PathFacts } from "./facts.ts";
import { ANYBODY, being, type Edge, type Goal, goal, type Node, PathGraph, type Strength, using } from "./graph.ts";
import { Holders } from "./holders.ts";
import { bestPaths, type FoundPath, smallestCut } from "./search.ts";

export const GOALS: readonly Goal[] = ["superuser", "server account", "server files", "secrets", "replication"];

/** 12 statements: a longer cut is not a fix but a redesign, and says less than the paths themselves. */
const MAX_CUT = 12;

export interface PathStep {
  /** Name of the rule: "set-role". */
  rule: string;
  evidence: string;
  strength: Strength;
  condition: string | undefined;
  remove: string | undefined;
}

export interface EscalationPath {
  /** A role's name; undefined: anybody who reaches the server. */
  from: string | undefined;
  /** A goal, or the role whose privileges are got. */
  target: { kind: "goal"; goal: Goal } | { kind: "owner"; role: string };
  /** The weakest step's. */
  strength: Strength;
  steps: readonly PathStep[];
  /** Statements that together close every path from here to there; undefined: there is no such set of 12 or fewer. */
  cut: readonly string[] | undefined;
}

export interface PathsReport {
  database: string;
  paths: readonly EscalationPath[];
  /** Targets about which nothing certain can be said, with the reason. */
  unknown: readonly { goal: Goal; why: string }[];
  /** Roles that were looked at as starts. */
  starts: number;
  /** Databases whose objects were not looked at. */
  otherDatabases: readonly string[];
  /** Every role, for suggestions. */
  roleNames: readonly string[];
}

export interface PathOptions {
  /** Only paths that start at this role. */
  role?: string | undefined;
  /** Whether roles that own something are targets as well as the goals. */
  owners: boolean;
  /** Works out the smallest cut of each path. */
  cuts: boolean;
}

/** What the search goes by. All of it must have been read in one transaction. */
export interface PathSources {
  snapshot: Snapshot;
  hooks: readonly Hook[];
  facts: PathFacts;
}

export async function escalationPaths(
  { snapshot, hooks, facts }: PathSources,
  options: PathOptions,
): Promise<PathsReport> {
  const world: World = { snapshot, hooks, facts, holders: new Holders(snapshot) };
  const graph = await graphOf(world);
  const targets = targetsOf(graph, snapshot, options);
  const starts = startsOf(graph, snapshot, options.role);
  const paths = starts.flatMap(({ number, role }) =>
    bestPaths(graph, number, wanted(targets, role))
      .filter((found) => !isConsequence(graph, found))
      .map((found) => pathOf(graph, number, { role, found, options })),
  );
  return {
    database: snapshot.database,
    paths: paths.sort(byWeight),
    unknown: facts.unreadable,
    starts: starts.length,
    otherDatabases: facts.otherDatabases,
    roleNames: [...snapshot.roles.keys()],
  };
}

const RULES = catalogueOf<EdgeRule>(index, { kind: "rule", unknown: "USAGE_UNKNOWN_NAME" });

/** Every rule, in the order of their names. */
export function edgeRules(): Promise<EdgeRule[]> {
  return Promise.all(RULES.names().map((name) => RULES.load(name)));
}

async function graphOf(world: World): Promise<PathGraph> {
  const graph = new PathGraph();
  for (const rule of await edgeRules()) for (const edge of rule.edges(world)) graph.add(rule.name, edge);
  return graph;
}

type Targets = ReadonlyMap<number, EscalationPath["target"]>;

function targetsOf(graph: PathGraph, snapshot: Snapshot, { owners }: PathOptions): Targets {
  const targets = new Map<number, EscalationPath["target"]>();
  for (const name of GOALS) targets.set(graph.number(goal(name)), { kind: "goal", goal: name });
  if (!owners) return targets;
  for (const role of ownersOf(snapshot)) {
    const number = graph.find(using(role));
    if (number !== undefined) targets.set(number, { kind: "owner", role });
  }
  return targets;
}

/** Roles that own something a person made in this database. */
function ownersOf({ objects }: Snapshot): Set<string> {
  const owned = [objects.schema, objects.table, objects.sequence, objects.routine, objects.type].flat();
  // pg_database_owner is the database's owner by another name, who is a target already.
  const isTarget = ({ owner, extension }: CatalogObject): boolean =>
    owner !== undefined && owner !== DATABASE_OWNER_ROLE && extension === undefined;
  return new Set(owned.filter(isTarget).map(({ owner }) => owner ?? ""));
}

interface Start {
  number: number;
  role: string | undefined;
}

function startsOf(graph: PathGraph, snapshot: Snapshot, only: string | undefined): Start[] {
  const isStart = ({ name, login, superuser }: Role): boolean =>
    only === undefined ? login && !superuser : name === only;
  const roles = [...snapshot.roles.values()].filter(isStart);
  const starts: Start[] = roles.map(({ name }) => ({ number: graph.number(being(name)), role: name }));
  const anybody = graph.find(ANYBODY);
  if (anybody !== undefined && only === undefined) starts.push({ number: anybody, role: undefined });
  return starts;
}

/**
 * Whether a path only goes on from being superuser, which includes every other target: there is a path that says so. One
 * that goes through the server's account to superuser is no such thing.
 */
function isConsequence(graph: PathGraph, { edges }: FoundPath): boolean {
  const superuser = graph.find(goal("superuser"));
  return edges.some(({ from }) => from === superuser);
}

/** A role's own things are no target for it. */
function wanted(targets: Targets, role: string | undefined): ReadonlySet<number> {
  const numbers = [...targets].filter(([, target]) => target.kind === "goal" || target.role !== role);
  return new Set(numbers.map(([number]) => number));
}

function pathOf(
  graph: PathGraph,
  start: number,
  { role, found, options }: { role: string | undefined; found: FoundPath; options: PathOptions },
): EscalationPath {
  return {
    from: role,
    target: targetOf(graph.node(found.target)),
    strength: found.strength,
    steps: found.edges.filter(({ rule }) => rule !== "use").map(stepOf),
    cut: options.cuts ? smallestCut(graph, { start, target: found.target, limit: MAX_CUT }) : undefined,
  };
}

function targetOf(node: Node): EscalationPath["target"] {
  if (node.kind === "goal") return { kind: "goal", goal: node.goal };
  return { kind: "owner", role: node.kind === "using" ? node.role : "" };
}

function stepOf({ rule, evidence, strength, condition, remove }: Edge): PathStep {
  return { rule, evidence, strength, condition, remove };
}

const STRENGTHS: readonly Strength[] = ["certain", "waiting", "conditional"];

/** Worst first: by what is reached, then by how surely, then by length and name, so that two runs give the same order. */
function byWeight(first: EscalationPath, second: EscalationPath): number {
  return (
    weightOf(first.target) - weightOf(second.target) ||
    STRENGTHS.indexOf(first.strength) - STRENGTHS.indexOf(second.strength) ||
    first.steps.length - second.steps.length ||
    compareText(first.from ?? "", second.from ?? "") ||
    compareText(targetName(first.target), targetName(second.target))
  );
}

function weightOf(target: EscalationPath["target"]): number {
  return target.kind === "goal" ? GOALS.indexOf(target.goal) : GOALS.length;
}

/** "superuser", or the owner's name. */
export function targetName(target: EscalationPath["target"]): string {
  return target.kind === "goal" ? target.goal : target.role;
}

function compareText(first: string, second: string): number {
  return first < second ? -1 : first > second ? 1 : 0;
}
