/**
 * Every kind of object, on every version: its definition grants, is inspected, takes away and changes owners on a real
 * server, with names that break tools, and what it says about built-in defaults is what the server says.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import { aclEntryText, privilegesOf } from "../../../../src/access/privileges/acl.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import database from "../../../../src/access/privileges/database.ts";
import foreignDataWrapper from "../../../../src/access/privileges/foreign-data-wrapper.ts";
import foreignServer from "../../../../src/access/privileges/foreign-server.ts";
import language from "../../../../src/access/privileges/language.ts";
import largeObject from "../../../../src/access/privileges/large-object.ts";
import parameter from "../../../../src/access/privileges/parameter.ts";
import { knownTo, privilegeSet } from "../../../../src/access/privileges/privilege.ts";
import type { PrivilegeKind } from "../../../../src/access/privileges/privilege-kind.ts";
import routine from "../../../../src/access/privileges/routine.ts";
import schema from "../../../../src/access/privileges/schema.ts";
import sequence from "../../../../src/access/privileges/sequence.ts";
import table from "../../../../src/access/privileges/table.ts";
import tablespace from "../../../../src/access/privileges/tablespace.ts";
import type from "../../../../src/access/privileges/type.ts";
import { ident } from "../../../../src/pg/identifiers.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

const HOSTILE = `a"b'c;--\n\\! x\u202e`;
const OTHER = `other ${HOSTILE}`;
const NAME = ident(HOSTILE);
const TYPE = `${NAME}.${ident("ty\npe")}`;
const TYPE_TEXT = `"${HOSTILE.replaceAll('"', '""')}"."ty\npe"`;

interface Member {
  kind: PrivilegeKind;
  /** What the object is, where a kind has several. */
  what: string;
  setup: string;
  name: string;
  /** The letter of acldefault(); undefined where lists start otherwise. */
  letter: string | undefined;
}

const inSchema = (
  kind: PrivilegeKind,
  what: string,
  more: Pick<Member, "setup" | "letter"> & { name?: string },
): Member => ({
  kind,
  what,
  name: HOSTILE,
  ...more,
});

const THING = `${NAME}.${NAME}`;
const WRAPPER = `create foreign data wrapper ${NAME}`;
const SERVER = `${WRAPPER}; create server ${NAME} foreign data wrapper ${NAME}`;

const MEMBERS: readonly Member[] = [
  { kind: database, what: "database", setup: "", name: HOSTILE, letter: "d" },
  { kind: schema, what: "schema", setup: "", name: HOSTILE, letter: "n" },
  inSchema(table, "table", { setup: `create table ${THING} (id int)`, letter: "r" }),
  inSchema(table, "partitioned table", { setup: `create table ${THING} (id int) partition by list (id)`, letter: "r" }),
  inSchema(table, "view", { setup: `create view ${THING} as select 1 as one`, letter: "r" }),
  inSchema(table, "materialized view", { setup: `create materialized view ${THING} as select 1 as one`, letter: "r" }),
  inSchema(table, "foreign table", {
    setup: `${SERVER}; create foreign table ${THING} (id int) server ${NAME}`,
    letter: "r",
  }),
  inSchema(sequence, "sequence", { setup: `create sequence ${THING}`, letter: "s" }),
  inSchema(routine, "function", {
    setup: `create function ${THING}(a ${TYPE}, variadic b text[], out c int) language sql as 'select 1'`,
    letter: "f",
    name: `${HOSTILE}(${TYPE_TEXT}, text[])`,
  }),
  inSchema(routine, "procedure", {
    setup: `create procedure ${THING}(${NAME} ${TYPE}, inout b text) language sql as 'select ''x'''`,
    letter: "f",
    name: `${HOSTILE}(${TYPE_TEXT}, text)`,
  }),
  inSchema(routine, "aggregate", {
    setup: `create aggregate ${THING}(int) (sfunc = int4pl, stype = int)`,
    letter: "f",
    name: `${HOSTILE}(integer)`,
  }),
  inSchema(type, "type", { setup: `create type ${THING} as (a int)`, letter: "T" }),
  inSchema(type, "domain", { setup: `create domain ${THING} as int`, letter: "T" }),
  { kind: language, what: "language", setup: "", name: "plpgsql", letter: "l" },
  { kind: foreignDataWrapper, what: "wrapper", setup: WRAPPER, name: HOSTILE, letter: "F" },
  { kind: foreignServer, what: "server", setup: SERVER, name: HOSTILE, letter: "S" },
  { kind: largeObject, what: "large object", setup: "select lo_create(4711)", name: "4711", letter: "L" },
  { kind: parameter, what: "parameter", setup: "", name: "app.set_ting", letter: undefined },
  { kind: tablespace, what: "tablespace", setup: "", name: "pg_default", letter: "t" },
];

