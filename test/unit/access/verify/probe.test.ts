/** What an answer of the server to a probe amounts to. */
import { describe, expect, it } from "vitest";
import { type Answer, judge, type Probe } from "../../../../src/access/verify/probe.ts";

function probe(changes: Partial<Probe> = {}): Probe {
  return {
    row: 2,
    role: "app",
    action: "select",
    object: "table app.orders",
    schema: "app",
    expected: "refused",
    attempt: { kind: "run", sql: "select" },
    ...changes,
  };
}

describe("what a probe amounts to", () => {
  const denied: Answer = { outcome: "error", sqlstate: "42501", message: "permission denied for table orders" };

  it.each([
    ["refused as it must be", "refused", denied, "pass", "refused"],
    ["refused although it must work", "allowed", denied, "fail", "refused"],
    ["allowed as it must be", "allowed", { outcome: "ok" }, "pass", "allowed"],
    ["allowed although it must not work", "refused", { outcome: "ok" }, "fail", "allowed"],
  ] as const)("tried and %s", (_, expected, answer, result, actual) => {
    expect(judge(probe({ expected }), answer)).toMatchObject({ result, actual });
  });

  it("says that a lock was in the way, because trying again helps", () => {
    const locked = judge(probe({}), { outcome: "error", sqlstate: "55P03", message: "lock timeout" });
    expect(locked.reason).toContain("verify again");
  });

  it.each([
    ["a lock of another session", { outcome: "error", sqlstate: "55P03", message: "lock timeout" }],
    ["no answer at all", { outcome: undefined }],
    ["an answer that means nothing here", { outcome: "true" }],
  ] as const)("is unknown after %s, and never good", (_, answer) => {
    for (const expected of ["allowed", "refused", "either"] as const) {
      const outcome = judge(probe({ expected }), answer);
      expect(outcome.result).toBe("unknown");
      expect(outcome.actual).toBeUndefined();
      expect(outcome.reason).not.toBe("");
    }
  });

  it("is computed when the catalog agrees, and fails when it does not", () => {
    const attempt = { kind: "ask", question: "select true", why: "it has an effect" } as const;

    expect(judge(probe({ attempt }), { outcome: "false" })).toMatchObject({
      result: "computed",
      reason: "it has an effect",
    });
    expect(judge(probe({ attempt }), { outcome: "true" })).toMatchObject({ result: "fail", actual: "allowed" });
  });

  it("does not take an error of the catalog for a refusal", () => {
    const attempt = { kind: "ask", question: "select true", why: "it has an effect" } as const;

    expect(judge(probe({ attempt }), denied).result).toBe("unknown");
  });

  it("takes a grant without effect for a refusal", () => {
    const attempt = { kind: "grant", sql: "grant" } as const;

    expect(judge(probe({ attempt }), { outcome: "no effect" })).toMatchObject({ result: "pass", actual: "refused" });
    expect(judge(probe({ attempt }), { outcome: "ok" })).toMatchObject({ result: "fail", actual: "allowed" });
  });

  it("counts nothing that PostgreSQL allows to everybody", () => {
    expect(judge(probe({ expected: "either" }), { outcome: "ok" }).result).toBe("pass");
    expect(judge(probe({ expected: "either" }), denied).result).toBe("pass");
  });

  it("keeps the server's code and words", () => {
    expect(judge(probe(), denied)).toMatchObject({ sqlstate: "42501", message: "permission denied for table orders" });
  });
});
