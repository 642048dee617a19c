/** Several findings about one line of pg_hba.conf: one edit that cures them all, proved by auditing what it makes of the file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fixSteps, NO_FACTS } from "../../../src/audit/fix/plan.ts";
import type { Risk, RuleEdit } from "../../../src/audit/fix.ts";
import { readConfLines } from "../../../src/audit/hba/conf-files.ts";
import { type WrittenRule, writtenRule } from "../../../src/audit/hba/rule-text.ts";
import { parseRules } from "../../../src/audit/hba/rules.ts";
import type { Severity } from "../../../src/audit/ratings.ts";
import { editFix, mergedRisk } from "../../../src/audit/rule-edits.ts";
import auditFix from "../../../src/operations/audit.fix.ts";
import { found, SAMPLE_WAIVER, sampleReport, sampleResult } from "../../support/audit/sample.ts";
import { memoryFiles } from "../../support/memory-files.ts";
import { runOperation } from "../../support/operation.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-edits-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function stepsFor(lines: readonly string[]) {
  writeFileSync(join(folder, "pg_hba.conf"), `${lines.join("\n")}\n`);
  const input = { hba: "pg_hba.conf", serverVersion: "17" };
  const { output } = await runOperation(auditFix, input, { workingDirectory: folder });
  return output.steps.filter(({ file }) => file?.endsWith("pg_hba.conf"));
}

type Steps = Awaited<ReturnType<typeof stepsFor>>;

/** What somebody makes of the file who does what the plan says, from the last line to the first. */
function edited(lines: readonly string[], steps: Steps): string[] {
  const all = lines.map((text) => [text]);
  const numbered = steps.map(({ how, lines: own }) => {
    const [, verb = "", n, to] =
      /^(replace|delete|move|put before) line (\d+)(?: before line (\d+))?/.exec(how ?? "") ?? [];
    return { verb, at: Number(n) - 1, to: Number(to) - 1, own };
  });
  for (const { verb, at, own } of numbered.filter((one) => one.verb !== "put before" && one.verb !== "move")) {
    all[at] = verb === "delete" ? [] : [...own];
  }
  for (const { at, own } of numbered.filter(({ verb }) => verb === "put before")) all[at]?.unshift(...own);
  for (const { at, to, own } of numbered.filter(({ verb }) => verb === "move")) {
    all[at] = [];
    all[to]?.unshift(...own);
  }
  return all.flat();
}

const cured = (steps: Steps) => steps.flatMap(({ cures }) => cures.map(({ check, object }) => `${check} ${object}`));

describe("a line that several findings are about", () => {
  it.each([
    ["trust and plain", ["host all all 0.0.0.0/0 trust"], ["hostssl all all 0.0.0.0/0 scram-sha-256"]],
    ["clear text and plain", ["host shop app 10.0.0.0/8 password"], ["hostssl shop app 10.0.0.0/8 scram-sha-256"]],
    ["MD5, plain and a pattern", ["host shop /app 10.0.0.0/8 md5"], ["hostssl shop /^(app)$ 10.0.0.0/8 scram-sha-256"]],
    [
      "replication in plain and trust",
      ["host replication rep 10.0.0.0/8 trust"],
      ["hostssl replication rep 10.0.0.0/8 scram-sha-256"],
    ],
    ["ident and plain", ["hostnossl shop app 10.0.0.0/8 ident"], ["hostssl shop app 10.0.0.0/8 scram-sha-256"]],
    ["a realm and plain", ["host shop app 10.0.0.0/8 gss include_realm=0"], ["hostssl shop app 10.0.0.0/8 gss"]],
    [
      "a directory and plain",
      ["host shop app 10.0.0.0/8 ldap ldapserver=d ldapbasedn=x"],
      ["hostssl shop app 10.0.0.0/8 ldap ldapserver=d ldapbasedn=x ldaptls=1"],
    ],
    [
      "any certificate",
      ["hostssl shop app 10.0.0.0/8 trust clientcert=verify-ca"],
      ["hostssl shop app 10.0.0.0/8 cert"],
    ],
    [
      "trust that hides a rule",
      ["host all all 10.0.0.0/8 trust", "host all all 10.0.0.0/8 md5"],
      ["host all all 10.0.0.0/8 scram-sha-256", "hostssl all all 10.0.0.0/8 scram-sha-256"],
    ],
  ])("is edited once, so that all of them are cured: %s", async (_, lines, expected) => {
    const steps = await stepsFor(lines);
    const places = steps.map(({ how }) => /line \d+/.exec(how ?? "")?.[0]);
    expect(new Set(places).size).toBe(places.length);
    const after = edited(lines, steps);
    const left = cured(await stepsFor(after));
    for (const one of cured(steps)) expect(left).not.toContain(one);
    expect(after).toEqual(expected);
  });
});

