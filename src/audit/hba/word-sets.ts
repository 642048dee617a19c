/**
 * The user and database columns as sets: whom a rule is for, and whether one column covers a word of another.
 *
 * Answers are "yes", "no" and "maybe". Maybe is what cannot be known: the words came from the server's view, which does not
 * show quotes, and the answer differs between the keyword and the name; members of a group without a server; a pattern
 * beyond us. Two patterns are compared by their text alone.
 */
import type { RoleFacts } from "../roles.ts";
import type { HbaToken } from "./hba.ts";
import { matchesPattern } from "./pattern.ts";

export type Answer = "yes" | "no" | "maybe";

/** Patterns that every name matches. */
const UNIVERSAL = new Set(["", "^", "$", ".*", ".+", "^.*", "^.+", ".*$", ".+$", "^.*$", "^.+$"]);

const DATABASE_KEYWORDS = new Set(["all", "sameuser", "samerole", "samegroup", "replication"]);

export interface WordContext {
  /** Whether quotes are known. */
  isExact: boolean;
  /** undefined without a server. */
  roles: RoleFacts | undefined;
}

/** Whether the word is the keyword `keyword`, as far as quotes are known. */
export function isKeyword({ text, isQuoted }: HbaToken, keyword: string): boolean {
  return !isQuoted && text === keyword;
}

/** Whether the word of a database column is a keyword, as far as quotes are known. */
export function isDatabaseKeyword({ text, isQuoted }: HbaToken): boolean {
  return !isQuoted && DATABASE_KEYWORDS.has(text);
}

/** The group of `+group`. */
export function groupOf({ text, isQuoted }: HbaToken): string | undefined {
  return !isQuoted && text.startsWith("+") ? text.slice(1) : undefined;
}

function answerOf(known: boolean | undefined): Answer {
  if (known === undefined) return "maybe";
  return known ? "yes" : "no";
}

/** The surest way in. */
function best(answers: readonly Answer[]): Answer {
  if (answers.includes("yes")) return "yes";
  return answers.includes("maybe") ? "maybe" : "no";
}

/** The words of one column, prepared for many questions. */
abstract class WordSet {
  protected readonly context: WordContext;
  protected readonly hasAll: boolean;
  protected readonly hasUniversalPattern: boolean;
  protected readonly names: ReadonlySet<string>;
  protected readonly patterns: readonly string[];

  constructor(tokens: readonly HbaToken[], context: WordContext, isName: (token: HbaToken) => boolean) {
    this.context = context;
    this.hasAll = tokens.some((token) => isKeyword(token, "all"));
    this.names = new Set(tokens.filter(isName).map(({ text }) => text));
    this.patterns = [...new Set(tokens.filter((token) => token.isPattern).map(({ text }) => text.slice(1)))];
    this.hasUniversalPattern = this.patterns.some((pattern) => UNIVERSAL.has(pattern));
  }

  /** What a keyword is worth: without quotes it might be a name. */
  protected get keyword(): Answer {
    return this.context.isExact ? "yes" : "maybe";
  }

  protected hasName(name: string): Answer {
    if (this.names.has(name)) return "yes";
    return best(this.patterns.map((pattern) => answerOf(matchesPattern(pattern, name))));
  }
}

/** Words of the user column. */
export class UserSet extends WordSet {
  readonly #groups: readonly string[];

  constructor(tokens: readonly HbaToken[], context: WordContext) {
    super(
      tokens,
      context,
      (token) => !token.isPattern && !isKeyword(token, "all") && (!context.isExact || groupOf(token) === undefined),
    );
    this.#groups = tokens.flatMap((token) => groupOf(token) ?? []);
  }

  /** Whether the role logs in by this column. */
  admits(role: string): Answer {
    if (this.hasUniversalPattern) return "yes";
    const byName = this.hasName(role);
    return byName === "yes" ? "yes" : best([byName, this.hasAll ? this.keyword : "no", this.#hasMember(role)]);
  }

  /** Whether everybody whom `token` means is in this column. */
  covers(token: HbaToken): Answer {
    if (this.hasUniversalPattern) return "yes";
    const byWord = this.#coversWord(token);
    return byWord === "yes" ? "yes" : best([byWord, this.hasAll ? this.keyword : "no"]);
  }

  #coversWord(token: HbaToken): Answer {
    if (isKeyword(token, "all")) return "no";
    if (token.isPattern) return this.patterns.includes(token.text.slice(1)) ? "yes" : "no";
    const group = groupOf(token);
    if (group === undefined) return this.admits(token.text);
    return this.#hasMember(group);
  }

  /** Whether a role is in one of the groups; a group is in itself. */
  #hasMember(role: string): Answer {
    const { roles } = this.context;
    if (this.#groups.includes(role) || this.#groups.some((group) => roles?.isMember(role, group))) return this.keyword;
    return roles === undefined && this.#groups.length > 0 ? "maybe" : "no";
  }
}

/** Words of the database column. */
export class DatabaseSet extends WordSet {
  readonly #keywords: ReadonlySet<string>;

  constructor(tokens: readonly HbaToken[], context: WordContext) {
    super(tokens, context, (token) => !token.isPattern && !isDatabaseKeyword(token));
    this.#keywords = new Set(tokens.filter(({ isQuoted }) => !isQuoted).map(({ text }) => text));
  }

  /** Whether every database that `token` means is in this column. Replication is none of `all`. */
  covers(token: HbaToken): Answer {
    if (isKeyword(token, "replication")) return this.#coversReplication();
    if (this.hasUniversalPattern) return "yes";
    if (token.isPattern && this.patterns.includes(token.text.slice(1))) return "yes";
    const isName = !token.isPattern && !isDatabaseKeyword(token);
    const byName = isName ? this.hasName(token.text) : "no";
    if (byName === "yes") return "yes";
    if (this.hasAll) return this.keyword;
    if (byName === "maybe") return "maybe";
    const isSame = isKeyword(token, "sameuser");
    const isSameRole = isKeyword(token, "samerole") || isKeyword(token, "samegroup");
    const hasSameRole = this.#keywords.has("samerole") || this.#keywords.has("samegroup");
    if (isSame && (hasSameRole || this.#keywords.has("sameuser"))) return this.keyword;
    return isSameRole && hasSameRole ? this.keyword : "no";
  }

  /** Without quotes it could be a database of that name, if there is one; `all` would then cover it. */
  #coversReplication(): Answer {
    if (this.#keywords.has("replication")) return this.keyword;
    const { isExact, roles } = this.context;
    const isPossibleName = !isExact && (roles === undefined || roles.databases.has("replication"));
    return isPossibleName && (this.hasAll || this.hasUniversalPattern) ? "maybe" : "no";
  }
}
