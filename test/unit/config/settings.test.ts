/** Settings of all files: rank, origin, places, and whose files may decide. */
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findPgkeepYaml } from "../../../src/config/pgkeep-yaml.ts";
import { loadSettings } from "../../../src/config/settings.ts";
import { failureOf, type TemporaryDirectory, temporaryDirectory } from "../../support/project.ts";

const load = (project: TemporaryDirectory, more: Partial<Parameters<typeof loadSettings>[0]> = {}) =>
  loadSettings({ projectDirectory: project.path, workingDirectory: project.path, environment: {}, ...more });

describe("settings", () => {
  it("rank pgkeep.yaml above pgmi.yaml above the person's file, each with its place", async () => {
    using home = temporaryDirectory({
      "pgkeep/config.yaml":
        "connection:\n  host: user\n  port: 1\n  username: user\ntimeout: 1m\nstrict_secrets: true\n",
    });
    using project = temporaryDirectory({
      "pgmi.yaml": "connection:\n  host: pgmi\n  port: 2\nparams:\n  a: pgmi\n  b: pgmi\ntimeout: 2m\n",
      "pgkeep.yaml": "connection:\n  host: own\n  require_auth: scram-sha-256\nparams:\n  b: own\n",
    });
    const settings = await load(project, { environment: { XDG_CONFIG_HOME: home.path } });
    expect(settings.connection).toEqual({
      host: { value: "own", origin: `${project.at("pgkeep.yaml")}:2` },
      port: { value: "2", origin: "pgmi.yaml:3" },
      username: { value: "user", origin: `${home.at("pgkeep/config.yaml")}:4` },
      require_auth: { value: "scram-sha-256", origin: `${project.at("pgkeep.yaml")}:3` },
    });
    expect(settings.timeout).toEqual({ value: "2m", origin: "pgmi.yaml:7" });
    expect(settings.strictSecrets?.value).toBe("true");
    expect(settings.params.map(({ key, value, origin }) => [key, value, origin])).toEqual([
      ["a", "pgmi", "pgmi.yaml:5"],
      ["b", "pgmi", "pgmi.yaml:6"],
      ["b", "own", `${project.at("pgkeep.yaml")}:5`],
    ]);
    expect(settings.files).toEqual([home.at("pgkeep/config.yaml"), "pgmi.yaml", project.at("pgkeep.yaml")]);
  });

  it("of a place win over those of the file, and unknown places are refused with a suggestion", async () => {
    using project = temporaryDirectory({
      "pgkeep.yaml":
        "connection:\n  host: local\n  port: 1\nenv:\n  staging:\n    connection:\n      host: staging\n    params:\n      env: staging\n    timeout: 9m\n  production: {}\n",
    });
    const settings = await load(project, { env: "staging" });
    expect(settings.connection.host?.value).toBe("staging");
    expect(settings.connection.port?.value).toBe("1");
    expect(settings.timeout?.value).toBe("9m");
    expect(settings.params.map(({ key, value }) => [key, value])).toEqual([["env", "staging"]]);
    expect((await load(project)).connection.host?.value).toBe("local");
    const error = await failureOf(() => load(project, { env: "stagin" }));
    expect(error).toMatchObject({ code: "CONFIG_VALUE_INVALID", exit: 10 });
    expect(error.parts.hint).toContain("--env staging");
  });

  it("ask for the embedded server only where a file says so", async () => {
    using project = temporaryDirectory({ "pgkeep.yaml": "database: embedded\n" });
    expect((await load(project)).embedded?.value).toBe("embedded");
    using none = temporaryDirectory();
    expect((await load(none)).embedded).toBeUndefined();
    using other = temporaryDirectory({ "pgkeep.yaml": "database: shop\n" });
    expect((await failureOf(() => load(other))).message).toMatch(/must be one of: embedded/);
  });

  it("name no command, no other file and no password", async () => {
    for (const text of [
      "include: x",
      "command: x",
      "connection:\n  password: x",
      "connection:\n  password_command: x",
    ]) {
      using project = temporaryDirectory({ "pgkeep.yaml": `${text}\n` });
      expect(await failureOf(() => load(project))).toMatchObject({ code: "CONFIG_FILE_INVALID", exit: 10 });
    }
  });

  it("come from the file that --config names instead of a searched one", async () => {
    using project = temporaryDirectory({ "pgkeep.yaml": "timeout: 1m\n", "other.yaml": "timeout: 2m\n" });
    expect((await load(project, { config: "other.yaml" })).timeout?.value).toBe("2m");
    const error = await failureOf(() => load(project, { config: "missing.yaml" }));
    expect(error).toMatchObject({ code: "CONFIG_FILE_INVALID", exit: 10 });
  });

  it("include the project's .env, with the names that came from it", async () => {
    using project = temporaryDirectory({ ".env": "PGHOST=x\n" });
    const settings = await load(project);
    expect(settings.environment.PGHOST).toBe("x");
    expect([...settings.dotenvNames]).toEqual(["PGHOST"]);
  });

  it("do not include a .env of the working directory", async () => {
    using project = temporaryDirectory();
    using elsewhere = temporaryDirectory({ ".env": "PGHOST=x\n" });
    const settings = await load(project, { workingDirectory: elsewhere.path });
    expect(settings.environment).toEqual({});
  });
});

