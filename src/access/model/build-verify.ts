/** What a model's file wants to have proved: "django: select app.orders", taken apart. */
import { nearestName } from "../../base/suggest.ts";
import { tameLine } from "../../base/tame.ts";
import type { Located } from "../../config/document-form.ts";
import type { Position, SourceProblems } from "../../config/yaml-source.ts";
import { PUBLIC } from "../privileges/acl.ts";
import type { ModelDocument } from "./grammar.ts";
import { type Building, isPublic } from "./granting.ts";
import type { Expectation, RoleModel, VerifyModel } from "./model.ts";

/** Actions of more words than one come first, so that the longest that fits is taken. */
const VERIFY_ACTIONS = [
  "alter system",
  "create in",
  "create temporary",
  "set role",
  "set parameter",
  "select",
  "insert",
  "update",
  "delete",
  "truncate",
  "references",
  "trigger",
  "maintain",
  "execute",
  "usage",
  "create",
  "temporary",
  "connect",
  "nextval",
  "currval",
  "setval",
  "alter",
  "drop",
  "set",
] as const;

type Written = NonNullable<NonNullable<ModelDocument["verify"]>["value"]["must"]>["value"][number];

export function buildVerify(
  { verify }: ModelDocument,
  roles: ReadonlyMap<string, RoleModel>,
  { problems, mentions }: Pick<Building, "problems" | "mentions">,
): VerifyModel {
  const mention = (name: string, at: Position): void => {
    if (!isPublic(name)) mentions.push({ value: name, at });
  };
  const { logins, must, must_not, call } = verify?.value ?? {};
  const read = (written: readonly Written[] | undefined, expected: Expectation["expected"]): Expectation[] =>
    (written ?? []).flatMap((each) => {
      const parts = partsOf(each, roles, problems);
      if (!parts) return [];
      mention(parts.role, each.at);
      return [{ ...parts, role: isPublic(parts.role) ? PUBLIC : parts.role, expected, line: each.at.line }];
    });
  for (const { name, at } of logins?.value ?? []) mention(name, at);
  return {
    logins: new Map((logins?.value ?? []).map(({ name, value }) => [name, value.value])),
    expectations: [...read(must?.value, "allowed"), ...read(must_not?.value, "refused")],
    callable: (call?.value ?? []).map(({ value }) => value),
  };
}

type Parts = Pick<Expectation, "role" | "action" | "object">;

function partsOf(
  { value, at }: Written,
  roles: ReadonlyMap<string, RoleModel>,
  problems: SourceProblems,
): Parts | undefined {
  if (typeof value !== "string") {
    const action = value.action && knownAction(value.action, problems);
    return action ? { role: value.role?.value ?? "", action, object: value.object?.value ?? "" } : undefined;
  }
  const colon = roleEnd(value, roles);
  if (colon < 0) {
    problems.add(at, 'must be written as "role: action object"');
    return undefined;
  }
  const rest = value.slice(colon + 1).trim();
  const action = VERIFY_ACTIONS.find(
    (each) => rest.toLowerCase() === each || rest.toLowerCase().startsWith(`${each} `),
  );
  const object = action ? rest.slice(action.length).trim() : "";
  if (action && object !== "") return { role: value.slice(0, colon), action, object };
  if (action) problems.add(at, `"${action}" of what? Name the object`);
  else knownAction({ value: rest.split(" ")[0] ?? "", at }, problems);
  return undefined;
}

/** Names may hold colons themselves, so the longest role that the file knows is meant; else the first colon ends it. */
function roleEnd(text: string, roles: ReadonlyMap<string, RoleModel>): number {
  const colons = [...text.matchAll(/:/g)].map(({ index }) => index);
  return colons.findLast((index) => roles.has(text.slice(0, index))) ?? colons[0] ?? -1;
}

function knownAction({ value, at }: Located<string>, problems: SourceProblems): string | undefined {
  const action = VERIFY_ACTIONS.find((each) => each === value.toLowerCase());
  if (action) return action;
  const near = nearestName(value, VERIFY_ACTIONS);
  problems.add(
    at,
    `unknown action "${tameLine(value)}"${near ? `; did you mean "${near}"?` : `; known: ${VERIFY_ACTIONS.join(", ")}`}`,
  );
  return undefined;
}
