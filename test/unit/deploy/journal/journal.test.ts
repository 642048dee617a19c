/** Records of runs: what is kept, where, and what happens when it cannot be. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/base/clock.ts";
import { forgetSecretsForTests, registerSecret } from "../../../../src/base/secrets.ts";
import { findRun, howToFindOut, listRuns } from "../../../../src/deploy/journal/read.ts";
import { type EndedLine, endedLine, MAX_ENTRIES, projectChecksum } from "../../../../src/deploy/journal/record.ts";
import { beginRecord, MAX_RUNS } from "../../../../src/deploy/journal/write.ts";
import type { Project, ProjectFile } from "../../../../src/deploy/project/project.ts";
import { failureOf, temporaryDirectory } from "../../../support/project.ts";

afterEach(() => forgetSecretsForTests());

const machine = hostname();

const FACTS = {
  project: "/srv/shop",
  project_checksum: "c0ffee",
  files: 3,
  parameters: 2,
  overwrite: false,
  servers: ["db:5432"],
  database: "shop",
  role: "migrator",
  application_name: "pgmi",
};

const PROJECT: Project = {
  root: "/srv/shop",
  deployScript: "select 1;",
  files: [{ path: "./a.sql", checksum: "aa" } as ProjectFile],
  testDirectories: [],
};

const ENDED: Omit<EndedLine, "record" | "at"> = endedLine(
  {
    status: "success",
    exitCode: 0,
    state: "committed",
    durationMs: 610,
    files: [{ path: "./a.sql", ms: 38 }],
    tests: [{ path: "./__test__/t.sql", name: "t", result: "passed", ms: 3 }],
  },
  PROJECT,
  { host: "db", port: 5432, version: 180004 },
);

function begin(state: string, facts: Partial<typeof FACTS> = {}) {
  const warnings: string[] = [];
  const options = {
    environment: { XDG_STATE_HOME: state },
    clock: systemClock,
    warn: (message: string) => void warnings.push(message),
  };
  return { warnings, record: beginRecord({ ...FACTS, ...facts }, options) };
}

const list = (state: string, limit = 20) => listRuns({ XDG_STATE_HOME: state }, { limit, machine });
const runsIn = (state: string) => join(state, "pgkeep", "runs");

describe("a record", () => {
  it("[D-10] is there before the run and gets its result after it; nothing is rewritten", async () => {
    using directory = temporaryDirectory({});
    const { record, warnings } = begin(directory.path);
    const open = record;
    const [name = ""] = readdirSync(runsIn(directory.path));
    const file = join(runsIn(directory.path), name);
    const before = readFileSync(file, "utf8");
    expect((await list(directory.path)).runs[0]).toMatchObject({ result: "running", ended: undefined, started: FACTS });
    open?.end(ENDED);
    expect(readFileSync(file, "utf8").startsWith(before)).toBe(true);
    expect((await list(directory.path)).runs[0]).toMatchObject({ result: "success", ended: ENDED });
    expect(warnings).toEqual([]);
  });

  it("[D-10] can be read by its owner only, whatever the umask", async () => {
    using directory = temporaryDirectory({});
    const before = process.umask(0);
    try {
      begin(directory.path).record;
    } finally {
      process.umask(before);
    }
    const [name = ""] = readdirSync(runsIn(directory.path));
    expect(statSync(runsIn(directory.path)).mode & 0o777).toBe(0o700);
    expect(statSync(join(runsIn(directory.path), name)).mode & 0o777).toBe(0o600);
  });

  it("[D-17] holds no secret that the program knows", async () => {
    using directory = temporaryDirectory({});
    registerSecret("hunter2-canary");
    const open = begin(directory.path, { project: "/srv/hunter2-canary" }).record;
    open?.end({ ...ENDED, state: "hunter2-canary" });
    const [name = ""] = readdirSync(runsIn(directory.path));
    const text = readFileSync(join(runsIn(directory.path), name), "utf8");
    expect(text).not.toContain("hunter2");
    expect(text.match(/\[secret\]/g)).toHaveLength(2);
  });

  it("of a run at the same moment is a file of its own", async () => {
    using directory = temporaryDirectory({});
    const open = Array.from({ length: 20 }, () => begin(directory.path).record);
    for (const one of open) one?.end(ENDED);
    const { runs, total, unreadable } = await list(directory.path);
    expect([runs.length, total, unreadable]).toEqual([20, 20, 0]);
    expect(new Set(runs.map(({ result }) => result))).toEqual(new Set(["success"]));
  });

  it("of a large project keeps the slowest files and says how many are missing", () => {
    const files = Array.from({ length: MAX_ENTRIES + 5 }, (_, n) => ({ path: `./${n}.sql`, ms: n }));
    const { file_times: kept, left_out: missing } = endedLine({ status: "success", exitCode: 0, files }, PROJECT, null);
    expect([kept.length, missing, kept[0]?.path]).toEqual([MAX_ENTRIES, 5, "./5.sql"]);
  });

  it("makes room by removing the oldest", async () => {
    using directory = temporaryDirectory({});
    mkdirSync(runsIn(directory.path), { recursive: true, mode: 0o700 });
    for (let n = 0; n < MAX_RUNS + 2; n++)
      writeFileSync(join(runsIn(directory.path), `20200101T${String(n).padStart(9, "0")}Z-abcdef.jsonl`), "");
    writeFileSync(join(runsIn(directory.path), "notes.txt"), "");
    begin(directory.path).record?.end(ENDED);
    const names = readdirSync(runsIn(directory.path)).sort();
    expect(names).toHaveLength(MAX_RUNS + 1);
    expect(names[0]).toBe("20200101T000000003Z-abcdef.jsonl");
    expect(names).toContain("notes.txt");
  });
});

describe("a place that cannot be written safely", () => {
  it("is a warning, and the run goes on without a record", async () => {
    using directory = temporaryDirectory({ "state/pgkeep": "a file" });
    const { record, warnings } = begin(join(directory.path, "state"));
    expect(record).toBeUndefined();
    expect(warnings.join()).toMatch(/^the run could not be recorded: .*--no-record\.$/);
  });

  it("[D-10] is not used when others could write there or when it is a link", async () => {
    using directory = temporaryDirectory({});
    mkdirSync(runsIn(directory.path), { recursive: true });
    chmodSync(runsIn(directory.path), 0o777);
    const open = begin(directory.path);
    expect(open.record).toBeUndefined();
    expect(open.warnings.join()).toContain("is not a directory of your own");
    using elsewhere = temporaryDirectory({});
    mkdirSync(join(elsewhere.path, "pgkeep"));
    symlinkSync(directory.path, join(elsewhere.path, "pgkeep/runs"));
    const linked = begin(elsewhere.path);
    expect(linked.record).toBeUndefined();
    expect(linked.warnings.join()).toContain("is not a directory of your own");
  });

  it.each([{}, { HOME: "/nonexistent-home" }, { XDG_STATE_HOME: "relative" }])(
    "is none without a home, and that is no warning: %j",
    async (environment) => {
      const warn = (message: string) => expect.unreachable(message);
      expect(beginRecord(FACTS, { environment, clock: systemClock, warn })).toBeUndefined();
      expect(await listRuns(environment, { limit: 1, machine })).toEqual({ runs: [], total: 0, unreadable: 0 });
    },
  );
});

describe("reading", () => {
  it("[D-10] tells a killed run from one that still runs, and how to find out what it did", async () => {
    using directory = temporaryDirectory({});
    begin(directory.path, { database: "it's" }).record;
    const [name = ""] = readdirSync(runsIn(directory.path));
    const file = join(runsIn(directory.path), name);
    const started = JSON.parse(readFileSync(file, "utf8"));
    const child = spawn("true");
    await once(child, "close");
    writeFileSync(file, `${JSON.stringify({ ...started, pid: child.pid, process: "another" })}\n`);
    const [run] = (await list(directory.path)).runs;
    expect(run?.result).toBe("ended without a result");
    expect(howToFindOut(started)).toContain("datname = 'it''s'");
  });

  it("does not take a process of another machine for the run", async () => {
    using directory = temporaryDirectory({});
    begin(directory.path).record;
    const other = await listRuns({ XDG_STATE_HOME: directory.path }, { limit: 1, machine: "elsewhere" });
    expect(other.runs[0]?.result).toBe("ended without a result");
  });

  it("passes over damaged records and later versions, and counts them", async () => {
    using directory = temporaryDirectory({});
    begin(directory.path).record?.end(ENDED);
    writeFileSync(join(runsIn(directory.path), "29990101T000000000Z-abcdef.jsonl"), "{");
    writeFileSync(
      join(runsIn(directory.path), "29990101T000000000Z-abcdee.jsonl"),
      '{"record":"started","format":2}\n',
    );
    const { runs, total, unreadable } = await list(directory.path);
    expect([runs.length, total, unreadable]).toEqual([1, 3, 2]);
  });

  it("finds a run by its id, the beginning of it, or as the last one", async () => {
    using directory = temporaryDirectory({});
    begin(directory.path).record;
    const environment = { XDG_STATE_HOME: directory.path };
    const { started } = await findRun(environment, { wanted: "last", machine });
    const found = await findRun(environment, { wanted: started.id.slice(0, -2), machine });
    expect(found.started.id).toBe(started.id);
    const missing = await failureOf(() => findRun(environment, { wanted: "1999", machine }));
    expect([missing.code, missing.parts.hint]).toEqual(["USAGE_UNKNOWN_NAME", "See their ids: pgkeep runs list"]);
  });
});

describe("the project's checksum", () => {
  it("changes with any path, any content and deploy.sql, and with nothing else", () => {
    const sum = projectChecksum(PROJECT);
    const [file] = PROJECT.files;
    const changed = (part: Partial<ProjectFile>) =>
      projectChecksum({ ...PROJECT, files: [{ ...file, ...part } as ProjectFile] });
    expect(projectChecksum({ ...PROJECT, root: "/elsewhere" })).toBe(sum);
    const others = [
      changed({ path: "./b.sql" }),
      changed({ checksum: "ab" }),
      projectChecksum({ ...PROJECT, deployScript: "" }),
    ];
    expect(new Set([sum, ...others]).size).toBe(4);
  });
});
