/** What all parts of a model's file have in common: who gets what on which objects, as rules. */
import type { Located } from "../../config/document-form.ts";
import type { Position, SourceProblems } from "../../config/yaml-source.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { PrivilegeName } from "../privileges/privilege.ts";
import type { AccessRule, DefaultRule, ObjectTarget, OwnerRule, RowSecurityModel } from "./model.ts";

/** What is being collected. */
export interface Building {
  problems: SourceProblems;
  /** Roles where they are mentioned. */
  mentions: Located<string>[];
  owners: OwnerRule[];
  rules: AccessRule[];
  defaults: DefaultRule[];
  rowSecurity: RowSecurityModel[];
}

/** Somebody who gets something, as written. */
export interface Grantee {
  /** PUBLIC is the empty name. */
  name: string;
  at: Position;
  grantable: boolean;
}

type WrittenGrantee = string | { readonly role?: Located<string>; readonly grantable?: Located<boolean> };

export function granteesOf(written: readonly Located<WrittenGrantee>[] | undefined): Grantee[] {
  return (written ?? []).map(({ value, at }) => {
    if (typeof value === "string") return { name: isPublic(value) ? PUBLIC : value, at, grantable: false };
    return { name: value.role?.value ?? "", at, grantable: value.grantable?.value ?? false };
  });
}

/** Whether a name means everybody where it stands without quotes of ours. */
export function isPublic(name: string): boolean {
  return name.toLowerCase() === "public";
}

export function privilegesOf(written: readonly { value: PrivilegeName | "all" }[]): readonly PrivilegeName[] | "all" {
  const names = written.map(({ value }) => value);
  return names.includes("all") ? "all" : [...new Set(names.filter((name) => name !== "all"))];
}

export interface Granting {
  target: ObjectTarget;
  grantee: Grantee;
  privileges: AccessRule["privileges"];
  grantable: boolean;
  columns?: readonly string[] | undefined;
}

export function grantRule({ target, grantee, privileges, grantable, columns }: Granting): AccessRule {
  return { effect: "grant", target, columns, role: grantee.name, privileges, grantable, line: grantee.at.line };
}

export function revokeRule({ target, grantee, privileges, columns }: Omit<Granting, "grantable">): AccessRule {
  return { effect: "revoke", target, columns, role: grantee.name, privileges, grantable: false, line: grantee.at.line };
}

/** Parameters are the same in any case. */
export function settingsOf(
  given: readonly { name: string; value: Located<string> }[] | undefined,
): ReadonlyMap<string, string> {
  return new Map((given ?? []).map(({ name, value }) => [name.toLowerCase(), value.value]));
}

interface PublicRevoke {
  target: ObjectTarget;
  all: readonly PrivilegeName[];
  rules: AccessRule[];
}

/** `true` makes PUBLIC's list exactly what grants give; a list takes those privileges alone. */
export function revokePublic(
  written: Located<boolean | readonly Located<PrivilegeName | "all">[]> | undefined,
  { target, all, rules }: PublicRevoke,
): void {
  if (!written || written.value === false) return;
  const privileges = written.value === true ? [] : privilegesOf(written.value);
  const isEverything = privileges === "all" || all.every((each) => privileges.includes(each));
  rules.push(publicRevoke(target, isEverything ? "all" : privileges, written.at));
}

export function publicRevoke(target: ObjectTarget, privileges: AccessRule["privileges"], at: Position): AccessRule {
  return revokeRule({ target, grantee: { name: PUBLIC, at, grantable: false }, privileges });
}
