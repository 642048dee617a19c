/** What is done about findings: one step for one cure, in the order of dependencies, applied only where that is safe. */
import { describe, expect, it } from "vitest";
import { type FixFacts, fixSteps, NO_FACTS, type SettingState, settingsOf } from "../../../../src/audit/fix/plan.ts";
import { namedChecks } from "../../../../src/audit/fix/safe.ts";
import type { Fix, Risk } from "../../../../src/audit/fix.ts";
import { settingStatement } from "../../../../src/audit/fix.ts";
import type { AuditReport, ReportedFinding, Score } from "../../../../src/audit/report/report.ts";

const SCORE: Score = {
  score: 50,
  grade: "D",
  checkedPercent: 100,
  counts: { critical: 0, high: 0, medium: 0, low: 0, info: 0 },
  waived: 0,
  unknown: 0,
};

const finding = (check: string, fix: Fix | undefined, parts: Partial<ReportedFinding> = {}): ReportedFinding => ({
  check,
  severity: "medium",
  pillar: "database",
  status: "fail",
  database: undefined,
  object: `object of ${check}`,
  title: "something is wrong",
  evidence: "seen",
  why: "because",
  remedy: "decide about it",
  fix,
  place: undefined,
  references: {},
  fingerprint: check,
  waiver: undefined,
  isKnown: undefined,
  ...parts,
});

const reportOf = (...findings: ReportedFinding[]): AuditReport => ({
  version: 1,
  observedAt: new Date(0),
  durationMs: 1,
  target: undefined,
  profile: "default",
  databases: [],
  unreachable: [],
  overall: SCORE,
  pillars: [],
  findings,
  unknowns: [],
  checks: [],
  waiverNotes: [],
  data: { date: "2026-11-21", isStale: false },
  notes: [],
});

const state = (parts: Partial<SettingState> = {}): SettingState => ({
  value: "off",
  context: "sighup",
  source: "configuration file",
  defaultValue: "off",
  isAltered: false,
  isAllowed: true,
  ...parts,
});
const factsOf = (settings: Record<string, SettingState>, refusal?: string): FixFacts => ({
  settings: new Map(Object.entries(settings)),
  settingsRefusal: refusal,
});
const set = (name: string, value: string | null, risk: Risk = "low"): Fix => ({
  kind: "setting",
  name,
  value,
  risk,
});
const revoke = (object: string, risk: Risk = "medium"): Fix => ({
  kind: "revoke",
  on: "table",
  object,
  privileges: ["SELECT"],
  from: "web",
  sql: `revoke select on table ${object} from "web"`,
  risk,
});
const steps = (report: AuditReport, facts = NO_FACTS, ...named: string[]) =>
  fixSteps(report, facts, { named: new Set(named), maxRisk: "low" });

describe("the order of a plan", () => {
  it("is settings, roles, owners, privileges, other statements, files, the host, decisions", () => {
    const sql = (...statements: string[]): Fix => ({ kind: "sql", sql: statements, risk: "low" });
    const report = reportOf(
      finding("A", undefined),
      finding("B", { kind: "shell", commands: ["chmod 0700 x"], risk: "low" }),
      finding("C", { kind: "file", file: "pg_hba.conf", lines: ["local all all peer"], how: "first", risk: "low" }),
      finding("D", sql('alter function f() set search_path = ""')),
      finding("E", revoke("a")),
      finding("F", sql('alter table "a owner to b" owner to "c"')),
      finding("G", sql('revoke "boss" from "app on call"')),
      finding("H", sql('alter role "app" nosuperuser')),
      finding("I", set("password_encryption", "scram-sha-256")),
    );
    expect(steps(report).map(({ group, cures }) => `${cures[0]?.check} ${group}`)).toEqual([
      "I settings",
      "G roles",
      "H roles",
      "F ownership",
      "E revokes",
      "D statements",
      "C files",
      "B host",
      "A decisions",
    ]);
  });

  it("is the worst first within a group, and TLS after its files", () => {
    const report = reportOf(
      finding("A", set("ssl", "on"), { severity: "critical" }),
      finding("B", set("ssl_cert_file", "server.crt"), { severity: "low" }),
      finding("C", set("ssl_key_file", "server.key"), { severity: "high" }),
    );
    expect(steps(report).map(({ setting }) => setting?.name)).toEqual(["ssl_key_file", "ssl_cert_file", "ssl"]);
  });
});