/** FDWs belong to superusers, languages to the extension's maker, tablespaces of the server to the server. */
const OWNER_STAYS = new Set<PrivilegeKind>([foreignDataWrapper, language, tablespace, parameter]);

describe.each(availableMajors())("kinds of objects on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster, { database: await cluster.createDatabase(HOSTILE) });
    await session.script(`create role ${NAME}; create role ${ident(OTHER)}; create schema ${NAME};
      create type ${TYPE} as enum ('x')`);
  });
  afterAll(async () => {
    await session.close();
    await cluster.stop();
  });

  const seen = async ({ kind, name, what }: Member): Promise<CatalogObject | undefined> =>
    (await inspect(session)).objects[kind.name].find((object) => object.name === name && isOf(object, what));
  const found = async (member: Member): Promise<CatalogObject> => {
    const object = await seen(member);
    if (!object) throw new Error(`the inspection has no ${member.what}`);
    return object;
  };
  const members = MEMBERS.filter(({ kind }) => major >= (kind.since ?? 0));

  it.each(members.map((member) => [member.what, member] as const))("%s", async (_, member) => {
    const { kind, letter, setup } = member;
    await session.script("begin");
    try {
      await session.script(`${setup}; ${kind === parameter ? `grant set on parameter app.set_ting to ${NAME}` : ""}`);
      const object = await found(member);
      if (letter !== undefined) expect(defaultText(kind, object, major)).toBe(await serverDefault(session, letter));
      const all = knownTo(privilegeSet(kind.privileges), major);
      const on = `${kind.keyword} ${object.sql}`;
      const words = kind.privileges.filter((name) => (privilegeSet([name]) & all) !== 0).join(", ");

      await session.script(`grant ${words} on ${on} to ${NAME} with grant option`);
      expect(privilegesOf((await found(member)).acl ?? [], HOSTILE)).toEqual({ privileges: all, grantable: all });

      if (kind.ownerKeyword && !OWNER_STAYS.has(kind)) {
        // A new owner needs CREATE where the object lives; the superuser who moves it does not.
        await session.script(`alter ${kind.ownerKeyword(object)} ${object.sql} owner to ${ident(OTHER)}`);
        expect((await found(member)).owner).toBe(OTHER);
      }

      await session.script(`revoke ${words} on ${on} from ${NAME}`);
      expect(privilegesOf((await seen(member))?.acl ?? [], HOSTILE)).toEqual({ privileges: 0, grantable: 0 });
    } finally {
      await session.script("rollback");
    }
  });

  it.each(
    [schema, table, sequence, routine, type, largeObject]
      .filter(({ defaults }) => defaults && major >= (defaults.since ?? 0))
      .map((kind) => [kind.name, kind] as const),
  )("default privileges on %s", async (_, { defaults, privileges }) => {
    if (!defaults) throw new Error("the kind has no default privileges");
    await session.script("begin");
    try {
      const [privilege = ""] = privileges;
      const where = defaults.inSchema ? `in schema ${NAME}` : "";
      const grant = `grant ${privilege} on ${defaults.keyword} to ${ident(OTHER)}`;
      await session.script(`alter default privileges for role ${NAME} ${where} ${grant}`);
      const { defaultAcls } = await inspect(session);
      expect(defaultAcls.map(({ creator, schema: inside, on }) => ({ creator, inside, on }))).toEqual([
        { creator: HOSTILE, inside: defaults.inSchema ? HOSTILE : undefined, on: defaults.on },
      ]);
      expect(privilegesOf(defaultAcls[0]?.acl ?? [], OTHER).privileges).toBe(privilegeSet(privileges.slice(0, 1)));
    } finally {
      await session.script("rollback");
    }
  });

  it.each([table, sequence, routine].map((kind) => [kind.name, kind] as const))(
    "all of a schema at once: %s",
    async (_, { allInSchema, privileges }) => {
      await session.script(`begin; grant ${privileges[0]} on ${allInSchema} in schema ${NAME} to ${NAME}; rollback`);
    },
  );
});

function isOf({ subkind }: CatalogObject, what: string): boolean {
  return subkind === undefined || subkind === what || (what === "type" && subkind === "type");
}

/** The built-in list that the definition stands for, as the server writes lists. */
function defaultText(kind: PrivilegeKind, { owner = "" }: CatalogObject, major: number): string {
  const entry = (grantee: string, names: PrivilegeKind["privileges"]) =>
    aclEntryText({ grantee, grantor: owner, privileges: knownTo(privilegeSet(names), major), grantable: 0 });
  const open = kind.publicByDefault.length > 0 ? [entry("", kind.publicByDefault)] : [];
  return `{${[...open, entry(owner, kind.ownerByDefault ?? kind.privileges)].join(",")}}`;
}

async function serverDefault(session: Session, letter: string): Promise<string | null | undefined> {
  const [row] = await session.query('select acldefault($1::"char", 10)::text as acl', [letter]);
  return row?.acl;
}
