/** A server that only a Unix socket leads to: nobody can be a stranger to it, so questions about strangers do not concern it. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { auditOf, statusesOf } from "../../support/audit/run.ts";
import { startCluster, type TestCluster } from "../../support/cluster.ts";

let silent: TestCluster;
let open: TestCluster;

beforeAll(async () => {
  silent = await startCluster({ settings: { listen_addresses: "" } });
  open = await startCluster();
});

afterAll(async () => {
  await silent?.stop();
  await open?.stop();
});

const ONLY = ["TLS-021", "TLS-024", "TLS-028", "NET-040", "NET-041"];

it("has nothing to probe", async () => {
  const run = await auditOf(silent, { connection: bySocket(silent), isOneDatabase: true, only: ONLY });
  for (const [place, status] of statusesOf(run)) expect([place, status]).toEqual([place, "not_applicable"]);
});

it("is told from one that listens and was not probed", async () => {
  const run = await auditOf(open, { connection: bySocket(open), isOneDatabase: true, only: ONLY });
  for (const [place, status] of statusesOf(run)) expect([place, status]).toEqual([place, "unknown"]);
});

function bySocket({ socketDir, port }: TestCluster) {
  return { hosts: [{ host: socketDir, port }] };
}
