/** NET-044 on rules as nftables and iptables print them; which firewall this machine has must not matter. */
import { describe, expect, it } from "vitest";
import net044, { firewallCheck } from "../../../../../src/audit/checks/network/net-044-host-firewall.ts";
import type { Facts } from "../../../../../src/audit/facts/facts.ts";
import { type Firewall, type RunProgram, readFirewall } from "../../../../../src/audit/facts/firewall.ts";
import { offlineFacts } from "../../../../../src/audit/facts/offline-facts.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { memoryFiles } from "../../../../support/memory-files.ts";

const nft = (rules: string, policy = "accept"): string =>
  `table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy ${policy};\n\t\t${rules}\n\t}\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n`;

/** Programs by name; the others are missing. */
const programs =
  (outputs: Readonly<Record<string, string>>): RunProgram =>
  async (path) => {
    const output = outputs[path];
    if (output === undefined) throw new Error("ENOENT");
    return output;
  };

const answer = (outputs: Readonly<Record<string, string>>): Promise<Firewall | undefined> =>
  readFirewall(5432, programs(outputs));

describe("a firewall filters", () => {
  it.each([
    ["drops by policy", { "/usr/sbin/nft": nft("tcp dport 5432 ip saddr 10.0.0.0/8 accept", "drop") }],
    ["drops at the port", { "/sbin/nft": nft("tcp dport { 80, 5432 } drop") }],
    ["drops what is left", { "/usr/sbin/nft": nft("tcp dport 22 accept\n\t\tcounter packets 1 bytes 2 drop") }],
    ["iptables by policy", { "/usr/sbin/iptables-save": "*filter\n:INPUT DROP [0:0]\nCOMMIT\n" }],
    [
      "iptables at the port",
      {
        "/usr/sbin/iptables-save":
          "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ! -s 10.0.0.0/8 -p tcp -m tcp --dport 5432 -j REJECT\n",
      },
    ],
    [
      "iptables beside an empty nft",
      { "/usr/sbin/nft": "", "/usr/sbin/iptables-save": ":INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n" },
    ],
  ])("that %s", async (_, outputs) => expect(await answer(outputs)).toMatchObject({ filters: true }));
});

describe("a firewall does not filter", () => {
  it.each([
    ["has no rules", { "/usr/sbin/nft": "" }],
    [
      "guards other ports and forwards nothing",
      { "/usr/sbin/nft": nft("tcp dport 54321 drop\n\t\ttcp dport 5432 accept") },
    ],
    [
      "accepts by iptables",
      { "/usr/sbin/iptables-save": ":INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A INPUT -p tcp --dport 22 -j DROP\n" },
    ],
  ])("that %s", async (_, outputs) => expect(await answer(outputs)).toMatchObject({ filters: false }));
});

it("is not known where no program tells", async () => expect(await answer({})).toBeUndefined());

describe("NET-044", () => {
  const files = memoryFiles({ "/e/postgresql.conf": "port = 5432" });
  const offline = offlineFacts({ conf: "/e/postgresql.conf", files, now: new Date(0), declared: {} });
  const onHost = (isRoot: boolean): Facts =>
    new Proxy(offline, {
      get: (target, name) => {
        if (name === "has") return () => true;
        if (name === "host") return async () => ({ isRoot });
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  const outcome = (firewall: Firewall | undefined, isRoot = true) =>
    runCheck(
      firewallCheck(async () => firewall),
      onHost(isRoot),
    );

  it("fires without a filter, is silent with one, and never passes unseen", async () => {
    expect(await outcome({ program: "nft", filters: false })).toMatchObject({
      status: "fail",
      found: [{ object: "port 5432" }],
    });
    expect(await outcome({ program: "nft", filters: true })).toEqual({ status: "pass" });
    expect(await outcome(undefined)).toMatchObject({ status: "unknown" });
    expect(await outcome({ program: "nft", filters: true }, false)).toMatchObject({ status: "unknown", right: "host" });
    expect(await runCheck(net044, offline)).toMatchObject({ status: "unknown", right: "host" });
  });
});
