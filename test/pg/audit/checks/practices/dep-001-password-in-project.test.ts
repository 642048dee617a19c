/** DEP-001 on planted projects, and on the templates that pgkeep ships. */
import { readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import check from "../../../../../src/audit/checks/practices/dep-001-password-in-project.ts";
import { runCheck } from "../../../../../src/audit/run/run-check.ts";
import { madeUpFacts, objectsOf } from "../../../../support/audited.ts";
import { temporaryProject } from "../../../../support/project.ts";

const TEMPLATES = fileURLToPath(new URL("../../../../../templates", import.meta.url));
const of = (...projects: string[]) => runCheck(check, madeUpFacts({ declared: { projects } }));

describe("DEP-001 role passwords in SQL", () => {
  it("fires with file and lines, and is silent when a verifier stands there", async () => {
    using project = temporaryProject({
      "roles/app.sql":
        "create role a;\n\ncreate role app login\n  password 'canary-1';\nalter role app password $$canary-2$$;\n",
      "ok.sql": "alter role app password :'pw';",
      "notes.txt": "alter role app password 'x'",
      "node_modules/x.sql": "alter role app password 'x'",
    });
    const outcome = await of(project.path);
    expect(outcome).toMatchObject({
      found: [{ object: project.at("roles/app.sql"), detail: "a role's password on line 3, 5", place: { line: 3 } }],
    });
    expect(JSON.stringify(outcome)).not.toContain("canary");
    writeFileSync(project.at("roles/app.sql"), "alter role app password 'SCRAM-SHA-256$4096:x$y:z';");
    expect(objectsOf(await of(project.path))).toEqual([]);
  });

  it("is silent on the templates that pgkeep ships", async () => {
    const templates = readdirSync(TEMPLATES).map((name) => `${TEMPLATES}/${name}`);
    expect(templates.length).toBeGreaterThan(0);
    expect(objectsOf(await of(...templates))).toEqual([]);
  });

  it("does not concern a run without projects, and is unknown when the project is not there", async () => {
    expect(await of()).toMatchObject({ status: "not_applicable" });
    expect(await of("/none/project")).toMatchObject({
      status: "unknown",
      reason: expect.stringContaining("/none/project"),
    });
  });
});
