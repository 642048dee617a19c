/**
 * Computed answers against the server's own, and against trying: for every role, object and privilege of random models.
 *
 * Each model lives in a transaction that is rolled back, roles and all. A failure names its seed.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import { privilegeKinds } from "../../../../src/access/catalog/kinds.ts";
import { type EffectiveAccess, effectiveAccess } from "../../../../src/access/effective/effective.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import { privilegeNames, privilegeSet } from "../../../../src/access/privileges/privilege.ts";
import type { PrivilegeKind } from "../../../../src/access/privileges/privilege-kind.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { serverAnswers } from "../../../support/effective-privileges.ts";
import { randomModel } from "../../../support/random-access.ts";

/** 60 on each of five versions: a minute on two cores. CROSS_CHECK_MODELS asks for more. */
const MODELS = Number(process.env.CROSS_CHECK_MODELS ?? 60);
const FIRST_SEED = Number(process.env.CROSS_CHECK_SEED ?? 1);

describe.each(availableMajors())("[A-07] computed privileges on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster, { database: await cluster.createDatabase("rnd") });
  });
  afterAll(async () => {
    await session.close();
    await cluster.stop();
  });

  it(`[ACC-07] are what has_*_privilege says, in ${MODELS} random models`, async () => {
    let compared = 0;
    for (let seed = FIRST_SEED; seed < FIRST_SEED + MODELS; seed++) {
      const result = await inModel(session, { seed, major }, () => differences(session, { major, seed }));
      expect(result.wrong, `seed ${seed}`).toEqual([]);
      compared += result.compared;
    }
    expect(compared).toBeGreaterThan(MODELS * 1_000);
  });

  it("are what happens when a role tries", async () => {
    for (let seed = 10_001; seed < 10_001 + Math.ceil(MODELS / 4); seed++) {
      const wrong = await inModel(session, { seed, major }, () => attempts(session));
      expect(wrong, `seed ${seed}`).toEqual([]);
    }
  });
});

async function inModel<T>(session: Session, model: { seed: number; major: number }, ask: () => Promise<T>): Promise<T> {
  await session.script("begin");
  try {
    await session.script(randomModel(model.seed, { major: model.major, database: "rnd" }));
    return await ask();
  } finally {
    await session.script("rollback");
  }
}

/** Server objects that the random models change grants of. */
const SYSTEM = new Set(["pg_authid", "pg_class"]);

async function differences(session: Session, { major, seed }: { major: number; seed: number }) {
  // The whole catalog is compared once, the rest of the models compare what they made.
  const whole = seed === FIRST_SEED;
  const snapshot = await inspect(session, { includeSystem: true });
  const access = await effectiveAccess(snapshot);
  const wrong: string[] = [];
  let compared = 0;
  for (const kind of await privilegeKinds()) {
    const objects = snapshot.objects[kind.name].filter(
      ({ oid, name, schema }) => whole || oid >= 16_384 || schema === undefined || SYSTEM.has(name),
    );
    const result = await compareKind(session, access, { kind, objects });
    wrong.push(...result.wrong);
    compared += result.compared;
  }
  wrong.push(...(await compareRoles(session, access, major)), ...(await compareColumns(session, access)));
  return { wrong: wrong.slice(0, 10), compared };
}

async function compareKind(
  session: Session,
  access: EffectiveAccess,
  { kind, objects }: { kind: PrivilegeKind; objects: readonly CatalogObject[] },
) {
  const wrong: string[] = [];
  let compared = 0;
  const oids = objects.map(({ oid }) => oid);
  for (const grantOption of [false, true]) {
    const answers = await serverAnswers(session, kind, { oids, grantOption });
    if (!answers) continue;
    for (const object of objects) {
      for (const role of [...access.snapshot.roles.keys(), ""]) {
        const computed = grantOption ? access.holdings.grantable(role, object) : access.held(role, object);
        const said = answers.get(`${role}\0${object.oid}`);
        compared++;
        if (computed === said) continue;
        const option = grantOption ? " with grant option" : "";
        wrong.push(
          `${role} on ${kind.name} ${object.name}${option}: ${privilegeNames(computed)} instead of ${privilegeNames(said ?? 0)}`,
        );
      }
    }
  }
  return { wrong, compared };
}

