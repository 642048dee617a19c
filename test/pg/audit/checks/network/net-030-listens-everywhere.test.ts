/** NET-030 and NET-032: settings that the servers of other tests have on their command line. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import net030 from "../../../../../src/audit/checks/network/net-030-listens-everywhere.ts";
import net032 from "../../../../../src/audit/checks/network/net-032-socket-directory.ts";
import type { Session } from "../../../../../src/pg/session.ts";
import { outcomeOn } from "../../../../conformance/audit/outcome-on.ts";
import { availableMajors, startCluster, type TestCluster } from "../../../../support/cluster.ts";
import { connectTo } from "../../../../support/connection.ts";

const LOCAL = ["local all all scram-sha-256", "host all all 127.0.0.1/32 scram-sha-256"];

interface Start {
  listen: string;
  sockets: string;
  hba?: string[];
}

describe.each(availableMajors())("PostgreSQL %i", (major) => {
  const lab: { cluster?: TestCluster; session?: Session } = {};
  const start = async ({ listen, sockets, hba = LOCAL }: Start): Promise<Session> => {
    await stop();
    const settings = { listen_addresses: listen, unix_socket_directories: sockets };
    lab.cluster = await startCluster({ major, settings, hba });
    lab.session = await connectTo(lab.cluster);
    return lab.session;
  };
  const stop = async (): Promise<void> => {
    await lab.session?.close();
    await lab.cluster?.stop();
    delete lab.session;
    delete lab.cluster;
  };
  beforeAll(async () => void (await start({ listen: "*", sockets: "/tmp" })));
  afterAll(stop);

  it("NET-030 and NET-032 fire on every interface and on /tmp", async () => {
    const session = lab.session ?? (await start({ listen: "*", sockets: "/tmp" }));
    expect(await outcomeOn(session, net030)).toMatchObject({
      status: "fail",
      found: [{ object: "listen_addresses", severity: undefined, fix: { kind: "words" } }],
    });
    expect(await outcomeOn(session, net032)).toMatchObject({
      status: "fail",
      found: [{ object: "unix_socket_directories", fix: { kind: "words" } }],
    });
    await session.script("create role nobody_special; set role nobody_special");
    expect(await outcomeOn(session, net030)).toMatchObject({ status: "fail" });
    expect(await outcomeOn(session, net032)).toMatchObject({ status: "unknown", right: "pg_read_all_settings" });
  });

  it("are silent on chosen addresses, and on directories that only look like /tmp", async () => {
    const session = await start({ listen: "localhost,127.0.0.1", sockets: "" });
    expect(await outcomeOn(session, net030)).toEqual({ status: "pass" });
    expect(await outcomeOn(session, net032)).toEqual({ status: "pass" });
  });

  it("NET-030 is high when the rules let everybody in as well", async () => {
    const session = await start({
      listen: "0.0.0.0",
      sockets: "",
      hba: [...LOCAL, "hostssl all app all scram-sha-256"],
    });
    expect(await outcomeOn(session, net030)).toMatchObject({ status: "fail", found: [{ severity: "high" }] });
  });
});
