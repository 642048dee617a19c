/**
 * What objects made from now on give to whom.
 *
 * Always said of a creator by name: without FOR ROLE a default binds to whoever runs the statement. The form without a
 * schema replaces the built-in list, so it alone can take EXECUTE or USAGE from PUBLIC; the form with one only adds.
 */
import { tameLine } from "../../base/tame.ts";
import { ident } from "../../pg/identifiers.ts";
import type { DefaultRule } from "../model/model.ts";
import { type Acl, PUBLIC } from "../privileges/acl.ts";
import type { DefaultAclKind } from "../privileges/catalog-object.ts";
import { knownTo, privilegeSet } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import { type Grant, listChanges, type Revocation } from "./acl-changes.ts";
import type { GrantPlanning } from "./acting.ts";
import { type Difference, STEP, type Touched } from "./draft.ts";
import { granteeSql, privilegesText, roleText } from "./naming.ts";
import { Wish } from "./resolve.ts";

interface Place {
  creator: string;
  schema: string | undefined;
  on: DefaultAclKind;
}

interface DefaultList extends Place {
  acl: Acl | undefined;
  rules: DefaultRule[];
}

export function planDefaults(planning: GrantPlanning): void {
  for (const list of listsOf(planning)) planList(list, planning);
}

function listsOf({ facts }: GrantPlanning): Iterable<DefaultList> {
  const lists = new Map<string, DefaultList>();
  const at = ({ creator, schema, on }: Place): DefaultList => {
    const key = JSON.stringify([creator, schema ?? null, on]);
    const list = lists.get(key) ?? { creator, schema, on, acl: undefined, rules: [] };
    lists.set(key, list);
    return list;
  };
  const creators = new Set(facts.model.defaults.map(({ creator }) => creator));
  const isAuthoritative = facts.model.mode === "authoritative";
  for (const rule of facts.model.defaults) if (facts.willExist(rule.creator)) at(rule).rules.push(rule);
  for (const present of facts.snapshot.defaultAcls) {
    const { creator, schema } = present;
    const isPlace =
      schema === undefined ? creators.has(creator) || facts.managed(creator) : facts.model.schemas.has(schema);
    const isCreator =
      creators.has(creator) || facts.managed(creator) !== undefined || (isAuthoritative && schema !== undefined);
    if (isPlace && isCreator && facts.willExist(creator)) at(present).acl = present.acl;
  }
  return lists.values();
}

function kindOf(on: DefaultAclKind, { facts }: GrantPlanning): PrivilegeKind | undefined {
  return [...facts.kinds.values()].find(({ defaults }) => defaults?.on === on);
}

function planList(list: DefaultList, planning: GrantPlanning): void {
  const { facts, book, present } = planning;
  const kind = kindOf(list.on, planning);
  if (!kind?.defaults) return;
  const all = knownTo(privilegeSet(kind.privileges), facts.major);
  const acl = list.acl ?? (list.schema === undefined ? present.builtIn(kind.name, list.creator) : []);
  const changes = listChanges({
    acl,
    owner: list.creator,
    wish: wishOf(list.rules, { all, planning }),
    cascade: false,
    isRetiring: (role) => facts.isRetiring(role),
    willExist: (role) => facts.willExist(role),
  });
  book.unchanged += changes.unchanged;
  const { keyword } = kind.defaults;
  for (const revocation of changes.revocations) planChange(list, { keyword, revocation }, planning);
  for (const grant of changes.grants) planChange(list, { keyword, grant }, planning);
}

function wishOf(rules: readonly DefaultRule[], { all, planning }: { all: number; planning: GrantPlanning }): Wish {
  const { facts } = planning;
  const isPublicExact = !facts.isAdditive && rules.some(({ role, effect }) => role === PUBLIC && effect === "grant");
  const wish = new Wish((grantee) => (grantee === PUBLIC ? isPublicExact : facts.isExact(grantee)));
  const ordered = [...rules].sort((one, other) => Number(one.effect === "revoke") - Number(other.effect === "revoke"));
  for (const rule of ordered) {
    const bits = rule.privileges === "all" ? all : privilegeSet(rule.privileges);
    const { privileges, grantable } = wish.of(rule.role);
    if (rule.effect === "grant") {
      wish.holdings.set(rule.role, {
        privileges: privileges | bits,
        grantable: rule.grantable ? grantable | bits : grantable,
      });
    } else {
      wish.holdings.set(rule.role, { privileges: privileges & ~bits, grantable: grantable & ~bits });
      if (!facts.isAdditive) wish.taken.set(rule.role, (wish.taken.get(rule.role) ?? 0) | bits);
    }
  }
  return wish;
}

type Change = { keyword: string } & ({ grant: Grant; revocation?: never } | { revocation: Revocation; grant?: never });

function planChange(list: DefaultList, change: Change, { book, rights }: GrantPlanning): void {
  const { creator, schema } = list;
  const { grantee, privileges, optionOnly } = change.grant ?? change.revocation;
  const scope = schema === undefined ? "" : ` in schema ${ident(schema)}`;
  const head = `alter default privileges for role ${ident(creator)}${scope}`;
  const names = privilegesText(privileges);
  const on = `on ${change.keyword.toLowerCase()}`;
  const who = granteeSql(grantee);
  const option = optionOnly ? "grant option for " : "";
  const isGrantable = change.grant ? change.grant.withOption : optionOnly || change.revocation.grantable !== 0;
  const give = `${head} grant ${names} ${on} to ${who}${isGrantable ? " with grant option" : ""}`;
  const take = `${head} revoke ${option}${names} ${on} from ${who}`;
  const where = schema === undefined ? "in every schema" : `in schema ${tameLine(ident(schema))}`;
  const object = `${list.on.replaceAll("_", " ")} that ${roleText(creator)} will make ${where}`;
  const isGrant = change.grant !== undefined;
  const common = {
    sql: isGrant ? give : take,
    object,
    role: grantee,
    reason: isGrant ? "the model grants it on future objects" : "the model does not grant it on future objects",
    touches: [{ about: "defaults", creator, schema }] satisfies Touched[],
    differences: (): readonly Difference[] => [
      isGrant
        ? { difference: "missing", what: "default privilege", object, role: grantee, wanted: names, found: undefined }
        : { difference: "extra", what: "default privilege", object, role: grantee, wanted: undefined, found: names },
    ],
  };
  const inverse = isGrant ? take : give;
  book.propose(
    { ...common, step: STEP.defaults, rank: isGrant ? 1 : 0, kind: "default privileges", inverse },
    rights.privilegesOf(creator),
  );
}
