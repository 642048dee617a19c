/**
 * Privileges as PostgreSQL stores them: one bit each, one letter each.
 *
 * Bits and letters are those of the server's aclitem, so a set of privileges is one number and comparing two sets is
 * one operation, which keeps a plan over ten thousand tables cheap.
 * Source: PostgreSQL 18 manual, table 5.1 "ACL Privilege Abbreviations".
 */

/** Name as GRANT spells it, in the lower case that model files use. */
export type PrivilegeName =
  | "insert"
  | "select"
  | "update"
  | "delete"
  | "truncate"
  | "references"
  | "trigger"
  | "execute"
  | "usage"
  | "create"
  | "temporary"
  | "connect"
  | "set"
  | "alter system"
  | "maintain";

/** What can be granted on single columns. */
export const COLUMN_PRIVILEGES = ["select", "insert", "update", "references"] as const satisfies PrivilegeName[];

export function isColumnPrivilege(name: PrivilegeName): boolean {
  return COLUMN_PRIVILEGES.some((each) => each === name);
}

/** A set of privileges, one bit each. */
export type PrivilegeSet = number;

interface Privilege {
  name: PrivilegeName;
  letter: string;
  /** First major version that has it; absent when all supported ones do. */
  since?: number;
}

/** In the order of the server's letters, which is the order of every listing; the index is the bit. */
const PRIVILEGES: readonly Privilege[] = [
  { name: "insert", letter: "a" },
  { name: "select", letter: "r" },
  { name: "update", letter: "w" },
  { name: "delete", letter: "d" },
  { name: "truncate", letter: "D" },
  { name: "references", letter: "x" },
  { name: "trigger", letter: "t" },
  { name: "execute", letter: "X" },
  { name: "usage", letter: "U" },
  { name: "create", letter: "C" },
  { name: "temporary", letter: "T" },
  { name: "connect", letter: "c" },
  { name: "set", letter: "s", since: 15 },
  { name: "alter system", letter: "A", since: 15 },
  { name: "maintain", letter: "m", since: 17 },
];

export const NO_PRIVILEGES: PrivilegeSet = 0;

const BIT_BY_NAME = new Map<string, number>(PRIVILEGES.map(({ name }, index) => [name, 1 << index]));
const BIT_BY_LETTER = new Map<string, number>(PRIVILEGES.map(({ letter }, index) => [letter, 1 << index]));

/** The set that holds exactly these. */
export function privilegeSet(names: Iterable<PrivilegeName>): PrivilegeSet {
  let set = NO_PRIVILEGES;
  for (const name of names) set |= BIT_BY_NAME.get(name) ?? 0;
  return set;
}

/** The names in `set`, in the server's order. */
export function privilegeNames(set: PrivilegeSet): PrivilegeName[] {
  return PRIVILEGES.filter((_, index) => (set & (1 << index)) !== 0).map(({ name }) => name);
}

/** The letters of `set` as an aclitem spells them: "arwd". */
export function privilegeLetters(set: PrivilegeSet): string {
  return PRIVILEGES.filter((_, index) => (set & (1 << index)) !== 0)
    .map(({ letter }) => letter)
    .join("");
}

/** The bit of an aclitem's letter; undefined for a letter of a server newer than this table. */
export function privilegeOfLetter(letter: string): PrivilegeSet | undefined {
  return BIT_BY_LETTER.get(letter);
}

/** Whether `text` names a privilege, in lower case. */
export function isPrivilegeName(text: string): text is PrivilegeName {
  return BIT_BY_NAME.has(text);
}

/** First major version that has the privilege; 0 when every supported one has. */
export function privilegeSince(name: PrivilegeName): number {
  return PRIVILEGES.find((privilege) => privilege.name === name)?.since ?? 0;
}

/** `set` without what a server of this major version does not know. */
export function knownTo(set: PrivilegeSet, major: number): PrivilegeSet {
  return PRIVILEGES.reduce((known, { since = 0 }, index) => (major >= since ? known : known & ~(1 << index)), set);
}
