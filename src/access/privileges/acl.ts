/**
 * Access control lists: the server's text, taken apart here.
 *
 * Taking lists apart on the server (aclexplode) costs six times as much as reading their text, and most objects of a
 * database share a handful of lists, so each distinct text is parsed once.
 */
import { PgkeepError } from "../../base/errors.ts";
import { NO_PRIVILEGES, type PrivilegeSet, privilegeLetters, privilegeOfLetter } from "./privilege.ts";

/** The pseudo-role PUBLIC. No role can have the empty name. */
export const PUBLIC = "";

/** What one role got from one other. */
export interface AclEntry {
  /** Role name, or PUBLIC. The digits of an oid when the role is gone. */
  grantee: string;
  grantor: string;
  privileges: PrivilegeSet;
  /** Those of `privileges` that the grantee may pass on. */
  grantable: PrivilegeSet;
}

/** A list that an object has. `undefined` stands for NULL: the built-in defaults of its kind hold. */
export type Acl = readonly AclEntry[];

/** Parses the text form of aclitem[] ("{app=arwd/owner,=U/owner}"), keeping one copy of equal lists. */
export class AclReader {
  readonly #known = new Map<string, Acl>();
  /** Letters that this version does not know: what they allow is unknown, so it must be said. */
  readonly unknownLetters = new Set<string>();

  read(text: string | null): Acl | undefined {
    if (text === null) return undefined;
    let acl = this.#known.get(text);
    if (!acl) {
      acl = arrayElements(text).map((item) => this.#entry(item));
      this.#known.set(text, acl);
    }
    return acl;
  }

  #entry(item: string): AclEntry {
    const grantee = nameAt(item, 0);
    if (item[grantee.end] !== "=") throw notAnAcl(item);
    const slash = item.indexOf("/", grantee.end);
    if (slash < 0) throw notAnAcl(item);
    const grantor = nameAt(item, slash + 1);
    const { privileges, grantable } = this.#letters(item.slice(grantee.end + 1, slash));
    return { grantee: grantee.name, grantor: grantor.name, privileges, grantable };
  }

  #letters(letters: string): { privileges: PrivilegeSet; grantable: PrivilegeSet } {
    let privileges = NO_PRIVILEGES;
    let grantable = NO_PRIVILEGES;
    let last = NO_PRIVILEGES;
    for (const letter of letters) {
      if (letter === "*") {
        grantable |= last;
        continue;
      }
      last = privilegeOfLetter(letter) ?? NO_PRIVILEGES;
      if (last === NO_PRIVILEGES) this.unknownLetters.add(letter);
      privileges |= last;
    }
    return { privileges, grantable };
  }
}

/** The text of one entry as psql shows it: `app=r*w/owner`. For people; not parsed again. */
export function aclEntryText({ grantee, grantor, privileges, grantable }: AclEntry): string {
  const letters = [...privilegeLetters(privileges)].map((letter) =>
    ((privilegeOfLetter(letter) ?? 0) & grantable) !== 0 ? `${letter}*` : letter,
  );
  return `${grantee}=${letters.join("")}/${grantor}`;
}

/** What `grantee` has in `acl` from all grantors together. */
export function privilegesOf(acl: Acl, grantee: string): { privileges: PrivilegeSet; grantable: PrivilegeSet } {
  let privileges = NO_PRIVILEGES;
  let grantable = NO_PRIVILEGES;
  for (const entry of acl) {
    if (entry.grantee !== grantee) continue;
    privileges |= entry.privileges;
    grantable |= entry.grantable;
  }
  return { privileges, grantable };
}

/** Elements of a one-dimensional array of text as the server writes it. */
export function arrayElements(text: string): string[] {
  if (text === "{}") return [];
  const elements: string[] = [];
  let at = 1;
  while (at < text.length) {
    const { value, end } = text[at] === '"' ? quotedElement(text, at) : plainElement(text, at);
    elements.push(value);
    at = end + 1;
  }
  return elements;
}

function quotedElement(text: string, start: number): { value: string; end: number } {
  let value = "";
  let at = start + 1;
  while (at < text.length && text[at] !== '"') {
    if (text[at] === "\\") at++;
    value += text[at] ?? "";
    at++;
  }
  return { value, end: at + 1 };
}

function plainElement(text: string, start: number): { value: string; end: number } {
  let end = start;
  while (end < text.length && text[end] !== "," && text[end] !== "}") end++;
  return { value: text.slice(start, end), end };
}

/** A role name inside an aclitem: quoted when it holds anything but letters, digits and underscores. */
function nameAt(item: string, start: number): { name: string; end: number } {
  if (item[start] !== '"') {
    let end = start;
    while (end < item.length && item[end] !== "=" && item[end] !== "/") end++;
    return { name: item.slice(start, end), end };
  }
  let name = "";
  let at = start + 1;
  while (at < item.length) {
    if (item[at] === '"' && item[at + 1] !== '"') break;
    if (item[at] === '"') at++;
    name += item[at];
    at++;
  }
  return { name, end: at + 1 };
}

function notAnAcl(item: string): PgkeepError {
  return new PgkeepError("ACCESS_CATALOG_UNREADABLE", "could not understand an access control list", {
    detail: `The server gave "${item}".`,
    state: "nothing was changed",
  });
}
