/** AUD-008: the setting as a server shows it, and the machine as a run on it sees it. */
import { describe, expect, it } from "vitest";
import aud008 from "../../../../../src/audit/checks/database/aud-008-no-collector.ts";
import type { FileStatus, HostFacts } from "../../../../../src/audit/facts/host.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { foundOf, madeUpFacts, NOON, objectsOf, outcomeAsNobody, outcomeAt } from "../../../../support/audited.ts";
import { availableMajors, sharedCluster, startCluster } from "../../../../support/cluster.ts";

interface Machine {
  /** The one path that is there. */
  path?: string;
  /** Names in the server's environment; undefined: they may not be looked at. */
  variables?: readonly string[] | undefined;
}

function machine({ path, variables }: Machine): HostFacts {
  const unused = (): never => {
    throw new Error("the check asks only for paths and processes");
  };
  const there: FileStatus = {
    path: path ?? "",
    kind: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    bytes: 0,
    changed: NOON,
  };
  const process = { uid: 1, umask: 0o077, secretOptions: [] };
  return {
    status: async (asked) => (asked === path ? there : undefined),
    accounts: unused,
    accountName: unused,
    passwordState: unused,
    processes: () => [
      { ...process, pid: 1, name: "systemd", variables: ["JOURNAL_STREAM"] },
      { ...process, pid: 42, name: "postgres", variables },
    ],
    etc: "/etc",
    serverUid: 1,
    serverPid: 42,
    isRoot: false,
  };
}

const settings = (changes: Record<string, string> = {}) => ({
  logging_collector: "off",
  log_destination: "stderr",
  ...changes,
});

describe.each(availableMajors())("AUD-008 on PostgreSQL %s", (major) => {
  it("fires on standard error without a collector, to everybody, from afar", async () => {
    const cluster = await sharedCluster(major);
    expect(objectsOf(await outcomeAt(cluster, aud008))).toEqual(["logging_collector"]);
    expect(objectsOf(await outcomeAsNobody(cluster, aud008))).toEqual(["logging_collector"]);
  });

  it("is silent with the collector, which is its fix", async () => {
    const [found] = foundOf(await outcomeAt(await sharedCluster(major), aud008));
    expect(found?.fix).toMatchObject({ kind: "setting", name: "logging_collector", value: "on", needsRestart: true });
    await using cluster = await startCluster({ major, settings: { logging_collector: "on" } });
    expect(await outcomeAt(cluster, aud008)).toEqual({ status: "pass" });
  });
});

describe("AUD-008", () => {
  it.each(["/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"])(
    "is silent in a container, known by %s",
    async (path) => {
      const facts = madeUpFacts({ settings: settings(), host: machine({ path }) });
      expect(await runCheck(aud008, facts)).toEqual({ status: "pass" });
    },
  );

  it("is silent where systemd takes the server's output", async () => {
    const host = machine({ path: "/run/systemd/system", variables: ["PATH", "JOURNAL_STREAM"] });
    expect(await runCheck(aud008, madeUpFacts({ settings: settings(), host }))).toEqual({ status: "pass" });
  });

  it.each([undefined, ["PATH"]])(
    "fires on a machine with systemd when the server was started by hand (%j)",
    async (variables) => {
      const host = machine({ path: "/run/systemd/system", variables });
      expect(objectsOf(await runCheck(aud008, madeUpFacts({ settings: settings(), host })))).toEqual([
        "logging_collector",
      ]);
    },
  );

  it("fires on csvlog, which nothing writes without the collector, in a container too", async () => {
    const facts = madeUpFacts({
      settings: settings({ log_destination: "stderr,csvlog" }),
      host: machine({ path: "/.dockerenv" }),
    });
    expect(objectsOf(await runCheck(aud008, facts))).toEqual(["logging_collector"]);
  });

  it.each(["syslog", "stderr, syslog", "eventlog"])("is silent where the log goes to %s", async (log_destination) => {
    const facts = madeUpFacts({ settings: settings({ log_destination }) });
    expect(await runCheck(aud008, facts)).toEqual({ status: "pass" });
  });
});
