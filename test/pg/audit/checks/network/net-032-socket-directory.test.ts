/** NET-032 on paths; on servers it is proved with NET-030. */
import { expect, it } from "vitest";
import net032 from "../../../../../src/audit/checks/network/net-032-socket-directory.ts";
import { offlineFacts } from "../../../../../src/audit/facts/offline-facts.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { memoryFiles } from "../../../../support/memory-files.ts";

async function outcomeWith(directories: string): Promise<string> {
  const files = memoryFiles({ "/e/postgresql.conf": `unix_socket_directories = '${directories}'\n` });
  const facts = offlineFacts({ conf: "/e/postgresql.conf", files, now: new Date(0), declared: {} });
  return (await runCheck(net032, facts)).status;
}

it.each(["/tmp", "/var/run/postgresql, /tmp/", "/var/tmp", "/dev/shm", "//tmp", "@pg", "/run/../tmp"])(
  "fires on %s",
  async (directories) => expect(await outcomeWith(directories)).toBe("fail"),
);

it.each(["/var/run/postgresql", "/tmp/own", "/srv/tmp", "", "/home/tmp, /run/postgresql"])(
  "is silent on %j",
  async (directories) => expect(await outcomeWith(directories)).toBe("pass"),
);
