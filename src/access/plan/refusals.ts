/** What a server's version or its provider gives to nobody: said all at once, before anything is planned. */
import { PgkeepError } from "../../base/errors.ts";
import { tameLine } from "../../base/tame.ts";
import type { RoleModel } from "../model/model.ts";
import { type PrivilegeName, privilegeSince } from "../privileges/privilege.ts";
import type { PlanFacts } from "./facts.ts";
import { isIgnoredName, providerOf } from "./ignored-roles.ts";
import { roleText } from "./naming.ts";

/** 8 problems are named, as everywhere. */
const NAMED = 8;

/** Throws ACCESS_MODEL_INVALID, ACCESS_UNSUPPORTED_VERSION or ACCESS_PROVIDER_REFUSED. */
export function refuseImpossible(facts: PlanFacts): void {
  const untouchable = untouchableRoles(facts);
  if (untouchable.length > 0) {
    throw refusal("ACCESS_MODEL_INVALID", "the model manages roles that are never altered", {
      problems: untouchable,
      hint: 'Take them out of "roles"; name them in "external_roles" where the model speaks of them.',
    });
  }
  const unsupported = [...new Set(versionProblems(facts))];
  if (unsupported.length > 0) {
    throw refusal("ACCESS_UNSUPPORTED_VERSION", `PostgreSQL ${facts.major} does not have what the model asks for`, {
      problems: unsupported,
      hint: "Take it out of the model, or use a server that has it.",
    });
  }
  const refused = providerProblems(facts);
  if (refused.length === 0) return;
  throw refusal("ACCESS_PROVIDER_REFUSED", `${providerOf(facts.snapshot)?.name} gives this attribute to nobody`, {
    problems: refused.map(({ problem }) => problem),
    hint: `${[...new Set(refused.map(({ instead }) => instead))].join("; ")}.`,
  });
}

/** Passing them over without a word would leave the model unfulfilled and call it fulfilled. */
function untouchableRoles({ model, bootstrap }: PlanFacts): string[] {
  return [...model.roles.values()].flatMap(({ name, state, line }) => {
    const isBootstrap = name === bootstrap;
    if (state !== "present" || !(isBootstrap || isIgnoredName(name))) return [];
    const why = isBootstrap ? "is the superuser that the server was made with" : "bears the name of a provider's role";
    return [`line ${line}: ${roleText(name)} ${why}`];
  });
}

interface Refusal {
  problems: readonly string[];
  hint: string;
}

function refusal(
  code: "ACCESS_MODEL_INVALID" | "ACCESS_UNSUPPORTED_VERSION" | "ACCESS_PROVIDER_REFUSED",
  message: string,
  { problems, hint }: Refusal,
): PgkeepError {
  const more = problems.length > NAMED ? [`and ${problems.length - NAMED} more`] : [];
  const detail = [...problems.slice(0, NAMED), ...more].join("\n");
  const start = hint.charAt(0).toUpperCase() + hint.slice(1);
  return new PgkeepError(code, message, { detail, hint: start, state: "nothing was changed" });
}

function versionProblems(facts: PlanFacts): string[] {
  const { model, major } = facts;
  const problems: string[] = [];
  for (const { privileges, line, target } of model.rules) {
    problems.push(...newer(privileges, line, major));
    const since = facts.kind(target.kind).since ?? 0;
    if (major < since) problems.push(`line ${line}: privileges on a ${target.kind} exist from PostgreSQL ${since} on`);
  }
  for (const { kind } of model.governed) {
    const since = facts.kind(kind).since ?? 0;
    if (major < since) problems.push(`privileges on a ${kind} exist from PostgreSQL ${since} on`);
  }
  for (const { privileges, line, on, schema } of model.defaults) {
    problems.push(...newer(privileges, line, major));
    const defaults = [...facts.kinds.values()].find((kind) => kind.defaults?.on === on)?.defaults;
    if (major < (defaults?.since ?? 0)) {
      problems.push(`line ${line}: default privileges on ${on} exist from PostgreSQL ${defaults?.since} on`);
    }
    if (schema !== undefined && defaults?.inSchema === false) {
      problems.push(`line ${line}: default privileges on ${on} cannot be limited to a schema`);
    }
  }
  return major >= 16 ? problems : [...problems, ...membershipProblems(facts)];
}

function newer(privileges: readonly PrivilegeName[] | "all", line: number, major: number): string[] {
  if (privileges === "all") return [];
  return privileges
    .filter((name) => major < privilegeSince(name))
    .map((name) => `line ${line}: privilege "${name}" exists from PostgreSQL ${privilegeSince(name)} on`);
}

/** Up to 15 a membership has no options of its own: INHERIT is the member's, SET is always there. */
function membershipProblems(facts: PlanFacts): string[] {
  return facts.model.memberships.flatMap(({ role, member, inherit, set, line }) => {
    const pair = `"${tameLine(member)}" in "${tameLine(role)}"`;
    const attribute = facts.managed(member)?.inherit ?? facts.existing(member)?.inherit ?? true;
    return [
      ...(set === false ? [`line ${line}: the membership of ${pair} cannot be without SET before PostgreSQL 16`] : []),
      ...(inherit !== undefined && inherit !== attribute
        ? [`line ${line}: before PostgreSQL 16 the role's own "inherit" decides for ${pair}`]
        : []),
    ];
  });
}

const ATTRIBUTES = ["superuser", "replication", "bypassRowSecurity"] as const;

function providerProblems(facts: PlanFacts): { problem: string; instead: string }[] {
  const provider = providerOf(facts.snapshot);
  if (!provider || facts.snapshot.executor.superuser) return [];
  const refused = (role: RoleModel) =>
    ATTRIBUTES.filter((attribute) => role[attribute] && facts.existing(role.name)?.[attribute] !== true);
  return [...facts.model.roles.values()].flatMap((role) =>
    refused(role).map((attribute) => ({
      problem: `${roleText(role.name)} (line ${role.line}): ${attribute}`,
      instead: provider.instead[attribute],
    })),
  );
}
