/**
 * [U-06] Fixes for objects whose names break tools: every statement runs as it is and cures, whatever whoever owns a
 * database calls roles, schemas, tables, columns, functions and the database itself.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Check, Found } from "../../../../../src/audit/check.ts";
import { checkEntries } from "../../../../../src/audit/checks/catalogue.ts";
import { ident } from "../../../../../src/pg/identifiers.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { foundOf, objectsOf, outcomeOn } from "../../../../support/audited.ts";
import { availableMajors, type Major, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { HOSTILE_NAMES } from "../../../../support/hostile-names.ts";

/** No role can be called public, and the names of these tests are not reserved. */
const NAMES = HOSTILE_NAMES.filter((name) => name !== "public");

interface Family {
  /** Checks that find one object per name, or `each` times as many. */
  checks: readonly string[];
  /** What plants the defects of one name. */
  plant: (name: string, major: Major) => string;
}

const FAMILIES: Record<string, Family> = {
  "attributes of roles": {
    checks: ["ROL-001", "ROL-003", "ROL-004", "ROL-027"],
    plant: (name) => `
      create role ${ident(name)} login createrole createdb valid until '2001-01-01';
      create role ${ident(marked(name))} superuser`,
  },
  memberships: {
    checks: ["ROL-013", "ROL-017", "ROL-018", "ROL-028"],
    plant: (name) => `
      create role ${ident(name)} login;
      create role ${ident(marked(name))};
      grant pg_execute_server_program to ${ident(marked(name))};
      grant ${ident(marked(name))} to ${ident(name)} with admin option;
      grant postgres to ${ident(name)}`,
  },
  "settings of roles": {
    checks: ["ROL-021", "PRV-021"],
    plant: (name) => `
      create role ${ident(name)} login;
      alter role ${ident(name)} in database postgres set log_statement = none;
      alter role ${ident(name)} set search_path = ${ident(name)}, pg_catalog`,
  },
  "privileges on tables, columns and schemas": {
    checks: ["PRV-002", "PRV-007", "PRV-008", "PRV-011", "PRV-012", "ROL-023"],
    plant: (name) => `
      create role ${ident(name)};
      create role ${ident(marked(name))};
      create schema ${ident(marked(name))} authorization ${ident(marked(name))};
      create table ${ident(marked(name))}.${ident(name)} (${ident(name)} int, other int);
      grant create on schema ${ident(marked(name))} to public;
      grant select (${ident(name)}) on ${ident(marked(name))}.${ident(name)} to public;
      grant insert on ${ident(marked(name))}.${ident(name)} to public;
      grant truncate on ${ident(marked(name))}.${ident(name)} to ${ident(name)} with grant option`,
  },
  "functions and default privileges": {
    checks: ["PRV-009", "PRV-010", "PRV-014", "PRV-022"],
    plant: (name) => `
      create role ${ident(name)};
      create schema ${ident(marked(name))} authorization ${ident(name)};
      create type ${ident(marked(name))}.${ident(name)} as (id int);
      create function ${ident(marked(name))}.${ident(name)}(${ident(marked(name))}.${ident(name)}) returns int
        language sql as 'select 1';
      alter function ${ident(marked(name))}.${ident(name)}(${ident(marked(name))}.${ident(name)}) owner to ${ident(name)};
      create function ${ident(marked(name))}.of_extension() returns int language sql as 'select 1';
      alter extension plpgsql add function ${ident(marked(name))}.of_extension();
      create function ${ident(marked(name))}.${ident(name)}() returns event_trigger
        language plpgsql as 'begin end';
      create event trigger ${ident(name)} on table_rewrite execute function ${ident(marked(name))}.${ident(name)}();
      alter function ${ident(marked(name))}.${ident(name)}() owner to ${ident(name)};
      alter default privileges for role ${ident(name)} in schema ${ident(marked(name))} grant select on tables to public;
      grant execute on function pg_catalog.pg_switch_wal() to ${ident(name)}`,
  },
  "triggers, partitions and new tables": {
    checks: ["PRV-023", "PRV-024", "PRV-025"],
    plant: (name) => `
      create role ${ident(name)};
      create role ${ident(marked(name))};
      create schema ${ident(marked(name))} authorization ${ident(name)};
      create function ${ident(marked(name))}.${ident(name)}() returns trigger
        language plpgsql as 'begin return new; end';
      create table ${ident(marked(name))}.${ident(name)} (id int) partition by list (id);
      create table ${ident(marked(name))}.part partition of ${ident(marked(name))}.${ident(name)} for values in (1);
      create table ${ident(marked(name))}.other (id int);
      create trigger ${ident(name)} before insert on ${ident(marked(name))}.${ident(name)}
        for each row execute function ${ident(marked(name))}.${ident(name)}();
      alter function ${ident(marked(name))}.${ident(name)}() owner to ${ident(marked(name))};
      alter table ${ident(marked(name))}.${ident(name)} owner to ${ident(name)};
      alter table ${ident(marked(name))}.other owner to ${ident(name)};
      grant insert on ${ident(marked(name))}.${ident(name)}, ${ident(marked(name))}.other to ${ident(marked(name))}`,
  },
  "foreign servers, languages and databases": {
    checks: ["PRV-006", "PRV-016", "PRV-029"],
    plant: (name) => `
      create role ${ident(name)};
      create foreign data wrapper ${ident(name)};
      create server ${ident(name)} foreign data wrapper ${ident(name)};
      grant usage on foreign data wrapper ${ident(name)} to ${ident(name)};
      grant usage on foreign server ${ident(name)} to public;
      create trusted language ${ident(marked(name))} handler pg_catalog.plpgsql_call_handler;
      grant create on database postgres to ${ident(name)}`,
  },
};

