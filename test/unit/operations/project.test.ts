/** Commands about a project directory: plan, info, init, templates and config. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { genericId } from "../../../src/deploy/project/plan.ts";
import configSchema from "../../../src/operations/config.schema.ts";
import configShow from "../../../src/operations/config.show.ts";
import configValidate from "../../../src/operations/config.validate.ts";
import deployInfo from "../../../src/operations/deploy.info.ts";
import deployPlan from "../../../src/operations/deploy.plan.ts";
import projectInit from "../../../src/operations/project.init.ts";
import templatesDescribe from "../../../src/operations/templates.describe.ts";
import templatesList from "../../../src/operations/templates.list.ts";
import { runOperation } from "../../support/operation.ts";
import { failureOf, temporaryDirectory, temporaryProject } from "../../support/project.ts";

describe("plan", () => {
  it("shows files in the order of the deploy, then tests, and needs no server", async () => {
    using project = temporaryProject({
      "b.sql": "SELECT 1;",
      "a.txt": "x",
      "__test__/_setup.sql": "",
      "__test__/t.sql": "",
    });
    const { output } = await runOperation(deployPlan, { path: project.path });
    expect(output.plan.map(({ execution_order, path, id }) => [execution_order, path, id])).toEqual([
      [1, "./a.txt", genericId("./a.txt")],
      [2, "./b.sql", genericId("./b.sql")],
    ]);
    expect(output.tests).toEqual([
      { directory: "./__test__/", depth: 0, fixtures: ["./__test__/_setup.sql"], tests: ["./__test__/t.sql"] },
    ]);
    expect(output).toMatchObject({ files: 4, with_metadata: 0 });
  });

  it("[CL-17] refuses what a deploy refuses, with its exit status", async () => {
    using project = temporaryDirectory({ "a.sql": "" });
    expect(await failureOf(() => runOperation(deployPlan, { path: project.path }))).toMatchObject({ exit: 14 });
    using broken = temporaryProject({ "a.sql": "\0" });
    expect(await failureOf(() => runOperation(deployPlan, { path: broken.path }))).toMatchObject({ exit: 10 });
  });
});

describe("info", () => {
  it("[TL-04] counts a project, in the reference's document", async () => {
    using project = temporaryProject({
      "a.sql": '/* <pgmi-meta id="6f0c2a51-8e2b-4a57-9d3c-0b1f6a7c8d9e" idempotent="1"/> */',
      "sub/b.sql": "",
      "pgmi.yaml": "timeout: 1m\n",
      "__test__/t.sql": "",
    });
    const { output } = await runOperation(deployInfo, { path: project.path });
    expect(output).toEqual({
      path: project.path,
      template: "basic",
      deploySql: true,
      configFile: "ok",
      totalFiles: 4,
      sqlFiles: 3,
      testFiles: 1,
      metadataWith: 1,
      directories: { "./": 2, "./__test__/": 1, "./sub/": 1 },
    });
  });

  it("[TL-04] tells other layouts and states apart", async () => {
    using advanced = temporaryProject({ "lib/api/x.sql": "", "pgmi.yaml": "x: 1\n" });
    const { output } = await runOperation(deployInfo, { path: advanced.path });
    expect(output.template).toBe("advanced");
    expect(output.configFile).toMatch(/^error: line 1:1 unknown key "x"/);
    using empty = temporaryDirectory();
    expect((await runOperation(deployInfo, { path: empty.path })).output).toMatchObject({
      template: "unknown",
      deploySql: false,
      configFile: "absent",
    });
    expect(await failureOf(() => runOperation(deployInfo, { path: `${empty.path}/nowhere` }))).toMatchObject({
      exit: 10,
    });
  });
});

