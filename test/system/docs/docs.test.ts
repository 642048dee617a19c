/**
 * The commands in the documents, run as a reader would: page by page, top to bottom, in an empty directory and one
 * terminal (what a block exports is there in the next), with the built command line on the PATH and no variable of the
 * tests' own surroundings.
 */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { commandBlocks, shows, withoutVariation } from "./page.ts";

const run = promisify(execFile);
const BIN = join(process.cwd(), "bin/pgkeep.js");

const PAGES = ["README.md", ...pagesBelow("docs")].filter((path) => commandBlocks(path).length > 0);

function pagesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`)
    .sort();
}

let folder: string;
let variables: Record<string, string>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-docs-"));
  // A server started by root runs as another account, which has to enter.
  chmodSync(folder, 0o755);
  for (const name of ["bin", "home", "here"]) mkdirSync(join(folder, name));
  symlinkSync(BIN, join(folder, "bin/pgkeep"));
  const PATH = `${join(folder, "bin")}:${process.env.PATH}`;
  variables = { PATH, HOME: join(folder, "home"), LANG: "C.UTF-8" };
});

afterEach(async () => {
  stopWhatWasStarted();
  await shell("pgkeep db stop", {}).catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
});

/** A page that starts a program in the background writes its pid beside it; one that failed half-way did not stop it. */
function stopWhatWasStarted(): void {
  const names = readdirSync(join(folder, "here")).filter((name) => name.endsWith(".pid"));
  for (const name of names) {
    try {
      process.kill(Number(readFileSync(join(folder, "here", name), "utf8")));
    } catch {
      // It ended by itself.
    }
  }
}

/** Runs a script with bash; both streams in the order they were written. What it exports is there in the next one. */
async function shell(script: string, more: Record<string, string>): Promise<string> {
  const options = { cwd: join(folder, "here"), env: { ...variables, ...more }, timeout: 100_000 };
  const kept = join(folder, "exported.sh");
  const lines = ["exec 2>&1", `if [ -f ${kept} ]; then . ${kept}; fi`, script, `export -p > ${kept}`];
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", lines.join("\n")], options);
  return stdout;
}

describe("the documents' commands", () => {
  it("are found", () => {
    expect(PAGES).toContain("README.md");
    expect(PAGES).toContain("docs/security/hardening.md");
    expect(PAGES).toContain("docs/tutorials/two-roles.md");
    expect(PAGES).toContain("docs/tutorials/outbox-to-webhook.md");
  });

  it.each(PAGES)("%s", async (path) => {
    for (const { line, script, output } of commandBlocks(path)) {
      const printed = await shell(script, {}).catch((error) => {
        throw new Error(`${path}:${line} ended with ${error.code}:\n${error.stdout}`);
      });
      if (output === undefined) continue;
      const [expected, actual] = [withoutVariation(output), withoutVariation(printed)];
      if (!shows(expected, actual)) expect(actual, `${path}:${line}`).toEqual(expected);
    }
  });
});

describe("the pipelines in the documents", () => {
  const secret = "admin-of-the-pipeline@example.com";

  it.each([
    ["docs/how-to/deploy-from-github-actions.md", githubSteps],
    ["docs/how-to/deploy-from-gitlab-ci.md", gitlabSteps],
  ])("%s deploys, and neither shows nor leaves the secret", async (path, stepsOf) => {
    const yaml = /^```yaml\n([\s\S]*?)^```$/m.exec(readFileSync(path, "utf8"))?.[1] ?? "";
    const steps = stepsOf(parse(yaml)).filter((step) => !step.startsWith("npm install"));
    expect(steps).toHaveLength(1);
    const started = JSON.parse(await shell("pgkeep init shop >/dev/null 2>&1; pgkeep db start --json 2>/dev/null", {}));
    const temporary = join(folder, "temporary");
    mkdirSync(temporary);
    const url = new URL(started.data.url);
    url.pathname = "/shop";
    const given = { DATABASE_URL: url.href, ADMIN_EMAIL: secret, RUNNER_TEMP: temporary, TMPDIR: temporary };
    const printed = await shell(steps.join("\n"), given);
    expect(printed).toContain("shop is deployed to database");
    expect(printed).not.toContain(secret);
    expect(readdirSync(temporary)).toEqual([]);
  });
});

interface Github {
  jobs: Record<string, { steps: { run?: string }[] }>;
}

function githubSteps(workflow: Github): string[] {
  return Object.values(workflow.jobs).flatMap(({ steps }) => steps.flatMap((step) => step.run ?? []));
}

function gitlabSteps(pipeline: Record<string, { script: string[] }>): string[] {
  return Object.values(pipeline).flatMap(({ script }) => script);
}
