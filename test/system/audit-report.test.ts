/** `pgkeep audit report` as a process: every format into a file of its owner's alone, one exit status, no link followed. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EVERYTHING } from "../support/audit/formats.ts";
import { type Finished, pgkeep } from "../support/pgkeep.ts";

const FORMATS = ["json", "sarif", "junit", "md", "html", "github"] as const;

let folder = "";
const inFolder = (name: string): string => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-report-"));
  writeFileSync(inFolder("run.json"), JSON.stringify({ schema_version: 1, command: "audit", data: EVERYTHING }));
});

afterAll(() => rmSync(folder, { recursive: true }));

const report = (words: readonly string[], env: Record<string, string> = {}): Promise<Finished> =>
  pgkeep(["audit", "report", "run.json", ...words], { cwd: folder, env });

/** Marks of all findings. */
const FINGERPRINTS = EVERYTHING.findings.map(({ fingerprint }) => fingerprint).sort();

function fingerprintsIn(text: string): string[] {
  const known = new Set(FINGERPRINTS);
  return [...new Set(text.match(/\b[0-9a-f]{16}\b/g) ?? [])].filter((one) => known.has(one)).sort();
}

describe("one run in many formats", () => {
  it("[U-11] is written into files that only their owner reads, whatever the mask says, with the same findings", async () => {
    const mask = process.umask(0);
    const words = FORMATS.flatMap((format) => ["-o", `${format}=out.${format}`]);
    const { status, stdout } = await report(["--full", "--verbose", ...words]).finally(() => process.umask(mask));
    expect(status).toBe(20);
    expect(fingerprintsIn(stdout)).toEqual(
      EVERYTHING.findings.flatMap((one) => (one.status === "fail" ? one.fingerprint : [])).sort(),
    );
    for (const format of FORMATS) {
      expect(statSync(inFolder(`out.${format}`)).mode & 0o777, format).toBe(0o600);
      expect(fingerprintsIn(readFileSync(inFolder(`out.${format}`), "utf8")), format).toEqual(FINGERPRINTS);
    }
  });

  it("[U-11] follows no link that somebody put in the way", async () => {
    writeFileSync(inFolder("victim"), "mine");
    symlinkSync(inFolder("victim"), inFolder("link.html"));
    const { status, stderr } = await report(["-o", "html=link.html"]);
    expect(status).toBe(1);
    expect(stderr).toContain("FILE_WRITE_FAILED");
    expect(readFileSync(inFolder("victim"), "utf8")).toBe("mine");
  });

  it.each([...FORMATS, "human", "ndjson"])("ends with the same status in %s, whatever is shown", async (format) => {
    const [plain, less] = await Promise.all([
      report(["--format", format]),
      report(["--format", format, "--min-severity", "critical"]),
    ]);
    expect([plain.status, less.status]).toEqual([20, 20]);
    expect((await report(["--format", format, "--exit-zero"])).status).toBe(0);
  });

  it("adds the summary of the step where GitHub says that one exists", async () => {
    const { stdout } = await report(["--format", "github"], { GITHUB_STEP_SUMMARY: inFolder("summary.md") });
    expect(stdout).toMatch(/^::error /m);
    expect(fingerprintsIn(readFileSync(inFolder("summary.md"), "utf8"))).toEqual(FINGERPRINTS);
  });

  it("says in its own format that there is none", async () => {
    const words = ["audit", "report", "missing.json", "-o", "sarif=none.sarif", "--format", "junit"];
    const { status, stdout } = await pgkeep(words, { cwd: folder });
    expect(status).toBe(10);
    expect(stdout).toContain('errors="1"');
    expect(JSON.parse(readFileSync(inFolder("none.sarif"), "utf8")).runs[0].invocations[0].executionSuccessful).toBe(
      false,
    );
    expect(existsSync(inFolder("none.html"))).toBe(false);
  });
});

describe("the history of a person", () => {
  it("is what report and diff take without being told, and empty in the beginning", async () => {
    const env = { XDG_STATE_HOME: inFolder("state") };
    for (const command of ["report", "diff"]) {
      const { status, stderr } = await pgkeep(["audit", command], { cwd: folder, env });
      expect(status, command).toBe(2);
      expect(stderr).toContain("pgkeep audit history");
    }
    const { status, stdout } = await pgkeep(["audit", "history"], { cwd: folder, env });
    expect([status, stdout]).toEqual([0, "no audit has left a record yet\n"]);
  });
});