describe("a step", () => {
  it("cures every finding that asks for the same, each in its own database", () => {
    const report = reportOf(
      finding("A", revoke("t"), { database: "one", object: "t" }),
      finding("B", revoke("t"), { database: "one", object: "t for web" }),
      finding("A", revoke("t"), { database: "two", object: "t" }),
    );
    expect(steps(report).map(({ database, cures }) => [database, cures.map(({ check }) => check)])).toEqual([
      ["one", ["A", "B"]],
      ["two", ["A"]],
    ]);
  });

  it("replaces one line of a file once, as the gravest finding wants it, and says so", () => {
    const line = (text: string, how = "replace line 2 by"): Fix => ({
      kind: "file",
      file: "pg_hba.conf",
      lines: [text],
      how,
      risk: "high",
    });
    const report = reportOf(
      finding("A", line("hostssl all all all scram-sha-256"), { severity: "critical" }),
      finding("B", line("hostssl all all all trust")),
      finding("C", line("local all all peer", "put before line 1")),
      finding("D", line("local all all reject", "put before line 1")),
    );
    const planned = steps(report);
    expect(planned.map(({ lines }) => lines[0])).toEqual([
      "hostssl all all all scram-sha-256",
      "local all all peer",
      "local all all reject",
    ]);
    expect(planned[0]?.file?.how).toBe("replace line 2 by (for the gravest finding; audit again for the others)");
    expect(planned[0]?.cures.map(({ check }) => check)).toEqual(["A", "B"]);
  });

  it("is not made for what somebody accepted", () => {
    expect(steps(reportOf(finding("A", revoke("t"), { status: "waived" })))).toEqual([]);
    expect(settingsOf(reportOf(finding("A", set("ssl", "on"), { status: "waived" })))).toEqual([]);
  });

  it("is the check's remedy where nobody but a person can cure it", () => {
    expect(steps(reportOf(finding("A", undefined)))).toMatchObject([
      { group: "decisions", lines: ["decide about it"], byHand: "somebody has to decide" },
    ]);
  });

  it("is as risky as the worst that a check says of it, for all the reasons", () => {
    const mild: Fix = { kind: "setting", name: "ssl", value: "on", risk: "low", riskReason: "slow" };
    const report = reportOf(finding("A", mild), finding("B", { ...mild, risk: "medium", riskReason: "refused" }));
    expect(steps(report, factsOf({ ssl: state() }))).toMatchObject([{ risk: "medium", riskReason: "slow; refused" }]);
  });
});

describe("--apply", () => {
  const facts = factsOf({ log_connections: state(), log_statement: state({ value: "none" }) });
  const applied = (report: AuditReport, ...named: string[]): (string | undefined)[] =>
    steps(report, facts, ...named).map(({ byHand }) => byHand);

  it("does what has low risk", () => {
    const report = reportOf(finding("AUD-001", set("log_connections", "on")), finding("PRV-013", revoke("a", "low")));
    expect(applied(report)).toEqual([undefined, undefined]);
  });

  it("does what has medium risk where its check is named, and no other", () => {
    const report = reportOf(
      finding("AUD-003", set("log_statement", "ddl", "medium")),
      finding("FUN-005", revoke("a", "medium")),
    );
    const refusal = (check: string): string =>
      `its risk is medium; to apply it, name it: --only ${check}, or say --max-risk medium`;
    expect(applied(report)).toEqual([refusal("AUD-003"), refusal("FUN-005")]);
    expect(applied(report, "FUN-005")).toEqual([refusal("AUD-003"), undefined]);
  });

  it("does what has medium risk where somebody said so, and what has high risk or is a note all the same not", () => {
    const report = reportOf(
      finding("AUD-003", set("log_statement", "ddl", "medium")),
      finding("FUN-005", revoke("a", "medium")),
      finding("A-1", revoke("t", "high")),
      finding("NET-030", set("log_connections", "on"), { severity: "info" }),
    );
    const planned = fixSteps(report, facts, { named: new Set(), maxRisk: "medium" });
    const left = planned.filter(({ byHand }) => byHand !== undefined).map(({ cures }) => cures[0]?.check);
    expect(left.sort()).toEqual(["A-1", "NET-030"]);
    expect(planned).toHaveLength(4);
  });

  it("never does what has high risk", () => {
    const report = reportOf(finding("A-1", revoke("t", "high")), finding("B-1", set("log_connections", "on", "high")));
    expect(applied(report, "A-1", "B-1")).toEqual(["its risk is high", "its risk is high"]);
  });

  it("does what is only worth a note where its check is named", () => {
    const note = reportOf(finding("NET-030", set("log_connections", "on"), { severity: "info" }));
    expect(applied(note)).toEqual(["it is only worth a note; to apply it, name it: --only NET-030"]);
    expect(applied(note, "NET-030")).toEqual([undefined]);
  });

  it("does no statement of a check, no file and nothing on the machine, whatever the risk and the name", () => {
    const report = reportOf(
      finding("A-1", { kind: "sql", sql: ['alter role "app" nosuperuser'], risk: "low" }),
      finding("B-1", { kind: "file", file: "pg_hba.conf", lines: [], how: "delete line 1", risk: "low" }),
      finding("C-1", { kind: "shell", commands: ["chmod 0700 x"], risk: "low" }),
      finding("D-1", undefined),
    );
    for (const reason of applied(report, "A-1", "B-1", "C-1", "D-1")) expect(reason).toBeTypeOf("string");
  });

  it("takes a check as named by its id alone, in any case", () => {
    expect([...namedChecks(["aud-003", "FUN-005", "AUD-*", "*", "database", "network"])]).toEqual([
      "AUD-003",
      "FUN-005",
    ]);
  });
});

