/** In random models: what explain says follows from what is held, every statement closes its path, the matrix agrees. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inspect } from "../../../../src/access/catalog/inspect.ts";
import { privilegeKinds } from "../../../../src/access/catalog/kinds.ts";
import { type EffectiveAccess, effectiveAccess } from "../../../../src/access/effective/effective.ts";
import { explain } from "../../../../src/access/effective/explain.ts";
import type { AccessPath, Explanation } from "../../../../src/access/effective/explanation.ts";
import { accessMatrix } from "../../../../src/access/effective/matrix.ts";
import type { CatalogObject } from "../../../../src/access/privileges/catalog-object.ts";
import {
  knownTo,
  type PrivilegeName,
  privilegeNames,
  privilegeSet,
} from "../../../../src/access/privileges/privilege.ts";
import type { PrivilegeKind } from "../../../../src/access/privileges/privilege-kind.ts";
import type { Session } from "../../../../src/pg/session.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";
import { randomModel } from "../../../support/random-access.ts";

/** 6 on each version: each asks some thousand questions. */
const MODELS = Number(process.env.CROSS_CHECK_MODELS ?? 6);
const FIRST_SEED = Number(process.env.CROSS_CHECK_SEED ?? 500);

describe.each(availableMajors())("[A-07] explanations on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let session: Session;
  let kinds: readonly PrivilegeKind[];
  beforeAll(async () => {
    cluster = await startCluster({ major });
    session = await connectTo(cluster, { database: await cluster.createDatabase("rnd") });
    kinds = await privilegeKinds();
  });
  afterAll(async () => {
    await session.close();
    await cluster.stop();
  });

  const inModels = async (check: (access: EffectiveAccess) => Promise<string[]>): Promise<void> => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + MODELS; seed++) {
      await session.script("begin");
      try {
        await session.script(randomModel(seed, { major, database: "rnd" }));
        expect(await check(await present()), `seed ${seed}`).toEqual([]);
      } finally {
        await session.script("rollback");
      }
    }
  };
  const present = async (): Promise<EffectiveAccess> => effectiveAccess(await inspect(session));

  it("answer as the privileges do", async () => {
    await inModels(async (access) => {
      const wrong: string[] = [];
      for (const { role, object, kind, privilege, bit } of questions(access, kinds)) {
        const { answer, paths } = explain(access, { role, object, kind, privilege });
        const now = (access.usable(role, object) & bit) !== 0;
        const later = (access.usableAfterSetRole(role, object) & bit) !== 0;
        const expected = now ? "now" : later ? "after set role" : answer === "some columns" ? answer : "no";
        if (answer !== expected) wrong.push(`${role} ${privilege} ${object.name}: ${answer} instead of ${expected}`);
        const leading = paths.filter(({ reaches, columns }) => reaches && columns === undefined);
        const isShown = { now: leading.some(({ when }) => when === "now"), later: leading.length > 0 };
        if (isShown.now !== now || isShown.later !== later) {
          wrong.push(`${role} ${privilege} ${object.name}: ${answer}, with ${leading.length} paths`);
        }
      }
      return wrong.slice(0, 5);
    });
  });

  it("suggest statements that close exactly what they stand beside", async () => {
    let closed = 0;
    await inModels(async (access) => {
      const wrong: string[] = [];
      for (const question of questions(access, kinds)) {
        if (!question.isSampled) continue;
        const path = explain(access, question).paths.find(({ steps }) =>
          steps.some(({ remove }) => remove !== undefined),
        );
        const step = path?.steps.findLast(({ remove }) => remove !== undefined);
        if (!path || !step?.remove) continue;
        await session.script("savepoint before_removal");
        await session.script(step.remove);
        const after = await present();
        const object = after.snapshot.objects[question.kind.name].find(({ oid }) => oid === question.object.oid);
        if (object && has(explain(after, { ...question, object }), path)) wrong.push(step.remove);
        closed++;
        await session.script("rollback to savepoint before_removal");
      }
      return wrong;
    });
    expect(closed).toBeGreaterThan(MODELS);
  });

  it("agree with the matrix", async () => {
    await inModels(async (access) => {
      const roles = [...access.snapshot.roles.keys()].filter((name) => !access.holdings.isSuperuser(name));
      const objects = kinds.flatMap(({ name }) => access.snapshot.objects[name]);
      return accessMatrix(access, { roles: ["", ...roles], objects }).flatMap(({ object, cells }) =>
        roles.flatMap((role) => {
          const cell = cells.find((candidate) => candidate.role === role);
          const now = access.usable(role, object);
          const isEnough = cell
            ? String(cell.now) === String(privilegeNames(now))
            : (now & ~access.held("", object)) === 0;
          return isEnough ? [] : [`${role} on ${object.kind} ${object.name}: ${cell?.text}`];
        }),
      );
    });
  });
});

interface Asked {
  role: string;
  object: CatalogObject;
  kind: PrivilegeKind;
  privilege: PrivilegeName;
  bit: number;
  /** One question in so many is tried out. */
  isSampled: boolean;
}

const SAMPLE = 31;

function* questions({ snapshot }: EffectiveAccess, kinds: readonly PrivilegeKind[]): Generator<Asked> {
  let count = 0;
  for (const kind of kinds) {
    for (const object of snapshot.objects[kind.name].filter(({ oid }) => oid >= 16_384)) {
      for (const privilege of kind.privileges) {
        const bit = knownTo(privilegeSet([privilege]), snapshot.major);
        if (bit === 0) continue;
        for (const role of [...snapshot.roles.keys(), ""].filter((name) => !name.startsWith("pg_"))) {
          yield { role, object, kind, privilege, bit, isSampled: count++ % SAMPLE === 0 };
        }
      }
    }
  }
}

/** A path is what it was when its steps say the same. */
function has({ paths }: Explanation, path: AccessPath): boolean {
  const told = ({ steps }: AccessPath): string => JSON.stringify(steps.map(({ text }) => text));
  return paths.some((other) => told(other) === told(path));
}
