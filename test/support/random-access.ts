/** Databases full of random roles, memberships, owners and grants, as SQL that one transaction can hold. */

/** A number below `below`; the same seed gives the same sequence (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const ROLES = 10;

interface Thing {
  on: string;
  privileges: readonly string[];
  /** What ALTER ... OWNER TO takes; undefined when the owner stays. */
  alter?: string;
}

/** Statements that build model number `seed`; those that the server refuses change nothing. */
export function randomModel(seed: number, { major, database }: { major: number; database: string }): string {
  const random = randomNumbers(seed);
  const role = (): string => `rnd_${random(ROLES)}`;
  const pick = <T>(list: readonly T[]): T => {
    const picked = list[random(list.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  };
  const grantee = (): string => (random(6) === 0 ? "public" : role());
  const things = thingsOf(major, database);
  const statements = [
    ...Array.from({ length: ROLES }, (_, n) => `create role rnd_${n} ${random(3) === 0 ? "noinherit" : "inherit"}`),
    ...(random(4) === 0 ? [`alter role ${role()} superuser`] : []),
    ...Array.from({ length: 4 + random(10) }, () => membership({ random, role, pick, major })),
    `create schema rnd authorization ${role()}`,
    ...OBJECTS,
    ...things.flatMap(({ alter }) => (alter && random(2) === 0 ? [`alter ${alter} owner to ${role()}`] : [])),
    ...Array.from({ length: 40 + random(60) }, () => {
      const thing = pick(things);
      const what = random(5) === 0 ? "all" : pick(thing.privileges);
      const revokes = random(4) === 0;
      const verb = revokes
        ? `revoke ${what} on ${thing.on} from ${grantee()}${random(2) === 0 ? " cascade" : ""}`
        : `grant ${what} on ${thing.on} to ${grantee()}${random(4) === 0 ? " with grant option" : ""}`;
      return random(3) === 0 ? `set local role ${role()}; execute '${verb}'; reset role` : verb;
    }),
  ];
  return statements.map(asAttempt).join("\n");
}

function membership({
  random,
  role,
  pick,
  major,
}: {
  random: (below: number) => number;
  role: () => string;
  pick: <T>(list: readonly T[]) => T;
  major: number;
}): string {
  const predefined = ["pg_read_all_data", "pg_write_all_data", ...(major >= 17 ? ["pg_maintain"] : [])];
  const granted = random(5) === 0 ? pick(predefined) : role();
  const options =
    major >= 16 ? ` with inherit ${random(2) === 0}, set ${random(2) === 0}, admin ${random(4) === 0}` : "";
  return `grant ${granted} to ${role()}${options}`;
}

const OBJECTS = [
  "create table rnd.a (id int, name text, secret text)",
  "create table rnd.b (id serial)",
  "create view rnd.v as select 1 as one",
  "create materialized view rnd.m as select 1 as one",
  "create sequence rnd.s",
  "create function rnd.f(int) returns int language sql as 'select 1'",
  "create procedure rnd.p(int) language sql as 'select 1'",
  "create type rnd.e as enum ('x')",
  "create domain rnd.d as int",
  "create foreign data wrapper rnd_w",
  "create server rnd_s foreign data wrapper rnd_w",
  "perform lo_create(990001)",
];

function thingsOf(major: number, database: string): readonly Thing[] {
  const table = [
    "select",
    "insert",
    "update",
    "delete",
    "truncate",
    "references",
    "trigger",
    ...(major >= 17 ? ["maintain"] : []),
  ];
  return [
    {
      on: "table rnd.a",
      privileges: [...table, "select (name)", "update (secret, name)", "insert (id)"],
      alter: "table rnd.a",
    },
    { on: "table rnd.b", privileges: table, alter: "table rnd.b" },
    { on: "table rnd.v", privileges: table, alter: "view rnd.v" },
    { on: "table rnd.m", privileges: table, alter: "materialized view rnd.m" },
    { on: "sequence rnd.s", privileges: ["select", "update", "usage"], alter: "sequence rnd.s" },
    { on: "sequence rnd.b_id_seq", privileges: ["select", "update", "usage"] },
    { on: "routine rnd.f(int)", privileges: ["execute"], alter: "routine rnd.f(int)" },
    { on: "routine rnd.p(int)", privileges: ["execute"], alter: "routine rnd.p(int)" },
    { on: "type rnd.e", privileges: ["usage"], alter: "type rnd.e" },
    { on: "domain rnd.d", privileges: ["usage"], alter: "domain rnd.d" },
    { on: "schema rnd", privileges: ["usage", "create"], alter: "schema rnd" },
    { on: "schema public", privileges: ["usage", "create"], alter: "schema public" },
    { on: `database ${database}`, privileges: ["connect", "create", "temporary"], alter: `database ${database}` },
    { on: "language plpgsql", privileges: ["usage"] },
    { on: "foreign data wrapper rnd_w", privileges: ["usage"] },
    { on: "foreign server rnd_s", privileges: ["usage"], alter: "server rnd_s" },
    { on: "large object 990001", privileges: ["select", "update"], alter: "large object 990001" },
    { on: "tablespace pg_default", privileges: ["create"] },
    { on: "table pg_catalog.pg_authid", privileges: ["select", "update"] },
    { on: "table pg_catalog.pg_class", privileges: ["delete", "insert"] },
    ...(major >= 15
      ? [
          { on: "parameter work_mem", privileges: ["set", "alter system"] },
          { on: "parameter log_statement", privileges: ["set", "alter system"] },
        ]
      : []),
  ];
}

/** In a block of its own, so that a refusal undoes this statement alone. */
function asAttempt(statement: string): string {
  return `do $rnd$ begin ${statement}; exception when others then null; end $rnd$;`;
}