describe("a setting", () => {
  const fix = reportOf(finding("A", set("log_connections", "on")));
  const byHand = (setting: Partial<SettingState>, refusal?: string) =>
    steps(fix, factsOf({ log_connections: state(setting) }, refusal))[0];

  it.each([
    ["sighup", "after a reload", undefined],
    ["user", "after a reload", undefined],
    ["superuser-backend", "in new sessions, after a reload", undefined],
    ["postmaster", "after a restart", "it takes a restart"],
    ["internal", undefined, "it is decided when the cluster or the server is built"],
  ])("of context %s is in force %s", (context, effect, why) => {
    expect(byHand({ context })).toMatchObject({ effect, byHand: why });
  });

  it.each([
    ["the command line wins", byHand({ source: "command line" }), /command line, which wins/],
    ["the role may not", byHand({ isAllowed: false }), /superuser, or a role with ALTER SYSTEM/],
    ["the service keeps it", byHand({}, "the managed service sets it"), /managed service/],
    ["nobody asked a server", steps(fix)[0], /no server was asked/],
    ["the server does not have it", steps(fix, factsOf({}))[0], /does not show this setting/],
  ])("is left to a person when %s", (_, step, reason) => {
    expect(step?.byHand).toMatch(reason);
    expect(step?.sql).toEqual(["alter system set log_connections = 'on'"]);
  });

  it("is left to a person when checks do not agree, and its value is never a guess", () => {
    const report = reportOf(finding("A", set("log_statement", "ddl")), finding("B", set("log_statement", "none")));
    const [step] = steps(report, factsOf({ log_statement: state() }));
    expect([step?.byHand, step?.cures.length]).toEqual(["checks ask for different values", 2]);
  });

  it("that is a list of libraries is put together from what checks ask for", () => {
    const name = "session_preload_libraries";
    const report = reportOf(finding("A", set(name, "pgaudit")), finding("B", set(name, "pgaudit, auth_delay")));
    const [step] = steps(report, factsOf({ [name]: state({ context: "superuser" }) }));
    expect([step?.sql, step?.byHand]).toEqual([[`alter system set ${name} = 'pgaudit', 'auth_delay'`], undefined]);
  });

  it("goes back to its default by the default itself where a file other than ALTER SYSTEM's holds it", () => {
    const report = reportOf(finding("A", set("log_hostname", null)));
    const sql = (isAltered: boolean) => steps(report, factsOf({ log_hostname: state({ isAltered }) }))[0]?.sql;
    expect(sql(true)).toEqual(["alter system reset log_hostname"]);
    expect(sql(false)).toEqual(["alter system set log_hostname = 'off'"]);
  });

  it("whose value may hold a secret is not touched, because the undo script would show it", () => {
    const report = reportOf(finding("A", set("ssl_passphrase_command", "")));
    const harmless = reportOf(finding("A", set("log_replication_commands", "on")));
    expect(steps(harmless, factsOf({ log_replication_commands: state() }))[0]?.byHand).toBeUndefined();
    expect(steps(report, factsOf({ ssl_passphrase_command: state() }))[0]?.byHand).toMatch(/secret/);
  });
});

describe("ALTER SYSTEM", () => {
  const sql = (name: string, value: string | null) => settingStatement({ kind: "setting", name, value, risk: "low" });

  it("names each library of a list, because the server would look for one of the whole text", () => {
    expect(sql("shared_preload_libraries", "pgaudit, \"my, lib\",'x'")).toBe(
      "alter system set shared_preload_libraries = 'pgaudit', 'my, lib', '''x'''",
    );
  });

  it.each([
    ["log_line_prefix", "%m 'x' ", "alter system set log_line_prefix = '%m ''x'' '"],
    ["listen_addresses", "localhost, ::1", "alter system set listen_addresses = 'localhost, ::1'"],
    ["pgaudit.log", "ddl", "alter system set pgaudit.log = 'ddl'"],
    ["ssl", null, "alter system reset ssl"],
  ])("sets %s", (name, value, expected) => {
    expect(sql(name, value)).toBe(expected);
  });

  it("is not written for what is no setting's name", () => {
    expect(() => sql("a = 1; drop table b; --", "x")).toThrow();
  });
});
