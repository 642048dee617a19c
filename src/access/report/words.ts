/** Privileges in words that people use: "read, write" in place of "arwd". */
import { type PrivilegeName, type PrivilegeSet, privilegeNames, privilegeSet } from "../privileges/privilege.ts";

const WRITE = privilegeSet(["insert", "update", "delete"]);

const WORDS: Readonly<Record<PrivilegeName, string>> = {
  select: "read",
  insert: "insert",
  update: "update",
  delete: "delete",
  truncate: "truncate",
  references: "refer to",
  trigger: "put triggers on",
  execute: "execute",
  usage: "use",
  create: "create in",
  temporary: "make temporary tables",
  connect: "connect",
  set: "set",
  "alter system": "set for the server",
  maintain: "maintain",
};

/** Order of reading, not of storage. */
const ORDER: readonly PrivilegeName[] = ["connect", "usage", "select", "insert", "update", "delete"];

/** "read, write" for select, insert, update and delete together; single words where one of the three is missing. */
export function privilegeWords(set: PrivilegeSet): string[] {
  const names = privilegeNames(set);
  const sorted = [...ORDER.filter((name) => names.includes(name)), ...names.filter((name) => !ORDER.includes(name))];
  const words = sorted.map((name) => WORDS[name]);
  if ((set & WRITE) !== WRITE) return words;
  const others = sorted.filter((name) => (privilegeSet([name]) & WRITE) === 0).map((name) => WORDS[name]);
  const at = others.indexOf("read") + 1;
  return [...others.slice(0, at), "write", ...others.slice(at)];
}
