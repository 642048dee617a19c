/** A run that was not asked to probe makes no connection but its own. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { index as network } from "../../../../src/audit/checks/network/index.ts";
import { index as transport } from "../../../../src/audit/checks/transport/index.ts";
import { lineOf } from "../../../../src/audit/facts/line.ts";
import { runCheck } from "../../../../src/audit/run/run-check.ts";
import { startTlsServer } from "../../../support/audit/tls-server.ts";
import { factsOf } from "../../../support/audited.ts";
import { clusterSettings, connectTo } from "../../../support/connection.ts";

it("[U-09] checks of network and transport leave a server alone that was not to be probed", async () => {
  await using server = await startTlsServer({ settings: { log_connections: "on" } });
  const { cluster } = server;
  const changes = { sslMode: "require" } as const;
  const received = () => readFileSync(cluster.logFile, "utf8").split("connection received").length - 1;
  await using session = await connectTo(cluster, changes);
  const before = received();
  const facts = await factsOf(session, { line: lineOf(session, clusterSettings(cluster, changes)) });
  for (const load of [...Object.values(network), ...Object.values(transport)]) {
    await runCheck((await load()).default, facts);
  }
  expect(before).toBeGreaterThan(0);
  expect(received()).toBe(before);
});
