/**
 * Whom the program talks to, seen by the operating system: every attempt to connect and every datagram, of all threads
 * and child processes, traced while commands run.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import { sharedCluster } from "../../support/cluster.ts";
import { needs } from "../../support/needs.ts";
import { BIN } from "../../support/pgkeep.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";

const CAN_TRACE = spawnSync("strace", ["-qq", "-o", "/dev/null", "true"]).status === 0;

interface Traced {
  status: number | null;
  stderr: string;
  /** Addresses on a network, as "address:port". */
  network: string[];
  /** Paths of Unix sockets. */
  sockets: string[];
}

/** Runs a program to its end and says whom it tried to reach. */
function traced(program: readonly string[], env: Record<string, string> = {}): Traced {
  using directory = temporaryDirectory();
  const log = directory.at("trace");
  const words = ["-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o", log, ...program];
  const clean = { PATH: process.env.PATH ?? "", HOME: directory.path, LANG: "C.UTF-8" };
  const { status, stderr } = spawnSync("strace", words, { encoding: "utf8", env: { ...clean, ...env } });
  const text = readFileSync(log, "utf8");
  const network = [...text.matchAll(/sin6?_port=htons\((\d+)\).*?(?:inet_addr\(|inet_pton\(AF_INET6, )"([^"]+)"/g)].map(
    ([, port, address]) => `${address}:${port}`,
  );
  const sockets = [...text.matchAll(/sun_path=@?"([^"]+)"/g)].map(([, path]) => path ?? "");
  return { status, stderr, network: [...new Set(network)], sockets: [...new Set(sockets)] };
}

const pgkeep = (words: readonly string[], env?: Record<string, string>): Traced =>
  traced([process.execPath, BIN, ...words], env);

/** The system's own directory of accounts and names. */
const isOfTheSystem = (path: string): boolean => /\/(?:nscd|nslcd|sssd|systemd|dbus)\b/.test(path);

describe("the operating system's view", () => {
  beforeEach(needs(CAN_TRACE, "strace is not installed or may not trace here"));

  it("[S-06] shows what a program does that does call somewhere", () => {
    const call = "require('node:net').connect(9, '127.0.0.7').on('error', () => {})";
    const lookup = "require('node:dgram').createSocket('udp4').send('x', 53, '127.0.0.8', () => process.exit())";
    expect(traced([process.execPath, "-e", call]).network).toEqual(["127.0.0.7:9"]);
    expect(traced([process.execPath, "-e", lookup]).network).toEqual(["127.0.0.8:53"]);
  });

  it.each([
    ["version"],
    ["--help"],
    ["explain", "DEPLOY_LOCKED"],
    ["templates", "list"],
    ["completion", "bash"],
    ["config", "show"],
    ["ai"],
    ["runs", "list"],
    ["db", "status"],
    ["no-such-command"],
  ])("[S-06] shows no connection of pgkeep %s %s", (...words) => {
    const { network, sockets } = pgkeep(words);
    expect({ network, sockets: sockets.filter((path) => !isOfTheSystem(path)) }).toEqual({ network: [], sockets: [] });
  });

  it.each([["info"], ["plan"], ["metadata", "plan"], ["metadata", "validate"]])(
    "[S-06] shows no connection of a command that reads a project: %s %s",
    (...words) => {
      using project = temporaryProject({ "deploy.sql": "select 1;", "a.sql": "select 1;" });
      const { status, stderr, network, sockets } = pgkeep([...words, project.path]);
      expect(status, stderr).toBe(0);
      expect({ network, sockets: sockets.filter((path) => !isOfTheSystem(path)) }).toEqual({
        network: [],
        sockets: [],
      });
    },
  );

  it("[S-06] shows the named server and nobody else while a project is deployed, tested and fails", async () => {
    const cluster = await sharedCluster();
    const env = { DATABASE_URL: cluster.url(await cluster.createDatabase()) };
    using project = temporaryProject({
      "deploy.sql": "begin; create table a(n int); call pgmi_test(); commit;",
      "__test__/test_a.sql": "do $$ begin perform from a; end $$;",
    });
    using broken = temporaryProject({ "deploy.sql": "select 1/0;" });
    for (const [words, code] of [
      [["deploy", project.path], 0],
      [["test", project.path], 0],
      [["doctor", project.path], undefined],
      [["deploy", broken.path], 13],
    ] as const) {
      const { status, stderr, network, sockets } = pgkeep(words, env);
      if (code !== undefined) expect(status, stderr).toBe(code);
      expect(network, words[0]).toEqual([`${cluster.host}:${cluster.port}`]);
      expect(sockets.filter((path) => !isOfTheSystem(path))).toEqual([]);
    }
  });
});
