/**
 * Random states of schemas and random models of them, for plans: many schemas to a round, so that one plan is a test of
 * many states.
 */
import { randomNumbers } from "./random-access.ts";

const TABLE_PRIVILEGES = ["select", "insert", "update", "delete", "truncate", "references", "trigger"];
const ROLES = 9;
/** Roles 0 to 5 are in the model; the others are somebody else's. */
const MANAGED = 6;

export interface RandomRound {
  /** Makes the state; parts that the server refuses change nothing. */
  setup: string;
  /** As JSON. */
  model: string;
  /** Direct privileges that each managed role shall have on each table, unless it owns it: "schema.table role" -> names. */
  expected: ReadonlyMap<string, readonly string[]>;
}

export interface RoundShape {
  major: number;
  database: string;
  schemas: number;
  mode: "adopt" | "authoritative" | "additive";
}

export function randomRound(seed: number, { major, database, schemas, mode }: RoundShape): RandomRound {
  const random = randomNumbers(seed);
  const prefix = `p${seed}`;
  const chance = (oneIn: number): boolean => random(oneIn) === 0;
  const pick = <T>(list: readonly T[]): T => {
    const picked = list[random(list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  };
  const some = <T>(list: readonly T[]): T[] => {
    const found = list.filter(() => chance(2));
    return found.length > 0 ? found : [pick(list)];
  };
  const role = (): string => `${prefix}_r${random(ROLES)}`;
  const managed = (): string => `${prefix}_r${random(MANAGED)}`;
  const grantee = (): string => (chance(6) ? "public" : role());
  const managedRoles = Array.from({ length: MANAGED }, (_, n) => `${prefix}_r${n}`);
  const setup: string[] = Array.from(
    { length: ROLES },
    (_, n) =>
      `create role ${prefix}_r${n}${chance(3) ? " noinherit" : ""}${chance(3) ? " login connection limit 3" : ""}`,
  );
  const options = (): string =>
    major >= 16 && chance(2)
      ? ` with admin ${chance(2)}, inherit ${chance(2)}, set ${chance(2)}`
      : chance(3)
        ? " with admin option"
        : "";
  for (let n = 0; n < 10; n++) {
    const grant = `grant ${role()} to ${role()}${options()}`;
    setup.push(chance(3) ? `set local role ${role()}; execute '${grant}'; reset role` : grant);
  }
  if (chance(2))
    setup.push(`alter role ${role()} set search_path to a, "B c"`, `alter role ${role()} set work_mem to '8MB'`);
  const model: Record<string, unknown> = {};
  const expected = new Map<string, string[]>();
  for (let n = 0; n < schemas; n++) {
    const schema = `${prefix}_s${n}`;
    const tables = [`${schema}.t0`, `${schema}.t1`, `${schema}.v`, `${schema}.part`, `${schema}.part1`];
    const things: readonly [on: string, privileges: readonly string[]][] = [
      ...tables.map((table): [string, readonly string[]] => [
        `table ${table}`,
        [...TABLE_PRIVILEGES, ...(major >= 17 ? ["maintain"] : [])],
      ]),
      [`table ${schema}.t0`, ["select (a)", "insert (a, b)", "update (b)", "references (a)"]],
      [`sequence ${schema}.t0_a_seq`, ["usage", "select", "update"]],
      [`routine ${schema}.f(int)`, ["execute"]],
      [`type ${schema}.d`, ["usage"]],
      [`schema ${schema}`, ["usage", "create"]],
    ];
    setup.push(
      `create schema ${schema} authorization ${role()}`,
      `create table ${schema}.t0 (a serial, b text)`,
      `create table ${schema}.t1 (a int, owner text)`,
      `create view ${schema}.v as select a from ${schema}.t1`,
      `create table ${schema}.part (a int) partition by list (a)`,
      `create table ${schema}.part1 partition of ${schema}.part for values in (1)`,
      `create function ${schema}.f(int) returns int language sql as 'select 1'`,
      `create domain ${schema}.d as int`,
    );
    for (let grant = 0; grant < 4; grant++) if (chance(2)) setup.push(`grant usage on schema ${schema} to ${role()}`);
    for (const [on] of things) {
      if (on.includes("a_seq") || !chance(3)) continue;
      setup.push(`alter ${on.replace(/^table (.*\.v)$/, "view $1")} owner to ${role()}`);
    }
    if (chance(3)) setup.push(`alter table ${schema}.t1 enable row level security`);
    if (chance(3)) setup.push(`create policy p on ${schema}.t1 to ${role()} using (a > ${random(3)})`);
    if (chance(4)) setup.push(`create policy q on ${schema}.t1 as restrictive for select using (owner = current_user)`);
    for (let step = 0; step < 25; step++) {
      const [on, privileges] = pick(things);
      const what = chance(5) && !privileges[0]?.includes("(") ? "all" : pick(privileges);
      const verb = chance(4)
        ? `revoke ${what} on ${on} from ${chance(3) ? role() : grantee()} cascade`
        : `grant ${what} on ${on} to ${grantee()}${chance(3) ? " with grant option" : ""}`;
      setup.push(chance(2) ? `set local role ${role()}; execute '${verb}'; reset role` : verb);
    }
    for (let step = 0; step < 3; step++) {
      const on = pick(["tables", "sequences", "routines", "types"]);
      const what = { tables: "select, insert", sequences: "usage", routines: "execute", types: "usage" }[on];
      const scope = chance(3) ? "" : ` in schema ${schema}`;
      setup.push(
        `alter default privileges for role ${role()}${scope} ${
          chance(4)
            ? `revoke ${what} on ${on} from ${grantee()}`
            : `grant ${what} on ${on} to ${grantee()}${chance(4) ? " with grant option" : ""}`
        }`,
      );
    }
    const grants = managedRoles
      .filter(() => chance(2))
      .map((to) => {
        const held = chance(6) ? ["all"] : some(TABLE_PRIVILEGES);
        const grantable = chance(5);
        for (const table of tables) {
          const all = [...TABLE_PRIVILEGES, ...(major >= 17 ? ["maintain"] : [])];
          expected.set(`${table} ${to}`, (held[0] === "all" ? all : held).toSorted());
        }
        return {
          to,
          usage: chance(2),
          create: chance(4),
          tables: held,
          ...(chance(2) ? { sequences: some(["usage", "select", "update"]) } : {}),
          ...(chance(2) ? { routines: ["execute"] } : {}),
          ...(grantable ? { grantable: true } : {}),
        };
      });
    const creator = managed();
    const exceptions: unknown[] = [];
    for (const to of managedRoles) {
      if (!chance(6)) continue;
      exceptions.push({ table: "t0", columns: { [to]: { select: ["a"] } } });
      const key = `${schema}.t0 ${to}`;
      expected.set(
        key,
        (expected.get(key) ?? []).filter((name) => name !== "select"),
      );
    }
    if (chance(4)) {
      const from = managed();
      exceptions.push({ table: "t1", revoke: "all", from: [from] });
      expected.set(`${schema}.t1 ${from}`, []);
    }
    model[schema] = {
      ...(chance(3) ? { owner: managed() } : {}),
      ...(chance(2) ? { owners: { [managed()]: { tables: ["*"], routines: ["*"] } } } : {}),
      ...(chance(2) ? { revoke_public: true } : {}),
      ...(chance(3) ? { revoke_public_objects: true } : {}),
      grants,
      ...(exceptions.length > 0 ? { exceptions } : {}),
      defaults_for: [creator],
      ...(chance(2) ? { routines_public_execute: "revoke" } : {}),
      ...(chance(2)
        ? {
            rls: [
              {
                table: "t1",
                enable: chance(2),
                force: chance(2),
                policies: chance(3)
                  ? []
                  : [
                      {
                        name: pick(["p", "n"]),
                        to: [managed()],
                        for: pick(["all", "select"]),
                        using: "owner = current_user and a > 1",
                      },
                    ],
              },
            ],
          }
        : {}),
    };
  }
  const roles = Object.fromEntries(
    managedRoles.map((name, index) => [
      name,
      {
        login: chance(2),
        inherit: !chance(4),
        ...(chance(3) ? { connection_limit: 7 } : {}),
        ...(chance(3) ? { settings: { search_path: 'x, "Y z"' } } : {}),
        ...(chance(2) && index > 0 ? { member_of: [managedRoles[random(index)] ?? ""] } : {}),
      },
    ]),
  );
  return {
    setup: setup.map(asAttempt).join("\n"),
    model: JSON.stringify({ version: 1, database, mode, roles, schemas: model }),
    expected,
  };
}

/** What the server refuses is left out. */
function asAttempt(statement: string): string {
  const parts = statement.startsWith("set local role") ? statement : `execute ${quote(statement)}`;
  const body = parts.replace(
    /^set local role (\S+); execute '(.*)'; reset role$/s,
    (_, role: string, inner: string) => `execute 'set local role ${role}'; execute ${quote(inner)}; reset role`,
  );
  return `do $try$ begin ${body}; exception when others then reset role; end $try$;`;
}

function quote(text: string): string {
  return `$sql$${text}$sql$`;
}
