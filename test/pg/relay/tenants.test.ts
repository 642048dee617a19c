/** Tenants: who sees whose pipelines, tried as each of them, and what provisioning makes and takes back. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../support/cluster.ts";
import { openTide, type Tide } from "../../support/tide-session.ts";

describe.each([18, 14] as const)("tenants on PostgreSQL %i", (major) => {
  let cluster: TestCluster;
  let tide: Tide;
  beforeAll(async () => {
    cluster = await startCluster({ major });
    tide = await openTide({ cluster, roles: true });
    await tide.run(`select tide.outbox_create('orders');
      select tide.relay_set_outbox(n, 'orders', 'stdout') from pg_catalog.unnest(array['of-acme', 'of-globex', 'of-nobody']) as n;
      select tide.relay_set_tenant('of-acme', 'acme'); select tide.relay_set_tenant('of-globex', 'globex');
      create role carol; grant tide_admin to carol; create role boss createrole; grant tide_admin to boss`);
  });
  afterAll(async () => {
    await tide[Symbol.asyncDispose]();
    await cluster.stop();
  });

  const as = async <T>(role: string, work: () => Promise<T>): Promise<T> => {
    await tide.run(`set role ${role}`);
    try {
      return await work();
    } finally {
      await tide.run("reset role");
    }
  };
  const seen = async () =>
    (await tide.rows("select name from tide.relay_outbox_config order by name")).map(({ name }) => name);
  const audit = async (action: string) =>
    tide.rows(
      "select target_role, target_object, performed_by from tide.tide_security_audit where action = $1 order by id",
      action,
    );

  it("[relay 3.5] a provisioned role sees its tenant's pipelines and no others, and can change none", async () => {
    await tide.run("select tide.relay_provision_tenant('acme', 'acme_role')");
    await as("acme_role", async () => {
      expect(await seen()).toEqual(["of-acme"]);
      for (const statement of [
        "update tide.relay_outbox_config set enabled = false",
        "delete from tide.relay_outbox_config",
        "select tide.relay_disable('of-acme')",
        "select tide.relay_set_tenant('of-globex', 'acme')",
        "select tide.relay_grant_tenant('globex', 'acme_role')",
        "insert into tide.relay_tenant_grants values ('globex', 'acme_role')",
        "select * from tide.tide_outbox_messages",
        "select tide.tenant_rights('acme_role')",
      ]) {
        expect([statement, (await tide.refused(statement)).sqlstate]).toEqual([statement, "42501"]);
      }
    });
    expect(await audit("PROVISION_TENANT")).toEqual([
      { target_role: "acme_role", target_object: "acme", performed_by: "postgres" },
    ]);
    expect(
      await tide.rows(
        "select rolcanlogin, rolsuper, rolcreaterole from pg_catalog.pg_roles where rolname = 'acme_role'",
      ),
    ).toEqual([{ rolcanlogin: "f", rolsuper: "f", rolcreaterole: "f" }]);
  });

  it("a granted operator switches its tenant's pipelines and cannot reach another's", async () => {
    await tide.run(`create role ops; grant usage on schema tide to ops; grant execute on function tide.relay_enable, tide.relay_disable to ops;
      select tide.relay_grant_tenant('acme', 'ops')`);
    await as("ops", async () => {
      expect(await tide.one("select tide.relay_disable('of-globex')")).toBe("f");
      expect(await tide.one("select tide.relay_disable('of-nobody')")).toBe("f");
    });
    expect(await tide.one("select tide.relay_may_operate('x', 'acme')")).toBe("t");
    expect(await tide.rows("select name from tide.relay_outbox_config where not enabled")).toEqual([]);
    await tide.run("grant execute on all functions in schema tide to ops");
    await as("ops", async () => {
      expect(await tide.one("select tide.relay_disable('of-acme')")).toBe("t");
      expect(await tide.one("select tide.relay_enable('of-acme')")).toBe("t");
      expect(await tide.one("select tide.relay_disable('of-globex')")).toBe("f");
    });
    await tide.run("select tide.relay_revoke_tenant('acme', 'ops')");
    await as("ops", async () => {
      expect(await tide.one("select tide.relay_disable('of-acme')")).toBe("f");
    });
    expect(await audit("REVOKE_TENANT")).toHaveLength(1);
  });

  it("administrators who may make roles need be no superusers", async () => {
    await as("boss", () =>
      tide.run(
        "select tide.relay_provision_tenant('initech', 'initech_role'); select tide.relay_set_tenant('of-nobody', 'initech')",
      ),
    );
    await tide.run("grant initech_role to postgres");
    await as("initech_role", async () => expect(await seen()).toEqual(["of-nobody"]));
    await as("boss", () => tide.run("select tide.relay_deprovision_tenant('initech')"));
    expect(await tide.rows("select from pg_catalog.pg_roles where rolname = 'initech_role'")).toEqual([]);
  });

  it("a role that was there before stays, without what provisioning gave", async () => {
    await tide.run(
      "create role ancient; select tide.relay_provision_tenant('old', 'ancient'); select tide.relay_deprovision_tenant('old')",
    );
    expect(
      await tide.one(
        "select has_schema_privilege('ancient', 'tide', 'usage') or has_table_privilege('ancient', 'tide.relay_outbox_config', 'select')",
      ),
    ).toBe("f");
    expect((await tide.refused("select tide.relay_deprovision_tenant('old')")).sqlstate).toBe("22023");
  });

  it("a role that other objects hang on stays, and somebody is told", async () => {
    const notices: string[] = [];
    await tide.run(
      "select tide.relay_provision_tenant('busy', 'busy_role'); create table public.hangs (); grant select on public.hangs to busy_role",
    );
    tide.session.onNotice(({ message }) => notices.push(message));
    await tide.run("select tide.relay_deprovision_tenant('busy')");
    expect(notices).toContain('role "busy_role" stays: other objects depend on it');
    expect(await tide.rows("select * from tide.relay_tenant_grants where tenant_name = 'busy'")).toEqual([]);
  });

  it("provisioning twice is once, and with another role is refused", async () => {
    await tide.run(
      "select tide.relay_provision_tenant('twice', 'twice_role'); select tide.relay_provision_tenant('twice', 'twice_role')",
    );
    expect((await tide.refused("select tide.relay_provision_tenant('twice', 'other_role')")).sqlstate).toBe("22023");
    expect(await tide.rows("select from pg_catalog.pg_roles where rolname = 'other_role'")).toEqual([]);
  });

  it.each([
    "",
    "a b",
    'a"; drop role carol; --',
    "1a",
    "a-b",
    "pg_monitor",
    "tide_admin",
    "TIDE_admin",
    "postgres",
    "public",
    "none",
  ])("[Q-04] refuses role %j", async (role) => {
    expect((await tide.refused("select tide.relay_provision_tenant('t', $1::text::name)", role)).sqlstate).toBe(
      "22023",
    );
    expect((await tide.refused("select tide.relay_grant_tenant('t', $1)", role)).sqlstate).toBe("22023");
  });

  it("refuses tenants that are no names, and pipelines that there are not", async () => {
    for (const tenant of ["", "a b", "a'b", "a".repeat(64), null]) {
      expect((await tide.refused("select tide.relay_set_tenant('of-acme', $1)", tenant)).sqlstate).toBe("22023");
    }
    expect((await tide.refused("select tide.relay_set_tenant('nobody', 'acme')")).detail).toBe(
      "PGTIDE_RELAY_NOT_FOUND",
    );
    expect((await tide.refused("select tide.relay_grant_tenant('acme', 'no_such_role')")).sqlstate).toBe("22023");
  });

  it("[Q-09] with rights on the table of pipelines one still has only one's own", async () => {
    await tide.run(`create role one; create role two;
      grant usage on schema tide to one, two;
      grant execute on all functions in schema tide to one, two;
      grant select, insert, update, delete on tide.relay_outbox_config, tide.relay_inbox_config, tide.relay_pipeline_state, tide.tide_outbox_config to one, two;
      grant select on tide.relay_fanin_config, tide.settings, tide.tide_inbox_config to one, two;
      grant insert on tide.outbox_cleanup_state to one, two`);
    await as("one", () =>
      tide.run("select tide.outbox_create('ones'); select tide.relay_set_outbox('of-one', 'ones', 'stdout')"),
    );
    await as("two", async () => {
      expect(await seen()).toEqual([]);
      expect(await tide.json("select tide.relay_list_configs()")).toEqual([]);
      expect((await tide.refused("select tide.relay_get_config('of-one')")).sqlstate).toBe("42704");
      expect((await tide.refused("select tide.relay_delete('of-one')")).sqlstate).toBe("42704");
      expect((await tide.refused("select tide.relay_set_outbox('of-two', 'ones', 'stdout')")).sqlstate).toBe("42704");
      expect((await tide.refused("select tide.relay_set_tenant('of-one', 'mine')")).sqlstate).toBe("42704");
      await tide.run("select tide.outbox_create('twos')");
      expect((await tide.refused("select tide.relay_set_outbox('of-one', 'twos', 'stdout')")).sqlstate).toBe("42501");
    });
    await as("one", async () => expect(await seen()).toEqual(["of-one"]));
  });
});
