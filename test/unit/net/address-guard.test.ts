/** The address guard: which addresses may be dialled, in every spelling, and what a name service can answer to get around it. */
import type { LookupAddress } from "node:dns";
import { describe, expect, it } from "vitest";
import { type AddressWish, addressPolicy } from "../../../src/net/address-guard.ts";
import { AddressRefusal } from "../../../src/net/address-policy.ts";

const answering =
  (...addresses: string[]) =>
  async (): Promise<LookupAddress[]> =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

function policy(allow: string[] = [], wish?: AddressWish, answers: string[] = ["93.184.216.34"]) {
  return addressPolicy({ rules: { allow }, wish, resolveName: answering(...answers) });
}

/** Whether `host` may be dialled, by everything the guard offers. */
async function isPermitted(guard: ReturnType<typeof policy>, host: string, port = 443): Promise<boolean> {
  const outcome = await guard.resolve(host, port).then(
    () => true,
    (error) => {
      expect(error).toBeInstanceOf(AddressRefusal);
      return false;
    },
  );
  const dialled = await new Promise((resolve) => guard.lookup(host, { all: true }, (error) => resolve(error === null)));
  // A client asks with checkHost for literals and with lookup for names; whoever uses one of them must hear the same.
  if (port === 443) expect(dialled).toBe(outcome);
  return outcome;
}

const SPELLINGS = [
  "127.0.0.1",
  "127.1",
  "127.0.1",
  "127.255.255.254",
  "2130706433",
  "0x7f000001",
  "0X7F.0x0.0x0.0x1",
  "0x7f.1",
  "0177.0.0.1",
  "0177.1",
  "017700000001",
  "00000177.0.0.01",
  "127.0.0.1.",
  "0",
  "0.0.0.0",
  "0x",
  "[::1]",
  "::1",
  "0:0:0:0:0:0:0:1",
  "0000:0000:0000:0000:0000:0000:0000:0001",
  "::",
  "::127.0.0.1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "[::FFFF:127.0.0.1]",
  "0:0:0:0:0:ffff:10.0.0.1",
  "::ffff:0:127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b::10.0.0.1",
  "64:ff9b:1::1",
  "2002:7f00:1::",
  "2002:c0a8:101::1",
  "2001:0:1:2::",
  "fe80::1",
  "fe80::1%eth0",
  "fc00::1",
  "fd12:3456:789a::1",
  "fec0::1",
  "ff02::1",
  "4000::1",
  "169.254.169.254",
  "0xa9fea9fe",
  "2852039166",
  "0251.0376.0251.0376",
  "fd00:ec2::254",
  "100.100.100.200",
  "168.63.129.16",
  "10.1.2.3",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "192.168.257",
  "100.64.0.1",
  "100.127.255.255",
  "192.0.0.8",
  "192.0.2.1",
  "192.88.99.1",
  "198.18.0.1",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "localhost",
  "LOCALHOST",
  "localhost.",
  "app.localhost",
  "localhost.localdomain",
  "metadata.google.internal",
  "Metadata.Google.Internal.",
  "instance-data",
  "①②⑦.⓪.⓪.①",
  "１２７.0.0.1",
  "127。0。0。1",
];

describe("[R-01] the address guard", () => {
  it.each(SPELLINGS)("refuses %s", async (host) => {
    expect(await isPermitted(policy(), host)).toBe(false);
    expect(() => policy().checkHost(host, 443)).toThrow(AddressRefusal);
  });

  it.each([
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "11.0.0.0",
    "198.20.0.1",
    "2606:2800:220:1:248:1893:25c8:1946",
    "example.com",
    "xn--bcher-kva.example",
    "bücher.example",
    "under_score.example.com",
  ])("permits %s", async (host) => {
    expect(await isPermitted(policy(), host)).toBe(true);
  });

  it.each([
    "",
    " ",
    "a b",
    "a\0b",
    "exa\r\nmple.com",
    "-a.com",
    "a..b",
    "[::1",
    `${"a".repeat(250)}.com`,
    "a/b",
    "user@host",
  ])("refuses what is no host: %j", async (host) => {
    expect(() => policy().checkHost(host, 443)).toThrow(AddressRefusal);
  });

  it.each([
    [80, true],
    [443, true],
    [1_024, true],
    [65_535, true],
    [22, false],
    [25, false],
    [81, false],
    [1_023, false],
    [0, false],
    [-1, false],
    [65_536, false],
    [80.5, false],
    [Number.NaN, false],
  ])("port %s: %s", async (port, expected) => {
    expect(await isPermitted(policy(), "example.com", port)).toBe(expected);
  });

  it("refuses a name that leads inside, whatever its other answers are", async () => {
    for (const answers of [
      ["10.0.0.1"],
      ["93.184.216.34", "10.0.0.1"],
      ["2606:2800::1", "::ffff:169.254.169.254"],
      ["not an address"],
      [],
    ]) {
      expect(await isPermitted(policy([], undefined, answers), "rebind.example")).toBe(false);
    }
  });

  it("checks at every dial, so a second answer cannot differ from the checked one", async () => {
    const answers = ["93.184.216.34", "127.0.0.1"];
    const guard = addressPolicy({
      rules: { allow: [] },
      resolveName: async () => [{ address: answers.shift() ?? "", family: 4 }],
    });
    expect(await guard.resolve("rebind.example", 443)).toEqual([{ address: "93.184.216.34", family: 4 }]);
    await expect(guard.resolve("rebind.example", 443)).rejects.toThrow(AddressRefusal);
  });

  it("passes on that a name is unknown, and dials nothing", async () => {
    const unknown = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    const guard = addressPolicy({ rules: { allow: [] }, resolveName: () => Promise.reject(unknown) });
    await expect(guard.resolve("nowhere.example", 443)).rejects.toBe(unknown);
  });

  it("gives a socket one address or all, as it asks", async () => {
    const guard = policy([], undefined, ["93.184.216.34", "93.184.216.35"]);
    const ask = (all: boolean) =>
      new Promise((resolve) =>
        guard.lookup("example.com", { all }, (error, address, family) => resolve([error, address, family])),
      );
    expect(await ask(false)).toEqual([null, "93.184.216.34", 4]);
    expect(await ask(true)).toEqual([
      null,
      [
        { address: "93.184.216.34", family: 4 },
        { address: "93.184.216.35", family: 4 },
      ],
      undefined,
    ]);
  });

  it("says what was refused and why, and no more", () => {
    expect(() => policy().checkHost("10.0.0.1", 443)).toThrow(
      'address "10.0.0.1" is private, which this process does not permit',
    );
    expect(() => policy().checkHost("\u001b[31m", 443)).toThrow('"?[31m" is not a host name');
  });
});

