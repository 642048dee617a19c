/**
 * Matches the patterns of pg_hba.conf and pg_ident.conf in time that grows with pattern times name, whatever they hold.
 *
 * All states are followed at once, so there is no going back and nothing to blow up. JavaScript's own expressions do go
 * back, and the server would have to be asked with somebody else's pattern.
 */
import { type ParsedPattern, type PatternNode, parsePattern } from "./pattern-syntax.ts";

type Step =
  | { kind: "character"; admits: (code: number) => boolean }
  | { kind: "fork"; to: readonly number[] }
  | { kind: "start" }
  | { kind: "end" }
  | { kind: "found" };

/** 5,000 steps: a{255}{255} would take more, and is refused as a question. */
const MAX_STEPS = 5000;

const MAX_KNOWN = 1000;
const known = new Map<string, ParsedPattern & { steps?: readonly Step[] | undefined }>();

/** Why the server refuses the pattern behind the slash; undefined when it takes it or we cannot tell. */
export function patternProblem(text: string): string | undefined {
  const parsed = compiled(text);
  return parsed.kind === "invalid" ? parsed.reason : undefined;
}

/** Whether the pattern is found in `name`; undefined when it is beyond us. */
export function matchesPattern(text: string, name: string): boolean | undefined {
  const { steps } = compiled(text);
  return steps === undefined ? undefined : isFound(steps, [...name]);
}

/** Whether only whole names can match: every branch begins with ^ and ends with $. */
export function isAnchored(text: string): boolean {
  const parsed = compiled(text);
  if (parsed.kind !== "tree") return text.startsWith("^") && /(?:^|[^\\])\$$/.test(text);
  return beginsAndEnds(parsed.tree);
}

function beginsAndEnds(tree: PatternNode): boolean {
  if (tree.kind === "choice") return tree.branches.every(beginsAndEnds);
  if (tree.kind !== "sequence") return false;
  const [first, last] = [tree.nodes[0], tree.nodes.at(-1)];
  if (tree.nodes.length === 1 && first !== undefined) return beginsAndEnds(first);
  return first?.kind === "start" && last?.kind === "end";
}

function compiled(text: string): ParsedPattern & { steps?: readonly Step[] | undefined } {
  const before = known.get(text);
  if (before !== undefined) return before;
  const parsed = parsePattern(text);
  const made = parsed.kind === "tree" ? { ...parsed, steps: stepsOf(parsed.tree) } : parsed;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, made);
  return made;
}

/** undefined: too many. */
function stepsOf(tree: PatternNode): readonly Step[] | undefined {
  const steps: Step[] = [];
  if (!emit(tree, steps)) return undefined;
  steps.push({ kind: "found" });
  return steps;
}

/** Appends the steps of `node`; false when there are too many. */
function emit(node: PatternNode, steps: Step[]): boolean {
  if (steps.length > MAX_STEPS) return false;
  if (node.kind === "sequence") return node.nodes.every((each) => emit(each, steps));
  if (node.kind === "choice") return emitChoice(node.branches, steps);
  if (node.kind === "repeat") return emitRepeat(node, steps);
  steps.push(node);
  return true;
}

function emitChoice(branches: readonly PatternNode[], steps: Step[]): boolean {
  const begins: number[] = [];
  const exits: number[] = [];
  const fork = steps.push({ kind: "fork", to: begins }) - 1;
  for (const branch of branches) {
    begins.push(steps.length);
    if (!emit(branch, steps)) return false;
    exits.push(steps.push({ kind: "fork", to: [] }) - 1);
  }
  for (const exit of exits) steps[exit] = { kind: "fork", to: [steps.length] };
  return steps[fork] !== undefined;
}

function emitRepeat({ node, min, max }: PatternNode & { kind: "repeat" }, steps: Step[]): boolean {
  for (let count = 0; count < min; count++) if (!emit(node, steps)) return false;
  if (max === Number.POSITIVE_INFINITY) {
    const fork = steps.push({ kind: "fork", to: [] }) - 1;
    if (!emit(node, steps)) return false;
    steps.push({ kind: "fork", to: [fork] });
    steps[fork] = { kind: "fork", to: [fork + 1, steps.length] };
    return true;
  }
  const forks: number[] = [];
  for (let count = min; count < max; count++) {
    forks.push(steps.push({ kind: "fork", to: [] }) - 1);
    if (!emit(node, steps)) return false;
  }
  for (const fork of forks) steps[fork] = { kind: "fork", to: [fork + 1, steps.length] };
  return true;
}

function isFound(steps: readonly Step[], characters: readonly string[]): boolean {
  let active = new Set<number>();
  for (let position = 0; position <= characters.length; position++) {
    const edges = { isStart: position === 0, isEnd: position === characters.length };
    active.add(0);
    const reached = closure(steps, active, edges);
    if (reached.isFound) return true;
    const code = characters[position]?.codePointAt(0);
    active = new Set();
    if (code === undefined) return false;
    for (const index of reached.waiting) {
      const step = steps[index];
      if (step?.kind === "character" && step.admits(code)) active.add(index + 1);
    }
  }
  return false;
}

/** Steps that wait for a character, once all that need none are done. */
function closure(
  steps: readonly Step[],
  active: ReadonlySet<number>,
  { isStart, isEnd }: { isStart: boolean; isEnd: boolean },
): { waiting: number[]; isFound: boolean } {
  const seen = new Set<number>(active);
  const stack = [...active];
  const waiting: number[] = [];
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    const step = steps[index];
    if (step?.kind === "found") return { waiting, isFound: true };
    if (step?.kind === "character") waiting.push(index);
    for (const next of followers(step, index, isStart, isEnd)) {
      if (seen.has(next)) continue;
      seen.add(next);
      stack.push(next);
    }
  }
  return { waiting, isFound: false };
}

function followers(step: Step | undefined, index: number, isStart: boolean, isEnd: boolean): readonly number[] {
  if (step?.kind === "fork") return step.to;
  if (step?.kind === "start") return isStart ? [index + 1] : [];
  if (step?.kind === "end") return isEnd ? [index + 1] : [];
  return [];
}
