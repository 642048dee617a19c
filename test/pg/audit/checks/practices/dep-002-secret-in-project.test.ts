/** DEP-002 on planted projects, and on the templates that pgkeep ships. */
import { readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/dep-002-secret-in-project.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { temporaryProject } from "../../../../support/project.ts";

const TEMPLATES = fileURLToPath(new URL("../../../../../templates", import.meta.url));
const of = (...projects: string[]) => runCheck(check, madeUpFacts({ declared: { projects } }));

describe("DEP-002 secrets in configuration", () => {
  it("fires on keys and URLs, by name alone, and is silent when references stand there", async () => {
    using project = temporaryProject({
      "pgmi.yaml": "params:\n  region: eu\n  app_password: canary-1\n",
      "ci.yml": "env:\n  URL: postgresql://app:canary-2@db/shop\n",
      "run.sh": 'psql "postgresql://app:canary-3@db/shop"\n',
    });
    const outcome = await of(project.path);
    expect(objectsOf(outcome)).toEqual([
      `${project.at("ci.yml")}: a URL with a password`,
      `${project.at("pgmi.yaml")}: app_password`,
      `${project.at("run.sh")}: a URL with a password`,
    ]);
    expect(JSON.stringify(outcome)).not.toContain("canary");
    writeFileSync(project.at("pgmi.yaml"), "params:\n  app_password: ${APP_PASSWORD}\n");
    writeFileSync(project.at("ci.yml"), "env:\n  URL: postgresql://app:${PGPASSWORD}@db/shop\n");
    writeFileSync(project.at("run.sh"), 'psql "postgresql://app:$PGPASSWORD@db/shop"\n');
    expect(objectsOf(await of(project.path))).toEqual([]);
  });

  it("is silent on what looks alike", async () => {
    using project = temporaryProject({
      "pgmi.yaml":
        "# app_password: x\nparams:\n  app_password: ~\n  password_policy: strict\n  token_ttl: 30\nconnection:\n  host: db\n",
      "ci.yml":
        "env:\n  APP_PASSWORD: secret-store\n  URL: postgresql://app@db/shop\n  OTHER: https://example.com:8443/a@b\n",
      "readme.md": "postgresql://app:x@db/shop",
      "a.sql": "-- postgresql://app:x@db/shop\nselect 1;",
    });
    expect(objectsOf(await of(project.path))).toEqual(
      ["a.sql"].map(() => `${project.at("a.sql")}: a URL with a password`),
    );
  });

  it("is silent on the templates that pgkeep ships", async () => {
    expect(objectsOf(await of(...readdirSync(TEMPLATES).map((name) => `${TEMPLATES}/${name}`)))).toEqual([]);
  });

  it("does not concern a run without projects, and is unknown when the project is not there", async () => {
    expect(await of()).toMatchObject({ status: "not_applicable" });
    expect(await of("/none/project")).toMatchObject({ status: "unknown" });
  });
});
