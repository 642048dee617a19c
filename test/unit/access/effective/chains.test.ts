/** Chains of memberships: which count, by which way, and that no tangle of them takes for ever. */
import { describe, expect, it } from "vitest";
import type { Membership } from "../../../../src/access/catalog/snapshot.ts";
import { chainsTo, MAX_CHAINS } from "../../../../src/access/effective/chains.ts";
import { RoleClosures } from "../../../../src/access/effective/closures.ts";
import { snapshotOf } from "../../../support/snapshot.ts";

/** "a>b is" : a is a member of b, inherits, may set. */
function closuresOf(...memberships: string[]): RoleClosures {
  return new RoleClosures(snapshotOf({ memberships: memberships.map(membership) }));
}

function membership(text: string): Membership {
  const [who = "", options = ""] = text.split(" ");
  const [member = "", role = ""] = who.split(">");
  const inherit = options.includes("i");
  return { member, role, grantor: "postgres", admin: options.includes("a"), inherit, set: options.includes("s") };
}

const told = (closures: RoleClosures, to: string, isAttribute = false): string[] =>
  chainsTo(closures, { from: "a", to, isAttribute }).chains.map(
    ({ hops, setHops, acting }) => `${["a", ...hops.map(({ role }) => role)].join(" ")} | ${setHops} as ${acting}`,
  );

describe("chains of memberships", () => {
  it("inherit now, without becoming anybody", () => {
    expect(told(closuresOf("a>b i", "b>c i"), "c")).toEqual(["a b c | 0 as a"]);
  });

  it("may begin with SET ROLE, and then inherit", () => {
    expect(told(closuresOf("a>b s", "b>c i"), "c")).toEqual(["a b c | 1 as b"]);
  });

  it("lead nowhere when SET ROLE would have to come after inheriting", () => {
    expect(told(closuresOf("a>b i", "b>c s"), "c")).toEqual([]);
    expect(told(closuresOf("a>b is", "b>c s"), "c")).toEqual(["a b c | 2 as c"]);
  });

  it("lead nowhere by ADMIN alone", () => {
    expect(told(closuresOf("a>b a"), "b")).toEqual([]);
  });

  it("never inherit an attribute", () => {
    expect(told(closuresOf("a>b i"), "b", true)).toEqual([]);
    expect(told(closuresOf("a>b is"), "b", true)).toEqual(["a b | 1 as b"]);
  });

  it("are all found, those that hold now first", () => {
    expect(told(closuresOf("a>b s", "b>d i", "a>c i", "c>d i", "a>d s"), "d")).toEqual([
      "a c d | 0 as a",
      "a d | 1 as d",
      "a b d | 1 as b",
    ]);
  });

  it("join what several grantors gave", () => {
    expect(told(closuresOf("a>b i", "a>b s", "b>c s"), "c")).toEqual(["a b c | 2 as c"]);
  });

  it("are bounded where their number doubles with every role", () => {
    const layers = Array.from({ length: 24 }, (_, n) => [
      `${n}x>${n + 1}x i`,
      `${n}x>${n + 1}y i`,
      `${n}y>${n + 1}x i`,
      `${n}y>${n + 1}y i`,
    ]);
    const closures = closuresOf("a>0x i", "a>0y i", ...layers.flat(), "24x>end i", "24y>end i");
    const { chains, isComplete } = chainsTo(closures, { from: "a", to: "end", isAttribute: false });
    expect({ count: chains.length, isComplete }).toEqual({ count: MAX_CHAINS, isComplete: false });
  });

  it("are bounded where very many lead nowhere, and say so", () => {
    const layers = Array.from({ length: 24 }, (_, n) => [
      `${n}x>${n + 1}x i`,
      `${n}x>${n + 1}y i`,
      `${n}y>${n + 1}x i`,
      `${n}y>${n + 1}y i`,
    ]);
    const closures = closuresOf("a>0x i", "a>0y i", ...layers.flat(), "24x>end s", "24y>end s");
    expect(chainsTo(closures, { from: "a", to: "end", isAttribute: false })).toEqual({ chains: [], isComplete: false });
  });
});