describe("pgkeep.yaml", () => {
  it("is not there for a project path that is a file, or below one", async () => {
    using directory = temporaryDirectory({ file: "" });
    expect(await findPgkeepYaml(directory.at("file"))).toBeUndefined();
    expect(await findPgkeepYaml(directory.at("file/below"))).toBeUndefined();
  });

  it("is found upwards to the root of the repository and no further", async () => {
    using outer = temporaryDirectory({ "pgkeep.yaml": "timeout: 1m\n", "repository/deep/project/x": "" });
    mkdirSync(outer.at("repository/.git"));
    expect(await findPgkeepYaml(outer.at("repository/deep/project"))).toBeUndefined();
    mkdirSync(outer.at(".git"));
    const found = await findPgkeepYaml(outer.at("repository"));
    expect(found).toBeUndefined();
    using repository = temporaryDirectory({ ".git/x": "", "pgkeep.yaml": "timeout: 1m\n", "a/b/x": "" });
    expect((await findPgkeepYaml(repository.at("a/b")))?.path).toBe(repository.at("pgkeep.yaml"));
  });

  it("is looked for in the directory itself only, outside repositories", async () => {
    using outer = temporaryDirectory({ "pgkeep.yaml": "timeout: 1m\n", "project/x": "" });
    expect(await findPgkeepYaml(outer.at("project"))).toBeUndefined();
    expect((await findPgkeepYaml(outer.path))?.path).toBe(outer.at("pgkeep.yaml"));
  });

  it.each([0o620, 0o602, 0o666])("is refused with mode %o, with the command that helps", async (mode) => {
    using project = temporaryDirectory({ "pgkeep.yaml": "timeout: 1m\n" });
    chmodSync(project.at("pgkeep.yaml"), mode);
    const error = await failureOf(() => findPgkeepYaml(project.path));
    expect(error).toMatchObject({ code: "CONFIG_FILE_UNSAFE", exit: 10 });
    expect(error.parts.hint).toBe(`Take the right away: chmod go-w '${project.at("pgkeep.yaml")}'`);
  });

  it("is refused when it belongs to somebody else", async () => {
    using project = temporaryDirectory({ "pgkeep.yaml": "timeout: 1m\n" });
    if (process.geteuid?.() === 0) chownSync(project.at("pgkeep.yaml"), 65_534, 65_534);
    else return;
    expect(await failureOf(() => findPgkeepYaml(project.path))).toMatchObject({ code: "CONFIG_FILE_UNSAFE", exit: 10 });
  });
});
