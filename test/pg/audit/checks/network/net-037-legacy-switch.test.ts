/** NET-037: db_user_namespace changes who may log in, so it has a server of its own, where nobody logs in any more. */
import { expect, it } from "vitest";
import net037 from "../../../../../src/audit/checks/network/net-037-legacy-switch.ts";
import { offlineFacts } from "../../../../../src/audit/facts/offline-facts.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { outcomeOn } from "../../../../conformance/audit/outcome-on.ts";
import { availableMajors, startCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";
import { memoryFiles } from "../../../../support/memory-files.ts";
import { eventually } from "../../../../support/processes.ts";

it.each(availableMajors().filter((major) => major <= 16))(
  "fires on db_user_namespace, and is silent when its own remedy was applied, PostgreSQL %i",
  async (major) => {
    await using cluster = await startCluster({ major });
    await using session = await connectTo(cluster);
    expect(await outcomeOn(session, net037)).toEqual({ status: "pass" });
    const shown = async (value: string): Promise<void> => {
      await session.query(`alter system set db_user_namespace = ${value}`);
      await session.query("select pg_reload_conf()");
      await eventually(async () => (await session.query("show db_user_namespace"))[0]?.db_user_namespace === value);
    };
    await shown("on");
    const outcome = await outcomeOn(session, net037);
    expect(outcome).toMatchObject({ status: "fail", found: [{ fix: { name: "db_user_namespace", value: "off" } }] });
    await shown("off");
    expect(await outcomeOn(session, net037)).toEqual({ status: "pass" });
  },
);

it.each([
  ["bonjour = on", "fail"],
  ["bonjour = off\nbonjour_name = 'on'", "pass"],
])("files alone: %j is a %s", async (text, status) => {
  const files = memoryFiles({ "/e/postgresql.conf": text });
  const facts = offlineFacts({ conf: "/e/postgresql.conf", files, now: new Date(0), declared: {}, version: "17" });
  expect(await runCheck(net037, facts)).toMatchObject({ status });
});
