/** stdout for the result, stderr for everything else, and what happens when either goes wrong. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { type ErrorCode, EXIT } from "../../../src/base/errors.ts";
import { codeReadBy } from "../../support/code-reads.ts";
import { BIN, pgkeep } from "../../support/pgkeep.ts";
import { temporaryDirectory, temporaryProject } from "../../support/project.ts";

const documentOf = (text: string): Record<string, unknown> => JSON.parse(text);

describe("JSON", () => {
  it("has the same keys after success, failure and a usage error", async () => {
    const ok = documentOf((await pgkeep(["explain", "DEPLOY_LOCKED", "--json"])).stdout);
    const failed = await pgkeep(["explain", "NOTHING_LIKE_IT", "--json"]);
    const usage = await pgkeep(["explain", "--json", "--nope"]);
    for (const { status, stdout } of [failed, usage]) {
      const document = documentOf(stdout);
      expect(Object.keys(document)).toEqual(Object.keys(ok));
      expect(document).toMatchObject({ ok: false, exit_code: status, data: null, command: "explain" });
    }
    expect(ok).toMatchObject({ schema_version: 1, ok: true, exit_code: 0, error: null, tool: { name: "pgkeep" } });
    expect(new Date(String(ok.observed_at)).toISOString()).toBe(ok.observed_at);
  });

  it("of commands with a document of their own stays that document", async () => {
    using folder = temporaryDirectory();
    const { status, stdout, stderr } = await pgkeep(["deploy", folder.path, "-d", "x", "--json"]);
    expect(status).toBe(EXIT.scriptMissing);
    expect(documentOf(stdout)).toMatchObject({ status: "failed", exitCode: 14, code: "DEPLOY_SCRIPT_MISSING" });
    expect(stderr).toContain("CODE: DEPLOY_SCRIPT_MISSING");
  });

  it("is what --json, --format json and -o json print", async () => {
    const same = await Promise.all(
      [["--json"], ["--format", "json"], ["--format=json"], ["-o", "json"], ["-ojson=-"]].map((words) =>
        pgkeep(["ai", "contract", ...words]),
      ),
    );
    for (const { stdout } of same) expect(stdout).toBe(same[0]?.stdout);
  });

  it("as a stream ends with the status", async () => {
    const { stdout, status } = await pgkeep(["explain", "NOTHING", "--format", "ndjson"]);
    const events = stdout.trimEnd().split("\n").map(documentOf);
    expect(events.map(({ type }) => type)).toEqual(["error", "end"]);
    expect(events.at(-1)).toMatchObject({ exit_code: status, seq: 1 });
  });
});

describe("exit statuses", () => {
  const cases: [ErrorCode, number, string[]][] = [
    ["USAGE_UNKNOWN_COMMAND", 2, ["depl"]],
    ["USAGE_UNKNOWN_COMMAND", 2, ["db", "frobnicate"]],
    ["USAGE_UNKNOWN_FLAG", 2, ["plan", ".", "--colour"]],
    ["USAGE_ARGUMENTS", 2, ["plan"]],
    ["USAGE_UNKNOWN_NAME", 2, ["explain", "NOTHING"]],
    ["USAGE_UNKNOWN_NAME", 2, ["ai", "skill", "nothing"]],
    ["USAGE_UNKNOWN_NAME", 2, ["ai", "client", "cobol"]],
    ["DEPLOY_PROJECT_MISSING", 10, ["plan", "/nonexistent"]],
    ["CONFIG_TARGET_MISSING", 10, ["deploy", "PROJECT"]],
    ["CONFIG_VALUE_INVALID", 10, ["deploy", "PROJECT", "-d", "x", "-p", "70000"]],
    ["CONNECT_REFUSED", 11, ["deploy", "PROJECT", "-d", "x", "-h", "127.0.0.1", "-p", "1"]],
  ];

  it.each(cases)("%s ends with %i, in text and in JSON", async (code, expected, line) => {
    using project = temporaryProject();
    const words = line.map((word) => (word === "PROJECT" ? project.path : word));
    const [text, json] = await Promise.all([pgkeep(words), pgkeep([...words, "--json"])]);
    expect([text.status, json.status]).toEqual([expected, expected]);
    expect(text.stderr).toContain(`CODE: ${code} `);
    const document = documentOf(json.stdout);
    expect(document.exit_code ?? document.exitCode).toBe(expected);
    expect(JSON.stringify(document)).toContain(`"${code}"`);
  });
});

describe("a result that cannot be written", () => {
  it("on a full disk is a failure", () => {
    const { status, stderr } = spawnSync("sh", ["-c", `'${process.execPath}' '${BIN}' ai contract > /dev/full`], {
      encoding: "utf8",
    });
    expect([status, /CODE: FILE_WRITE_FAILED/.test(stderr)]).toEqual([1, true]);
  });

  it("because the reader left ends quietly, with the status it would have had", () => {
    const line = `'${process.execPath}' '${BIN}' ai contract 2>err | true; echo "\${PIPESTATUS[0]}"; cat err`;
    using folder = temporaryDirectory();
    const { stdout } = spawnSync("bash", ["-c", line], { cwd: folder.path, encoding: "utf8" });
    expect(stdout).toBe("0\n");
  });

  it("into a file is refused before anything starts", async () => {
    using folder = temporaryDirectory();
    symlinkSync(folder.at("target"), folder.at("link"));
    for (const file of ["link", "missing/file", "."]) {
      const { status, stdout, stderr } = await pgkeep(["ai", "contract", "-o", `json=${file}`], { cwd: folder.path });
      expect([status, stdout]).toEqual([1, ""]);
      expect(stderr).toContain("STATE: nothing was started");
    }
    expect(existsSync(folder.at("target"))).toBe(false);
  });
});

describe("several outputs of one run", () => {
  it("hold the same result, files for their owner only", async () => {
    using folder = temporaryDirectory();
    const { stdout } = await pgkeep(["ai", "skills", "--json", "-o", "json=again.json"], { cwd: folder.path });
    const again = documentOf(readFileSync(folder.at("again.json"), "utf8"));
    expect(again.data).toEqual(documentOf(stdout).data);
    expect(statSync(folder.at("again.json")).mode & 0o777).toBe(0o600);
  });
});

describe("columns", () => {
  it("are chosen with --fields, in text and JSON alike", async () => {
    const json = documentOf((await pgkeep(["ai", "skills", "--fields", "name", "--json"])).stdout);
    expect(Object.keys(Object(Object(json.data).skills[0]))).toEqual(["name"]);
    expect((await pgkeep(["ai", "skills", "--fields", "name"])).stdout).not.toContain("about");
    expect(await pgkeep(["ai", "skills", "--fields", "name,nope"])).toMatchObject({ status: 2, stdout: "" });
  });
});

describe("colour", () => {
  it("is not used without a terminal, and is with --color always", async () => {
    const words = ["doctor", "-d", "x", "-h", "127.0.0.1", "-p", "1"];
    expect((await pgkeep(words)).stdout).not.toContain("\u001b");
    expect((await pgkeep(words, { env: { FORCE_COLOR: "1" } })).stdout).toContain("\u001b[");
    expect((await pgkeep([...words, "--color", "always"], { env: { NO_COLOR: "1" } })).stdout).toContain("\u001b[");
    expect((await pgkeep(words, { env: { FORCE_COLOR: "1", NO_COLOR: "1" } })).stdout).not.toContain("\u001b");
  });

  it("is not replaced by other signs than ASCII with --ascii", async () => {
    using project = temporaryProject({ "a.sql": "select 1;" });
    for (const words of [["plan", project.path], ["doctor", project.path], ["help"], ["explain", "DEPLOY_LOCKED"]]) {
      const { stdout, stderr } = await pgkeep(words[0] === "help" ? words : [...words, "--ascii"]);
      expect(stdout + stderr).toMatch(/^[\n\u0020-\u007e]*$/);
    }
  });
});

describe("[D-03] the process list", () => {
  it("stops showing arguments before the program reads any code of its own", async () => {
    const canary = "canary-in-the-arguments";
    const [first] = codeReadBy(["deploy", "/nonexistent", "-d", "x", "--param", `api_token=${canary}`]);
    expect(first).toMatchObject({ file: "main.cjs", commandLine: expect.stringMatching(/^pgkeep\0*$/) });
  });

  it("shows no argument while the program works", async () => {
    using project = temporaryProject();
    // Accepts and never answers, so that the program lives as long as we look.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const port = String(Reflect.get(Object(silent.address()), "port"));
    const hanging = ["deploy", project.path, "-d", "x", "-h", "127.0.0.1", "-p", port, "--param", "api_token=canary"];
    const child = spawn(process.execPath, [BIN, ...hanging], { stdio: "ignore" });
    try {
      await once(silent, "connection");
      expect(readFileSync(`/proc/${child.pid}/cmdline`, "utf8")).toMatch(/^pgkeep\0*$/);
    } finally {
      child.kill("SIGKILL");
      silent.close();
    }
  });

  it("is named as the danger when a parameter looks like a secret, without its value", async () => {
    using project = temporaryProject();
    const words = [
      "deploy",
      project.path,
      "-d",
      "x",
      "-h",
      "127.0.0.1",
      "-p",
      "1",
      "--param",
      "api_token=canary-value",
    ];
    const { stderr } = await pgkeep(words);
    expect(stderr).toMatch(/warning: .*--param.*--params-file/);
    expect(stderr).not.toContain("canary-value");
    expect((await pgkeep(["pgmi", ...words])).stderr).not.toContain("warning");
  });
});