describe("init", () => {
  it("refuses a target below a file, without a crash", async () => {
    using directory = temporaryDirectory({ file: "" });
    expect(await failureOf(() => runOperation(projectInit, { directory: directory.at("file/below") }))).toMatchObject({
      code: "FILE_WRITE_FAILED",
      parts: { state: "nothing was written" },
    });
  });

  it("[TL-05] makes a project that scans, with the directory's name in it", async () => {
    using directory = temporaryDirectory();
    const { output } = await runOperation(
      projectInit,
      { directory: 'my "shop"' },
      { workingDirectory: directory.path },
    );
    expect(output.files).toContain(".gitignore");
    expect(output.files).not.toContain("gitignore");
    expect(JSON.parse(readFileSync(directory.at('my "shop"/project.json'), "utf8")).name).toBe('my "shop"');
    expect(readFileSync(directory.at('my "shop"/README.md'), "utf8")).toMatch(/^# my "shop"\n/);
    const plan = await runOperation(deployPlan, { path: directory.at('my "shop"') });
    expect(plan.output.plan.filter(({ is_sql_file }) => is_sql_file)).toHaveLength(3);
    expect(plan.output.tests).toMatchObject([{ fixtures: ["./__test__/_setup.sql"] }]);
    const config = await runOperation(configValidate, { path: directory.at('my "shop"') });
    expect(config.output).toMatchObject({ valid: true, files: ["pgmi.yaml"], params: 1 });
  });

  it("[TL-05] keeps pgmi.yaml and .env as they are", async () => {
    using directory = temporaryDirectory({ "pgmi.yaml": "timeout: 9m\n", ".env": "PGHOST=x\n" });
    const { output } = await runOperation(projectInit, { directory: directory.path });
    expect(output.kept).toEqual([".env", "pgmi.yaml"]);
    expect(readFileSync(directory.at("pgmi.yaml"), "utf8")).toBe("timeout: 9m\n");
  });

  it.each(["README.md", ".git", "x.sql"])(
    "[TL-06] refuses a directory that holds %s, and changes nothing in it",
    async (name) => {
      using directory = temporaryDirectory({ [name]: "mine" });
      const error = await failureOf(() => runOperation(projectInit, { directory: directory.path }));
      expect(error).toMatchObject({ code: "USAGE_TARGET_NOT_EMPTY", exit: 2 });
      expect(readFileSync(directory.at(name), "utf8")).toBe("mine");
    },
  );

  it("[TL-06] refuses a file as target, and unknown templates", async () => {
    using directory = temporaryDirectory({ file: "" });
    expect(await failureOf(() => runOperation(projectInit, { directory: directory.at("file") }))).toMatchObject({
      exit: 2,
    });
    const unknown = () => runOperation(projectInit, { directory: directory.at("new"), template: "basci" });
    const error = await failureOf(unknown);
    expect(error).toMatchObject({ code: "DEPLOY_TEMPLATE_UNKNOWN", exit: 2 });
    expect(error.parts.hint).toBe('Did you mean "basic"?');
  });

  it("does not write through links that wait in the target", async () => {
    using outside = temporaryDirectory();
    using directory = temporaryDirectory();
    symlinkSync(outside.at("stolen"), directory.at(".env"));
    symlinkSync(outside.at("stolen.yaml"), directory.at("pgmi.yaml"));
    const { output } = await runOperation(projectInit, { directory: directory.path });
    expect(output.files).not.toContain("pgmi.yaml");
    expect(existsSync(outside.at("stolen.yaml"))).toBe(false);
  });

  it("sets up the embedded server only when asked", async () => {
    using directory = temporaryDirectory();
    await runOperation(projectInit, { directory: directory.at("plain") });
    await runOperation(projectInit, { directory: directory.at("own"), embedded: true });
    const shown = async (path: string) =>
      (await runOperation(configShow, { path })).output.settings.find(({ name }) => name === "database")?.value;
    expect(await shown(directory.at("plain"))).toBeUndefined();
    expect(await shown(directory.at("own"))).toBe("embedded");
  });

  it("names schemas in the configuration that are there", async () => {
    using directory = temporaryDirectory();
    await runOperation(projectInit, { directory: directory.path, embedded: true });
    for (const file of ["pgmi.yaml", "pgkeep.yaml"]) {
      const named = /^# yaml-language-server: \$schema=(\S+)$/m.exec(readFileSync(directory.at(file), "utf8"))?.[1];
      expect(JSON.parse(readFileSync(directory.at(named ?? ""), "utf8")).title).toBe(file);
    }
  });
});

describe("templates", () => {
  it("[TL-07] are listed and described, and an unknown one is exit 2", async () => {
    const { output } = await runOperation(templatesList, {});
    expect(output.templates.map(({ name }) => name)).toEqual(["basic"]);
    const described = await runOperation(templatesDescribe, { name: "basic" });
    expect(described.output.files).toContain("migrations/001_users.sql");
    expect(await failureOf(() => runOperation(templatesDescribe, { name: "x" }))).toMatchObject({ exit: 2 });
  });
});

describe("config show", () => {
  const environment = {
    PGPASSWORD: "canary-password",
    PGHOST: "variable",
    DATABASE_URL: "postgres://u:canary-url@h/d",
  };

  it("says where each value comes from, and of secrets only that", async () => {
    using project = temporaryProject({
      "pgmi.yaml": "connection:\n  host: file\n  port: 5433\nparams:\n  db_password: canary-param\ntimeout: 2m\n",
      ".env": "PGUSER=dotenv-user\n",
    });
    const { output } = await runOperation(configShow, { path: project.path, origin: true }, { environment });
    expect(output.settings).toEqual([
      { name: "connection.host", value: "variable", origin: "environment PGHOST" },
      { name: "connection.port", value: "5433", origin: "pgmi.yaml:3" },
      { name: "connection.username", value: "dotenv-user", origin: ".env PGUSER" },
      { name: "PGPASSWORD", value: null, origin: "environment PGPASSWORD" },
      { name: "DATABASE_URL", value: null, origin: "environment DATABASE_URL" },
      { name: "params.db_password", value: null, origin: "pgmi.yaml:5" },
      { name: "timeout", value: "2m", origin: "pgmi.yaml:6" },
    ]);
    expect(JSON.stringify(output)).not.toContain("canary");
  });

  it("shows every variable that libpq knows, and of whole strings and options only that they are set", async () => {
    using project = temporaryProject({});
    const variables = {
      PGSERVICE: "prod",
      PGCONNECT_TIMEOUT: "5",
      PGOPTIONS: "-c app.key=canary-option",
      PGKEEP_CONNECTION_STRING: "postgres://u:canary-url@h/d",
    };
    const { output } = await runOperation(configShow, { path: project.path }, { environment: variables });
    expect(output.settings).toEqual([
      { name: "connection.service", value: "prod" },
      { name: "connection.connect_timeout", value: "5" },
      { name: "PGOPTIONS", value: null },
      { name: "PGKEEP_CONNECTION_STRING", value: null },
    ]);
    expect(JSON.stringify(output)).not.toContain("canary");
  });

  it("leaves origins out unless asked", async () => {
    using project = temporaryProject({ "pgmi.yaml": "timeout: 2m\n" });
    const { output } = await runOperation(configShow, { path: project.path });
    expect(output.settings).toEqual([{ name: "timeout", value: "2m" }]);
  });
});

describe("config validate", () => {
  it("[BX-01] finds parameter keys that no deploy would take", async () => {
    using project = temporaryProject({ "pgmi.yaml": "params:\n  ok: 1\n  not-ok: hunter2\n" });
    const error = await failureOf(() => runOperation(configValidate, { path: project.path }));
    expect(error).toMatchObject({ code: "DEPLOY_PARAMETER_INVALID", exit: 10 });
    expect(error.message).toMatch(/^pgmi\.yaml:3 has a key/);
  });

  it("[CL-23] passes on the warning about a broken .env", async () => {
    using project = temporaryProject();
    mkdirSync(project.at("sub"));
    writeFileSync(project.at("sub/.env"), "broken");
    const { events } = await runOperation(configValidate, { path: project.at("sub") });
    expect(events.map(({ type }) => type)).toEqual(["warning", "warning"]);
  });
});

describe("config of a path that is no project directory", () => {
  it.each(["missing", "file", "file/below"])("is refused: %s", async (name) => {
    using directory = temporaryDirectory({ file: "" });
    const path = directory.at(name);
    const refusal = { code: "DEPLOY_PROJECT_MISSING", exit: 10 };
    expect(await failureOf(() => runOperation(configValidate, { path }))).toMatchObject(refusal);
    expect(await failureOf(() => runOperation(configShow, { path }))).toMatchObject(refusal);
  });
});

describe("config schema", () => {
  it.each(["pgkeep", "pgmi", "user"] as const)("prints a schema for %s", async (file) => {
    const { output } = await runOperation(configSchema, { file });
    expect(output.$schema).toBe("http://json-schema.org/draft-07/schema#");
  });
});
