/**
 * What everybody has: PUBLIC's own entries in the lists of objects, held against the model. Rows 2 to 5, 16 and 17, for
 * PUBLIC.
 *
 * Nobody can act as PUBLIC, so the lists themselves are the answer. The schema is left out of the question: who may use it
 * is asked of each role, and for those an entry of PUBLIC is theirs, whatever it was meant for.
 */
import { type Acl, PUBLIC, privilegesOf } from "../privileges/acl.ts";
import { NO_PRIVILEGES, type PrivilegeSet, privilegeNames, privilegeSet } from "../privileges/privilege.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import type { DesiredObject } from "./desired.ts";
import { labelOf } from "./object-probes.ts";
import type { Probe } from "./probe.ts";

/** Kinds whose objects hold or move data; the row of the matrix that their rights are told under. */
const ROWS: Readonly<Record<string, number>> = { table: 2, sequence: 16, routine: 17 };

/** One probe per right that PUBLIC has or shall have, and one where it has none and shall have none. */
export function publicProbes({ object, grants, columns }: DesiredObject, kind: PrivilegeKind): Probe[] {
  const row = ROWS[object.kind];
  if (row === undefined) return [];
  const held = listHolding(object.acl, privilegeSet(kind.publicByDefault));
  const base = { row, role: PUBLIC, object: labelOf(object), schema: object.schema };
  const whole = compared({ held, wanted: grants.get(PUBLIC) ?? NO_PRIVILEGES }, "");
  const names = new Set([...columns.keys(), ...(object.columns?.keys() ?? [])]);
  const onColumns = [...names].flatMap((column) => {
    const wanted = columns.get(column)?.get(PUBLIC) ?? NO_PRIVILEGES;
    return compared({ held: listHolding(object.columns?.get(column), NO_PRIVILEGES), wanted }, ` column ${column}`);
  });
  const found = [...whole, ...onColumns];
  if (found.length > 0) return found.map((one) => ({ ...base, ...one }));
  return [{ ...base, action: "anything", expected: "refused", attempt: known(false) }];
}

function compared(
  { held, wanted }: { held: PrivilegeSet; wanted: PrivilegeSet },
  suffix: string,
): Pick<Probe, "action" | "expected" | "attempt">[] {
  return privilegeNames(held | wanted).map((name) => {
    const bit = privilegeSet([name]);
    return {
      action: `${name}${suffix}`,
      expected: (wanted & bit) === 0 ? "refused" : "allowed",
      attempt: known((held & bit) !== 0),
    };
  });
}

function known(allowed: boolean): Probe["attempt"] {
  return { kind: "known", allowed, why: allowed ? "its list has an entry for PUBLIC" : "its list has none for PUBLIC" };
}

/** `builtIn` holds while there is no list. */
function listHolding(acl: Acl | undefined, builtIn: PrivilegeSet): PrivilegeSet {
  return acl === undefined ? builtIn : privilegesOf(acl, PUBLIC).privileges;
}
