/** Who can put something into schema tide, and waits for somebody with more rights to install or upgrade there. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PgkeepError } from "../../../src/base/errors.ts";
import { checkRelay } from "../../../src/operations/relay/doctor.ts";
import { requireTide } from "../../../src/operations/relay/tide.ts";
import type { Session } from "../../../src/pg/session.ts";
import { installSchema } from "../../../src/relay/schema/install.ts";
import { availableMajors, startCluster, type TestCluster } from "../../support/cluster.ts";
import { connectTo } from "../../support/connection.ts";

const PASSWORD = "only-in-this-test";

/** What a trap does: it leaves the role that the install took on, and takes all rights for its owner. */
const SPRING = "begin reset role; alter role builder superuser; return new; end";

describe.each([...new Set([availableMajors().at(0) ?? 18, availableMajors().at(-1) ?? 18])])(
  "installing where others can plant things, on PostgreSQL %i",
  (major) => {
    let cluster: TestCluster;
    let root: Session;
    beforeAll(async () => {
      cluster = await startCluster({ major });
      root = await connectTo(cluster, { database: "postgres" });
      await root.script(
        `create role builder login password '${PASSWORD}'; create role worker login password '${PASSWORD}'`,
      );
    });
    afterAll(async () => {
      await root?.close();
      await cluster?.stop();
    });

    const as = (user: string, database: string) => connectTo({ ...cluster, password: PASSWORD }, { database, user });
    const strong = async () =>
      (await root.query("select rolname from pg_roles where rolsuper and rolname <> current_user")).length;

    async function refusal(database: string, dryRun = false): Promise<PgkeepError> {
      await using session = await connectTo(cluster, { database });
      const error = await installSchema(session, { version: "2", roles: true, dryRun }).catch(
        (caught: unknown) => caught,
      );
      if (error instanceof PgkeepError) return error;
      throw new Error(`was not refused: ${String(error)}`);
    }

    it("[R-15] [Q-05] a superuser runs no trigger that the schema's owner put on a table", async () => {
      const database = await cluster.createDatabase(undefined, "owner builder");
      await using builder = await as("builder", database);
      await installSchema(builder, { version: "1", upTo: 6 });
      await builder.script(`create schema mine;
        create function mine.spring() returns trigger language plpgsql as $$ ${SPRING} $$;
        create trigger trap before insert or update on tide.settings for each row execute function mine.spring();
        create trigger trap before insert or update on tide.meta for each row execute function mine.spring()`);
      const error = await refusal(database);
      expect([error.code, error.parts.hint]).toEqual(["RELAY_SCHEMA_FOREIGN", expect.stringContaining('"builder"')]);
      expect(await strong()).toBe(0);
    });

    it("[R-15] [Q-05] a superuser reads no view that pretends to be a table of ours, not even in a dry run", async () => {
      const database = await cluster.createDatabase(undefined, "owner builder");
      await using builder = await as("builder", database);
      await builder.script(`create schema tide;
        create function tide.version() returns text language sql as $$ select '1' $$;
        create function tide.spring() returns text language plpgsql as $$ begin reset role; alter role builder superuser; return 'migration/x'; end $$;
        create view tide.meta as select tide.spring() as key, 'x'::text as value`);
      for (const dryRun of [true, false]) expect((await refusal(database, dryRun)).code).toBe("RELAY_SCHEMA_FOREIGN");
      expect(await strong()).toBe(0);
    });

    it("[R-15] [Q-05] nor one of somebody who was granted all rights on the tables", async () => {
      const database = await cluster.createDatabase();
      await using session = await connectTo(cluster, { database });
      await installSchema(session, { version: "1", upTo: 6 });
      await session.script(`grant usage on schema tide to worker; grant all on all tables in schema tide to worker;
        create schema workers authorization worker`);
      await using worker = await as("worker", database);
      await worker.script(`create function workers.spring() returns trigger language plpgsql as $$ begin reset role; alter role worker superuser; return new; end $$;
        create trigger trap before insert or update on tide.meta for each row execute function workers.spring()`);
      const error = await refusal(database);
      expect(error.parts.detail).toContain("trigger trap on tide.meta, owned by worker");
      expect(await strong()).toBe(0);
      await session.script("drop trigger trap on tide.meta");
      expect(await installSchema(session, { version: "2" })).toMatchObject({ outcome: "upgraded" });
    });

    it("[R-15] [Q-02] no command of a superuser calls what the schema's owner put there", async () => {
      const database = await cluster.createDatabase(undefined, "owner builder");
      await using builder = await as("builder", database);
      await installSchema(builder, { version: "1" });
      await builder.script(`create or replace function tide.version() returns text language plpgsql as
        $$ begin alter role builder superuser; return '1'; exception when others then return '1'; end $$;
        create view tide.looks as select tide.version()`);
      await using session = await connectTo(cluster, { database });
      const error = await requireTide(session).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "RELAY_SCHEMA_FOREIGN" });
      expect(await checkRelay(session)).toEqual([
        expect.objectContaining({ what: "schema", status: "fail", detail: expect.stringContaining('"builder"') }),
      ]);
      expect(await strong()).toBe(0);
      // For everybody else it is what it always was.
      await requireTide(builder);
      expect((await checkRelay(builder))?.[0]).toMatchObject({ what: "schema", status: "ok" });
    });

    it("the owner upgrades what is the owner's, also one that a superuser made for a role that logs in", async () => {
      const database = await cluster.createDatabase(undefined, "owner builder");
      await using session = await connectTo(cluster, { database });
      await installSchema(session, { version: "1", upTo: 6, owner: "builder" });
      await using builder = await as("builder", database);
      expect(await installSchema(builder, { version: "2" })).toMatchObject({ outcome: "upgraded", owner: "builder" });
    });
  },
);