describe("edits of one rule", () => {
  const ruleOf = async (text: string): Promise<WrittenRule> => {
    const [rule] = parseRules(await readConfLines("/h", memoryFiles({ "/h": text }), 18), 18);
    if (rule === undefined || !("method" in rule)) throw new Error("no rule");
    return writtenRule(rule);
  };
  const finding = (check: string, edit: RuleEdit, parts: { risk?: Risk; severity?: Severity } = {}) =>
    sampleResult({
      id: check,
      pillar: "network",
      severity: parts.severity ?? "high",
      outcome: found({
        object: "the rule",
        detail: "is wrong",
        fix: editFix(edit, { risk: parts.risk ?? "low", riskReason: `because of ${check}` }),
      }),
    });
  const stepsOf = (...parts: Parameters<typeof sampleReport>) =>
    fixSteps(sampleReport(...parts), NO_FACTS, { named: new Set(), maxRisk: "low" }).map(
      ({ lines, file, risk, riskReason, cures }) => ({
        lines,
        how: file?.how,
        risk,
        riskReason,
        checks: cures.map(({ check }) => check),
      }),
    );
  const LDAP = "host all all 10.0.0.0/8 ldap ldapserver=d ldapbasedn=x ldapbindpasswd=canary";

  it("are one step with the greatest risk and each reason", async () => {
    const rule = await ruleOf("host all all 10.0.0.0/8 trust");
    const steps = stepsOf([
      finding("NET-001", { kind: "change", rule, changes: { method: "scram-sha-256" } }),
      finding("NET-002", { kind: "change", rule, changes: { type: "hostssl" } }, { risk: "medium" }),
    ]);
    expect(steps).toEqual([
      {
        lines: ["hostssl all all 10.0.0.0/8 scram-sha-256"],
        how: "replace line 1 by",
        risk: "medium",
        riskReason: "because of NET-001; because of NET-002",
        checks: ["NET-001", "NET-002"],
      },
    ]);
  });

  it("say once what several of them risk", () => {
    const noTls = "clients without TLS are refused";
    const risk = mergedRisk([
      { risk: "high", riskReason: `clients without a password are refused; ${noTls}` },
      { risk: "low" },
      { risk: "medium", riskReason: noTls },
    ]);
    expect(risk).toEqual({ risk: "high", riskReason: `clients without a password are refused; ${noTls}` });
  });

  it("are shown with every finding as the plan has them", async () => {
    const rule = await ruleOf("host all all 10.0.0.0/8 trust");
    const { findings } = sampleReport([
      finding("NET-001", { kind: "change", rule, changes: { method: "scram-sha-256" } }),
      finding("NET-002", { kind: "change", rule, changes: { type: "hostssl" } }),
    ]);
    const line = "hostssl all all 10.0.0.0/8 scram-sha-256";
    expect(findings.map(({ fix }) => fix?.kind === "file" && fix.lines)).toEqual([[line], [line]]);
  });

  it("leave out what somebody accepted", async () => {
    const rule = await ruleOf("host all all 10.0.0.0/8 trust");
    const results = [
      finding("NET-001", { kind: "change", rule, changes: { method: "scram-sha-256" } }),
      finding("NET-002", { kind: "change", rule, changes: { type: "hostssl" } }),
    ];
    const waiver = { ...SAMPLE_WAIVER, check: "NET-002", object: "*" };
    expect(stepsOf(results, { waivers: [waiver] })).toMatchObject([
      { lines: ["host all all 10.0.0.0/8 scram-sha-256"], checks: ["NET-001"] },
    ]);
  });

  it("delete the rule when one of them does, and move it as it becomes", async () => {
    const rule = await ruleOf("host all all 10.0.0.0/8 md5");
    const change = finding("NET-001", { kind: "change", rule, changes: { type: "hostssl" } });
    expect(stepsOf([change, finding("NET-002", { kind: "delete", rule })])).toMatchObject([
      { lines: [], how: "delete line 1", checks: ["NET-001", "NET-002"] },
    ]);
    expect(stepsOf([change, finding("NET-002", { kind: "move", rule, before: 0 })])).toMatchObject([
      { lines: ["hostssl all all 10.0.0.0/8 md5"], how: "move line 1 before line 0" },
    ]);
  });

  it("that contradict each other stay one step, as the gravest finding wants it, and the step says so", async () => {
    const rule = await ruleOf("hostssl all all 10.0.0.0/8 trust");
    const steps = stepsOf([
      finding("NET-001", { kind: "change", rule, changes: { method: "cert" } }, { severity: "medium" }),
      finding("NET-002", { kind: "change", rule, changes: { method: "scram-sha-256" } }, { severity: "critical" }),
    ]);
    expect(steps).toMatchObject([
      {
        lines: ["hostssl all all 10.0.0.0/8 scram-sha-256"],
        how: "replace line 1 by (for the gravest finding; audit again for the others)",
        checks: ["NET-002", "NET-001"],
      },
    ]);
  });

  it("have a word in the place of a secret, which the server refuses to load", async () => {
    const rule = await ruleOf(LDAP);
    const fix = editFix({ kind: "change", rule, changes: { type: "hostssl" } }, { risk: "low" });
    expect(fix).toMatchObject({
      how: "replace line 1 by, with the secret that it has:",
      lines: ["hostssl all all 10.0.0.0/8 ldap ldapserver=d ldapbasedn=x ldapbindpasswd=<as before>"],
    });
    await expect(ruleOf(fix.lines[0] ?? "")).rejects.toThrow("no rule");
    const other = editFix({ kind: "change", rule, changes: { method: "scram-sha-256" } }, { risk: "low" });
    expect(other).toMatchObject({ how: "replace line 1 by", lines: ["host all all 10.0.0.0/8 scram-sha-256"] });
  });
});
