/** The chains of memberships from who is asked about to where a path ends, each hop with its evidence. */
import { PUBLIC } from "../privileges/acl.ts";
import { type Chain, chainsTo } from "./chains.ts";
import { DATABASE_OWNER_ROLE, type MembershipEdge } from "./closures.ts";
import type { EffectiveAccess } from "./effective.ts";
import type { AccessPath, PathStep, Question } from "./explanation.ts";
import type { End } from "./path-ends.ts";
import { revokeHop } from "./removal.ts";

export function pathsTo(
  access: EffectiveAccess,
  question: Question,
  end: End,
): { paths: AccessPath[]; isComplete: boolean } {
  const { role } = question;
  if (end.holder === PUBLIC) return publicPaths(access, question, end);
  const search = { from: role, to: end.holder, isAttribute: end.source === "superuser" };
  const { chains, isComplete } = chainsTo(access.closures, search);
  return { paths: chains.map((chain) => pathOf(access, question, { end, chain })), isComplete };
}

/** Everybody has it. Who cannot reach the schema can still become somebody who does. */
function publicPaths(
  access: EffectiveAccess,
  question: Question,
  end: End,
): { paths: AccessPath[]; isComplete: boolean } {
  const { role, object } = question;
  const here = pathOf(access, question, { end, chain: { hops: [], setHops: 0, acting: role } });
  if (here.reaches) return { paths: [here], isComplete: true };
  const others = [...access.closures.becomes(role)].filter((as) => access.reaches(as, object));
  const found = others.map((to) => chainsTo(access.closures, { from: role, to, isAttribute: true }));
  const paths = found.flatMap(({ chains }) => chains.map((chain) => pathOf(access, question, { end, chain })));
  return { paths: [here, ...paths], isComplete: found.every(({ isComplete }) => isComplete) };
}

function pathOf(access: EffectiveAccess, question: Question, { end, chain }: { end: End; chain: Chain }): AccessPath {
  const { object, privilege } = question;
  const hops = chain.hops.map((hop, index) => hopStep(access, hop, { isSet: index < chain.setHops }));
  return {
    source: end.source,
    when: chain.setHops === 0 ? "now" : "after set role",
    acting: chain.acting,
    steps: end.step ? [...hops, end.step] : hops,
    columns: end.columns,
    reaches: access.reaches(chain.acting, object),
    rows: object.kind === "table" ? access.rowSecurity.limitOf(chain.acting, privilege, object) : undefined,
  };
}

function hopStep({ snapshot }: EffectiveAccess, hop: MembershipEdge, { isSet }: { isSet: boolean }): PathStep {
  const text = `${hop.member} -> ${hop.role} (${isSet ? "set role" : "inherit"})`;
  if (hop.role === DATABASE_OWNER_ROLE && hop.rows.length === 0) {
    return { text, evidence: `${hop.member} owns database ${snapshot.database}`, remove: undefined };
  }
  const addressable = [hop.role, hop.member].every((name) => snapshot.roles.get(name)?.addressable);
  return {
    text,
    evidence: `membership granted by ${hop.rows.map(({ grantor }) => grantor).join(", ")}`,
    remove: addressable ? hop.rows.map((row) => revokeHop(row, snapshot)).join("; ") : undefined,
  };
}
