/**
 * Who can get at which role through memberships, and which grants of membership make it so.
 *
 * The server returns every membership on any way to the roles in question, once each; ways are walked here, breadth first,
 * so that a net of roles with millions of ways costs no more than its memberships. What a membership is good for:
 *   SET      become the role: everything that it may do, its memberships included. Every step from the login must allow it.
 *   INHERIT  have the role's privileges while staying oneself, but not the SET memberships of that role.
 *   ADMIN    grant the role to oneself, which ends in SET. Roles that are superusers are granted by superusers only.
 * Before 16 every membership allows SET, and inheriting is an attribute of the member.
 */
import { ident } from "../../../pg/identifiers.ts";
import type { TextRow } from "../../../pg/session.ts";
import { type Check, defineCheck, type Found } from "../../check.ts";
import { notOfProvider } from "./provider-roles.ts";

/** any: the role's privileges, this way or that. become: SET ROLE to it. inherit: its privileges without asking. */
type Reach = "any" | "become" | "inherit";

interface MembershipCheckParts extends Omit<Check, "scope" | "needs" | "examine"> {
  /** SQL condition on the role with the alias `t`. */
  target: string;
  reach: Reach;
  /** Why the statements of the fix may hurt. */
  riskReason: string;
}

/** A check of which logins get at `target`: one finding per login, with the shortest way to each role in question. */
export function membershipCheck({ target, reach, riskReason, ...parts }: MembershipCheckParts): Check {
  return defineCheck({
    ...parts,
    scope: "cluster",
    needs: [],
    examine: async (facts) => {
      const { major } = facts.server();
      const edges = (await facts.query(edgesSql(major, target))).map(edgeOf);
      return findings(edges, { reach, major, riskReason });
    },
  });
}

/** One membership. */
interface Edge {
  role: string;
  member: string;
  /** Names as the server quotes them. */
  shownRole: string;
  shownMember: string;
  /** The role is one of those in question. */
  isTarget: boolean;
  roleIsSuperuser: boolean;
  /** The member is a login that a finding can be about. */
  isStart: boolean;
  allowsSet: boolean;
  allowsUse: boolean;
  allowsAdmin: boolean;
  grantor: string;
  /** The member granted the role on. */
  isPassedOn: boolean;
}

function edgesSql(major: number, target: string): string {
  return `
  with recursive below as (
    select t.oid
      from pg_catalog.pg_roles as t
     where ${target}
     union
    select m.member
      from below
      join pg_catalog.pg_auth_members as m on m.roleid = below.oid
  ), passed_on as (
    select distinct m.roleid, m.grantor from pg_catalog.pg_auth_members as m
  )
  select t.rolname as role,
         pg_catalog.quote_ident(t.rolname) as shown_role,
         r.rolname as member,
         pg_catalog.quote_ident(r.rolname) as shown_member,
         (${target}) as is_target,
         t.rolsuper as is_superuser,
         r.rolcanlogin and not r.rolsuper and r.rolname !~ '^pg_'
         and ${notOfProvider("r.rolname")} as is_start,
         ${major < 16 ? "true" : "m.set_option"} as allows_set,
         ${major < 16 ? "r.rolinherit" : "m.inherit_option"} as allows_use,
         m.admin_option as allows_admin,
         g.rolname as grantor,
         p.roleid is not null as is_passed_on
    from below
    join pg_catalog.pg_auth_members as m on m.roleid = below.oid
    join pg_catalog.pg_roles as t on t.oid = m.roleid
    join pg_catalog.pg_roles as r on r.oid = m.member
    left join pg_catalog.pg_roles as g on g.oid = m.grantor
    left join passed_on as p on p.roleid = m.roleid and p.grantor = m.member
   order by 1, 3, g.rolname`;
}

function edgeOf(row: TextRow): Edge {
  return {
    role: row.role ?? "",
    member: row.member ?? "",
    shownRole: row.shown_role ?? "",
    shownMember: row.shown_member ?? "",
    isTarget: row.is_target === "t",
    roleIsSuperuser: row.is_superuser === "t",
    isStart: row.is_start === "t",
    allowsSet: row.allows_set === "t",
    allowsUse: row.allows_use === "t",
    allowsAdmin: row.allows_admin === "t",
    grantor: row.grantor ?? "",
    isPassedOn: row.is_passed_on === "t",
  };
}

/** The statement that takes one membership away. Before 16 a pair has one membership, whoever granted it. */
function revokeMembership({ role, member, grantor, isPassedOn }: Edge, major: number): string {
  const statement = `revoke ${ident(role)} from ${ident(member)}`;
  if (major < 16) return statement;
  return `${statement} granted by ${ident(grantor)}${isPassedOn ? " cascade" : ""}`;
}

function findings(
  edges: readonly Edge[],
  { reach, major, riskReason }: { reach: Reach; major: number; riskReason: string },
): readonly Found[] {
  const edgesOf = new Map<string, Edge[]>();
  for (const edge of edges) edgesOf.set(edge.member, [...(edgesOf.get(edge.member) ?? []), edge]);
  const starts = new Map(edges.filter(({ isStart }) => isStart).map((edge) => [edge.member, edge.shownMember]));
  return [...starts].flatMap(([start, shown]) => {
    const { ways, last } = walk(start, shown, { edgesOf, reach });
    if (ways.length === 0) return [];
    return {
      object: shown,
      detail: shortened(ways),
      fix: {
        kind: "sql",
        sql: [...new Set(last.map((edge) => revokeMembership(edge, major)))],
        risk: "medium",
        riskReason,
      },
    } satisfies Found;
  });
}

/** 4: more ways make a line longer and nobody wiser. */
const MAX_WAYS = 4;

function shortened(ways: readonly string[]): string {
  const rest = ways.length - MAX_WAYS;
  return `${ways.slice(0, MAX_WAYS).join("; ")}${rest > 0 ? `; ${rest} more` : ""}`;
}

type How = "set" | "use";

interface Step {
  role: string;
  how: How;
  /** "app > ops". */
  way: string;
}

/** The shortest way to every role in question, and the memberships by which those are entered. */
function walk(start: string, shown: string, { edgesOf, reach }: { edgesOf: Map<string, Edge[]>; reach: Reach }) {
  const waiting: Step[] = [{ role: start, how: "set", way: shown }];
  const seen = new Set<string>();
  const ways = new Map<string, string>();
  const last: Edge[] = [];
  for (const step of waiting) {
    for (const edge of edgesOf.get(step.role) ?? []) {
      for (const how of stepsOver(edge, step.how, reach)) {
        const next = { role: edge.role, how, way: `${step.way} > ${edge.shownRole}` };
        if (edge.isTarget && (reach !== "become" || how === "set")) {
          last.push(edge);
          if (!ways.has(edge.role)) ways.set(edge.role, next.way);
        }
        const state = `${how} ${edge.role}`;
        if (seen.has(state)) continue;
        seen.add(state);
        waiting.push(next);
      }
    }
  }
  return { ways: [...ways.values()], last };
}

function stepsOver(edge: Edge, how: How, reach: Reach): How[] {
  if (reach === "inherit") return edge.allowsUse ? ["use"] : [];
  const canBecome = (how === "set" && edge.allowsSet) || (edge.allowsAdmin && !edge.roleIsSuperuser);
  return [...(canBecome ? (["set"] as const) : []), ...(edge.allowsUse ? (["use"] as const) : [])];
}