async function compareRoles(session: Session, { closures, holdings }: EffectiveAccess, major: number) {
  const rows = await session.query(
    `select a.rolname as a, b.rolname as b, pg_has_role(a.oid, b.oid, 'usage') as usage,
            pg_has_role(a.oid, b.oid, '${major >= 16 ? "set" : "member"}') as set
       from pg_roles as a, pg_roles as b where not a.rolsuper`,
  );
  return rows.flatMap(({ a, b, usage, set }) => {
    if (a === undefined || a === null || b === undefined || b === null || holdings.isSuperuser(a)) return [];
    const inherits = closures.inherited(a).has(b) === (usage === "t");
    const becomes = closures.becomes(a).has(b) === (set === "t");
    return [...(inherits ? [] : [`${a} usage of ${b}: ${usage}`]), ...(becomes ? [] : [`${a} set role ${b}: ${set}`])];
  });
}

async function compareColumns(session: Session, access: EffectiveAccess): Promise<string[]> {
  const table = access.snapshot.objects.table.find(({ schema, name }) => schema === "rnd" && name === "a");
  if (!table) throw new Error("the model has no table");
  const rows = await session.query(
    `select r.rolname as role, a.attname as column, p.privilege,
            has_column_privilege(r.oid, a.attrelid, a.attnum, p.privilege) as has
       from (select oid, rolname::text from pg_roles union all select 0, '') as r,
            pg_attribute as a, unnest(array['select', 'insert', 'update', 'references']) as p (privilege)
      where a.attrelid = $1::oid and a.attnum > 0`,
    [String(table.oid)],
  );
  return rows.flatMap(({ role, column, privilege, has }) => {
    const computed = privilegeNames(access.heldOnColumn(role ?? "", table, column ?? ""));
    const agrees = computed.some((name) => name === privilege) === (has === "t");
    return agrees ? [] : [`${role} ${privilege} of column ${column}: ${has}`];
  });
}

/** Plans a statement as each role, which checks rights as running it does and changes nothing. */
const TRY = `
create function pg_temp.try(role name, statement text) returns boolean language plpgsql as $try$
begin
  execute format('set local role %I', role);
  execute 'explain ' || statement;
  reset role;
  return true;
exception when insufficient_privilege then
  reset role;
  return false;
end
$try$;
`;

const ATTEMPTS = [
  { privilege: "select", object: "a", statement: "select id, name, secret from rnd.a" },
  { privilege: "select", object: "v", statement: "select one from rnd.v" },
  { privilege: "insert", object: "a", statement: "insert into rnd.a default values" },
  { privilege: "delete", object: "b", statement: "delete from rnd.b" },
] as const;

async function attempts(session: Session): Promise<string[]> {
  const snapshot = await inspect(session);
  const access = await effectiveAccess(snapshot);
  await session.script(TRY);
  const roles = [...snapshot.roles.keys()].filter((name) => name.startsWith("rnd_"));
  const wrong: string[] = [];
  for (const { privilege, object, statement } of ATTEMPTS) {
    const target = snapshot.objects.table.find(({ schema, name }) => schema === "rnd" && name === object);
    if (!target) throw new Error(`no table ${object}`);
    const bit = privilegeSet([privilege]);
    for (const role of roles) {
      const [row] = await session.query("select pg_temp.try($1, $2) as did", [role, statement]);
      const columns = target.columnNames ?? [];
      const all = privilege === "select" && columns.every((column) => access.heldOnColumn(role, target, column) & bit);
      const any = privilege === "insert" && columns.some((column) => access.heldOnColumn(role, target, column) & bit);
      const can = access.reaches(role, target) && ((access.held(role, target) & bit) !== 0 || all || any);
      if (can !== (row?.did === "t")) wrong.push(`${role} ${statement}: ${row?.did}`);
    }
  }
  return wrong;
}
