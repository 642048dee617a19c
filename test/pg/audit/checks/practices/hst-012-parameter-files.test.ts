/** HST-012 on planted projects, inside and outside of a real repository. */
import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/hst-012-parameter-files.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { pasteFixes, plantHost, plantLoop } from "../../../../support/planted-host.ts";

function plant(files: Record<string, string>) {
  const machine = plantHost({
    files: Object.fromEntries(Object.entries(files).map(([name, text]) => [`shop/${name}`, text])),
  });
  const git = (...words: string[]) =>
    execFileSync("git", ["-C", machine.at("shop"), "-c", "core.hooksPath=/dev/null", ...words], { stdio: "pipe" });
  const declared = { projects: [machine.at("shop")] };
  return { machine, git, run: () => runCheck(check, madeUpFacts({ declared })) };
}

describe("HST-012 parameter files", () => {
  it("fires on a file that others can read, by name and line, and is silent when its command was pasted", async () => {
    const { machine, run } = plant({
      "prod.env": "env=prod\n\napp_password=canary-1\napi_key=canary-2\n",
      "deploy.sql": "",
    });
    using _ = machine;
    const outcome = await run();
    expect(outcome).toMatchObject({
      found: [
        {
          object: machine.at("shop/prod.env"),
          severity: "medium",
          detail: "mode 0644: everybody can read it; holds app_password (line 3) and 1 more",
        },
      ],
    });
    expect(JSON.stringify(outcome)).not.toContain("canary");
    pasteFixes(outcome);
    expect(objectsOf(await run())).toEqual([]);
  });

  it.each(["2", "4"])(
    "fires on a private file that git tracks, index version %s, and is silent when it was taken out",
    async (version) => {
      const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`sql/${"x".repeat(index)}.sql`, ""]));
      const { machine, git, run } = plant({
        ...files,
        ".env": "PGPASSWORD=canary-3\n",
        "params.local": "db_secret: canary-4\n",
        "zz.sql": "",
      });
      using _ = machine;
      for (const name of [".env", "params.local"]) machine.chmod(`shop/${name}`, 0o600);
      git("init", "-q");
      expect(objectsOf(await run())).toEqual([]);
      git("add", "-A");
      git("update-index", "--index-version", version);
      const outcome = await run();
      expect(outcome).toMatchObject({
        found: [
          { object: machine.at("shop/.env"), severity: "high", detail: "tracked by git; holds PGPASSWORD (line 1)" },
          { object: machine.at("shop/params.local"), severity: "high" },
        ],
      });
      git("rm", "-q", "--cached", ".env", "params.local");
      expect(objectsOf(await run())).toEqual([]);
    },
  );

  it("is silent on samples, references, empty values, and files that hold no secret", async () => {
    const { machine, git, run } = plant({
      ".env.example": "PGPASSWORD=canary\n",
      "params.env":
        "# app_password=x\nregion=eu\npassword_min_length=12\napp_password=\napi_token=${API_TOKEN}\nsecret=<fill in>\n",
      "secrets.md": "app_password=x\n",
      "deploy.sql": "app_password=x\n",
      "closed/prod.env": "app_password=x\n",
    });
    using _ = machine;
    git("init", "-q");
    git("add", "-A", "--", "params.env", ".env.example");
    chmodSync(machine.at("shop/closed"), 0o700);
    expect(objectsOf(await run())).toEqual([]);
  });

  it("does not concern a run without projects, and is unknown where one may not be looked at", async () => {
    expect(await runCheck(check, madeUpFacts({}))).toMatchObject({ status: "not_applicable" });
    const { machine, run } = plant({ "deploy.sql": "" });
    using _ = machine;
    plantLoop(machine.at("shop/.git"));
    expect(objectsOf(await run())).toEqual([]);
    plantLoop(machine.at("shop/a.env"));
    machine.chmod("shop/deploy.sql", 0o600);
    const elsewhere = { projects: [machine.at("none")] };
    expect(await runCheck(check, madeUpFacts({ declared: elsewhere }))).toMatchObject({ status: "unknown" });
    const { writeFileSync } = await import("node:fs");
    writeFileSync(machine.at("shop/b.env"), "app_password=x\n", { mode: 0o600 });
    expect(await run()).toMatchObject({ status: "unknown", reason: expect.stringContaining(".git") });
  });
});