describe("what the operator permits", () => {
  it("opens networks, addresses in any spelling, and hosts by name", async () => {
    const guard = policy(["10.0.0.0/8", "fd00::/8", "0x7f.1"]);
    for (const host of ["10.1.2.3", "[fd12::1]", "127.0.0.1", "2130706433", "::ffff:10.0.0.1"]) {
      expect(await isPermitted(guard, host), host).toBe(true);
    }
    for (const host of ["11.0.0.1", "192.168.0.1", "127.0.0.2", "::1"]) {
      expect(await isPermitted(guard, host), host).toBe(host === "11.0.0.1");
    }
    expect(await isPermitted(policy(["nats.internal"], undefined, ["10.0.0.9"]), "NATS.internal.")).toBe(true);
    expect(await isPermitted(policy(["nats.internal"], undefined, ["10.0.0.9"]), "other.internal")).toBe(false);
    expect(
      await isPermitted(policy(["*.svc.cluster.local"], undefined, ["10.0.0.9"]), "redis.a.svc.cluster.local"),
    ).toBe(true);
    expect(await isPermitted(policy(["*.svc.cluster.local"], undefined, ["10.0.0.9"]), "evilsvc.cluster.local")).toBe(
      false,
    );
  });

  it("does not open the metadata service with a wide network or by a name", async () => {
    expect(await isPermitted(policy(["0.0.0.0/0"]), "10.0.0.1")).toBe(true);
    expect(await isPermitted(policy(["0.0.0.0/0"]), "169.254.169.254")).toBe(false);
    expect(await isPermitted(policy(["evil.example"], undefined, ["169.254.169.254"]), "evil.example")).toBe(false);
    expect(await isPermitted(policy(["169.254.169.254"]), "169.254.169.254")).toBe(true);
  });

  it("takes this machine by name, with whichever of its addresses is permitted", async () => {
    const both = ["127.0.0.1", "::1"];
    expect(await policy(["127.0.0.0/8"], undefined, both).resolve("localhost", 8080)).toEqual([
      { address: "127.0.0.1", family: 4 },
    ]);
    expect(await policy(["localhost"], undefined, both).resolve("localhost", 8080)).toHaveLength(2);
    expect(await isPermitted(policy(["localhost"]), "127.0.0.1")).toBe(true);
    expect(await isPermitted(policy(["10.0.0.0/8"], undefined, both), "localhost")).toBe(false);
    expect(await isPermitted(policy(["127.0.0.0/8"], undefined, ["10.0.0.1"]), "localhost")).toBe(false);
  });

  it.each(["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/x", "http://example.com", "", "*", "a b", "fd00::1/8"])(
    "is not %j, which is said",
    (entry) => {
      expect(() => policy([entry])).toThrow(AddressRefusal);
    },
  );
});

describe("[R-02] what a pipeline asks for", () => {
  const unprotected = { allow: [], protection: false };

  it("counts for nothing when the process permits nothing", async () => {
    expect(await isPermitted(policy([], unprotected), "127.0.0.1")).toBe(false);
    expect(await isPermitted(policy([], { allow: ["127.0.0.0/8"], protection: true }), "127.0.0.1")).toBe(false);
    expect(
      await isPermitted(policy([], { allow: ["evil.example"], protection: false }, ["10.0.0.1"]), "evil.example"),
    ).toBe(false);
  });

  it("never reaches further than the process permits", async () => {
    expect(await isPermitted(policy(["10.0.0.0/8"], unprotected), "10.0.0.1")).toBe(true);
    expect(await isPermitted(policy(["10.0.0.0/8"], unprotected), "192.168.0.1")).toBe(false);
  });

  it("narrows what the process permits", async () => {
    const guard = policy(["10.0.0.0/8", "127.0.0.1"], { allow: ["10.1.0.0/16", "192.168.0.0/16"], protection: true });
    expect(await isPermitted(guard, "10.1.0.1")).toBe(true);
    for (const host of ["10.2.0.1", "127.0.0.1", "192.168.0.1"]) expect(await isPermitted(guard, host)).toBe(false);
    expect(await isPermitted(guard, "93.184.216.34")).toBe(true);
  });
});

describe("a name with many addresses", () => {
  it("is looked at for the first 64 of them, and dialled at no other", async () => {
    const publicOnes = Array.from({ length: 64 }, (_, index) => `93.184.216.${index}`);
    const found = await policy([], undefined, [...publicOnes, "10.0.0.1"]).resolve("many.example", 443);
    expect(found.map(({ address }) => address)).toEqual(publicOnes);
    expect(await isPermitted(policy([], undefined, [...publicOnes.slice(1), "10.0.0.1"]), "many.example")).toBe(false);
  });
});
