/**
 * Reads the part of PostgreSQL's regular expressions that names of roles and databases need, into a tree.
 *
 * The rest (look-ahead, back references, word boundaries, embedded options) is "unsupported" and not guessed at. Depth
 * and size are bounded, since whoever writes pg_hba.conf writes these patterns.
 *
 * Source: PostgreSQL manual, 9.7.3 "POSIX Regular Expressions", advanced form.
 */
export type PatternNode =
  | { kind: "character"; admits: (code: number) => boolean }
  | { kind: "start" }
  | { kind: "end" }
  | { kind: "sequence"; nodes: readonly PatternNode[] }
  | { kind: "choice"; branches: readonly PatternNode[] }
  | { kind: "repeat"; node: PatternNode; min: number; max: number };

export type ParsedPattern =
  | { kind: "tree"; tree: PatternNode }
  | { kind: "unsupported" }
  /** The server refuses it, for this reason. */
  | { kind: "invalid"; reason: string };

/** 1,000 characters: sixteen times the longest name. */
const MAX_LENGTH = 1000;
const MAX_DEPTH = 50;
/** RE_DUP_MAX of the server. */
const MAX_REPEAT = 255;

class Unsupported extends Error {}
class Invalid extends Error {}

/** `text` is what stands behind the slash. */
export function parsePattern(text: string): ParsedPattern {
  if (text.length > MAX_LENGTH || text.startsWith("***") || text.startsWith("(?")) return { kind: "unsupported" };
  try {
    return { kind: "tree", tree: new PatternReader(text).whole() };
  } catch (error) {
    if (error instanceof Unsupported) return { kind: "unsupported" };
    if (error instanceof Invalid) return { kind: "invalid", reason: error.message };
    throw error;
  }
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  d: /[0-9]/,
  w: /[A-Za-z0-9_]/,
  s: /\s/,
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  alnum: /[A-Za-z0-9]/,
  upper: /[A-Z]/,
  lower: /[a-z]/,
  space: /\s/,
  blank: /[ \t]/,
  punct: /[!-/:-@[-`{-~]/,
  xdigit: /[0-9A-Fa-f]/,
};

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, e: 27, f: 12, n: 10, r: 13, t: 9, v: 11 };

class PatternReader {
  readonly #characters: readonly string[];
  #position = 0;
  #depth = 0;

  constructor(text: string) {
    this.#characters = [...text];
  }

  whole(): PatternNode {
    const tree = this.#choice();
    if (this.#position < this.#characters.length) throw new Invalid("parentheses () not balanced");
    return tree;
  }

  #peek(): string | undefined {
    return this.#characters[this.#position];
  }

  #take(): string | undefined {
    return this.#characters[this.#position++];
  }

  #takeIf(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#position++;
    return true;
  }

  #choice(): PatternNode {
    if (++this.#depth > MAX_DEPTH) throw new Unsupported();
    const branches = [this.#sequence()];
    while (this.#takeIf("|")) branches.push(this.#sequence());
    this.#depth--;
    return { kind: "choice", branches };
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    for (let next = this.#peek(); next !== undefined && next !== "|" && next !== ")"; next = this.#peek()) {
      nodes.push(this.#quantified());
    }
    return { kind: "sequence", nodes };
  }

  #quantified(): PatternNode {
    const node = this.#atom();
    const bounds = this.#quantifier();
    if (bounds === undefined) return node;
    if (node.kind === "start" || node.kind === "end") throw new Invalid("quantifier operand invalid");
    this.#takeIf("?");
    if (this.#quantifier() !== undefined) throw new Invalid("quantifier operand invalid");
    return { kind: "repeat", node, ...bounds };
  }

  #quantifier(): { min: number; max: number } | undefined {
    if (this.#takeIf("*")) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#takeIf("+")) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#takeIf("?")) return { min: 0, max: 1 };
    if (this.#peek() !== "{" || !/\d/.test(this.#characters[this.#position + 1] ?? "")) return undefined;
    this.#position++;
    const min = this.#number();
    const max = this.#takeIf(",") ? (this.#peek() === "}" ? Number.POSITIVE_INFINITY : this.#number()) : min;
    if (!this.#takeIf("}") || max < min || min > MAX_REPEAT || (Number.isFinite(max) && max > MAX_REPEAT)) {
      throw new Invalid("invalid repetition count(s)");
    }
    return { min, max };
  }

  #number(): number {
    let digits = "";
    while (/^\d$/.test(this.#peek() ?? "") && digits.length < 6) digits += this.#take();
    if (digits === "") throw new Invalid("invalid repetition count(s)");
    return Number(digits);
  }

  #atom(): PatternNode {
    const character = this.#take() ?? "";
    if (character === "^") return { kind: "start" };
    if (character === "$") return { kind: "end" };
    if (character === ".") return { kind: "character", admits: () => true };
    if (character === "(") return this.#group();
    if (character === "[") return this.#bracket();
    if (character === "\\") return this.#escape();
    const isBound = character === "{" && /\d/.test(this.#peek() ?? "");
    if ("*+?".includes(character) || isBound) throw new Invalid("quantifier operand invalid");
    return only(character);
  }

  #group(): PatternNode {
    if (this.#takeIf("?") && !this.#takeIf(":")) throw new Unsupported();
    const inside = this.#choice();
    if (!this.#takeIf(")")) throw new Invalid("parentheses () not balanced");
    return inside;
  }

  #escape(): PatternNode {
    const character = this.#take();
    if (character === undefined) throw new Invalid("invalid escape \\ sequence");
    if ("dws".includes(character)) return ofClass(character, false);
    if ("DWS".includes(character)) return ofClass(character.toLowerCase(), true);
    const control = ESCAPES[character];
    if (control !== undefined) return { kind: "character", admits: (code) => code === control };
    if (/[a-z0-9]/i.test(character)) throw new Unsupported();
    return only(character);
  }

  #bracket(): PatternNode {
    const isNegated = this.#takeIf("^");
    const tests: ((code: number) => boolean)[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const character = this.#take();
      if (character === undefined) throw new Invalid("brackets [] not balanced");
      if (character === "]" && !isFirst) break;
      tests.push(this.#bracketMember(character));
    }
    return { kind: "character", admits: (code) => tests.some((admits) => admits(code)) !== isNegated };
  }

  #bracketMember(character: string): (code: number) => boolean {
    if (character === "\\") throw new Unsupported();
    if (character === "[" && /[.=:]/.test(this.#peek() ?? "")) return this.#namedClass();
    const first = codeOf(character);
    const [dash, last] = [this.#peek(), this.#characters[this.#position + 1]];
    if (dash !== "-" || last === undefined || last === "]") return (code) => code === first;
    if (last === "[" || last === "\\") throw new Unsupported();
    this.#position += 2;
    if (codeOf(last) < first) throw new Invalid("invalid character range");
    return (code) => code >= first && code <= codeOf(last);
  }

  #namedClass(): (code: number) => boolean {
    if (!this.#takeIf(":")) throw new Unsupported();
    const end = this.#characters.indexOf(":", this.#position);
    const name = this.#characters.slice(this.#position, end < 0 ? this.#position : end).join("");
    const members = Object.hasOwn(CLASSES, name) && name.length > 1 ? CLASSES[name] : undefined;
    if (members === undefined || this.#characters[end + 1] !== "]") throw new Unsupported();
    this.#position = end + 2;
    return (code) => members.test(String.fromCodePoint(code));
  }
}

const codeOf = (character: string): number => character.codePointAt(0) ?? 0;

function only(character: string): PatternNode {
  const own = codeOf(character);
  return { kind: "character", admits: (code) => code === own };
}

function ofClass(name: string, isNegated: boolean): PatternNode {
  const members = CLASSES[name];
  if (members === undefined) throw new Unsupported();
  return { kind: "character", admits: (code) => members.test(String.fromCodePoint(code)) !== isNegated };
}