/** A second name as hostile as the first, within 63 bytes. */
function marked(name: string): string {
  let rest = name;
  while (Buffer.byteLength(rest) > 61) rest = [...rest].slice(0, -1).join("");
  return `2${rest}`;
}

describe.each(availableMajors())("[U-06] PostgreSQL %s", (major) => {
  let cluster: TestCluster;
  let session: Session;
  const checks = new Map<string, Check>();

  beforeAll(async () => {
    cluster = await startCluster({ major, settings: { max_locks_per_transaction: "512" } });
    session = await connectTo(cluster);
    for (const { id, load } of checkEntries()) if (/^(ROL|PRV)-/.test(id)) checks.set(id, await load());
  });

  afterAll(async () => {
    await session?.close();
    await cluster?.stop();
  });

  const found = async (id: string): Promise<readonly Found[]> => {
    const check = checks.get(id);
    if (check === undefined) throw new Error(`there is no check ${id}`);
    return foundOf(await outcomeOn(session, check));
  };

  it.each(Object.entries(FAMILIES))("%s: every fix runs and cures", async (_, { checks: ids, plant }) => {
    await session.script("begin");
    try {
      const before = new Map<string, number>();
      for (const id of ids) before.set(id, (await found(id)).length);
      for (const name of NAMES) await session.script(plant(name, major));
      for (const id of ids) {
        const defects = await found(id);
        expect(defects.length - (before.get(id) ?? 0), id).toBeGreaterThanOrEqual(NAMES.length);
        expect(new Set(defects.map(({ object }) => object)).size, id).toBe(defects.length);
        // Each by itself: the fix of one check often cures the next one as well.
        await session.script("savepoint planted");
        await session.script([...new Set(defects.flatMap(statements))].join(";\n"));
        expect(await found(id), id).toEqual([]);
        await session.script("rollback to savepoint planted");
      }
    } finally {
      await session.script("rollback");
    }
  });

  it("a database: every fix runs and cures", async () => {
    const prv004 = checks.get("PRV-004");
    if (prv004 === undefined) throw new Error("there is no check PRV-004");
    for (const name of NAMES) {
      await session.script(`begin; alter database template1 is_template false`);
      await session.script(`alter database template1 rename to ${ident(name)}`);
      const defects = foundOf(await outcomeOn(session, prv004));
      expect(defects).toHaveLength(1);
      await session.script(defects.flatMap(statements).join(";\n"));
      expect(objectsOf(await outcomeOn(session, prv004))).toEqual([]);
      await session.script("rollback");
    }
  });
});

function statements({ object, fix }: Found): readonly string[] {
  if (fix?.kind === "sql") return fix.sql;
  if (fix?.kind === "revoke") return [fix.sql];
  throw new Error(`the finding about ${object} has no statements`);
}
