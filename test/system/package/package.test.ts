/**
 * What we publish: exactly the files we mean to, and a package that works where it is installed.
 */
import { execFile } from "node:child_process";
import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify, stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { install, makeFolder, pack, remove, type Tarball } from "./tarball.ts";

const run = promisify(execFile);

/** Everything else in the tarball is a mistake. */
const PUBLISHED = [
  /^(README|CHANGELOG|SECURITY)\.md$/,
  /^examples\/[a-z0-9/._-]+$/,
  /^docs\/[A-Za-z0-9/._-]+\.md$/,
  /^LICENSE$/,
  /^package\.json$/,
  /^bin\/(pgkeep\.js|package\.json)$/,
  /^dist\/bundle\/[\w.-]+\.cjs$/,
  /^dist\/[a-z0-9/._-]+\.(js|d\.ts|json|txt)$/,
  /^schemas\/[a-z.]+\.json$/,
  /^sql\/[a-z0-9/._-]+\.(sql|md)$/,
  /^templates\/[A-Za-z0-9/._-]+$/,
];
/**
 * 3 MB: a tool that people run with npx should arrive at once. The library and the packed command line are each in it, so
 * every check of the audit is there twice.
 */
const MOST_PACKED_BYTES = 3_000_000;

let folder: string;
let tarball: Tarball;
let app: string;

beforeAll(async () => {
  folder = makeFolder();
  tarball = await pack(folder);
  app = await install(tarball, folder);
}, 300_000);

afterAll(() => remove(folder));

async function pgkeep(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8", NO_COLOR: "1" };
  const command = join(app, "node_modules/.bin/pgkeep");
  return await run(command, words, { cwd: app, env, timeout: 100_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

describe("the published files", () => {
  it("[S-04] are on the allow-list, every one", () => {
    const others = tarball.files.map(({ path }) => path).filter((path) => !PUBLISHED.some((known) => known.test(path)));
    expect(others).toEqual([]);
  });

  it("[S-04] hold what the program needs", () => {
    const paths = tarball.files.map(({ path }) => path);
    const needed = [
      "schemas/envelope.json",
      "LICENSE",
      "README.md",
      "bin/pgkeep.js",
      "bin/package.json",
      "dist/bundle/main.cjs",
      "dist/index.js",
      "dist/index.d.ts",
    ];
    expect(needed.filter((path) => !paths.includes(path))).toEqual([]);
    expect(paths.some((path) => path.startsWith("sql/deploy/"))).toBe(true);
    expect(paths.some((path) => path.startsWith("templates/basic/"))).toBe(true);
  });

  it("[S-04] hold no key, no path of a machine and no registry", () => {
    const text = tarball.files
      .filter(({ path }) => path !== "LICENSE")
      .map(({ path }) => ({ path, text: readFileSync(path, "utf8") }));
    const leak =
      /-----BEGIN [A-Z ]*PRIVATE KEY-----|(?:^|["'\s(=])\/(?:work|root|home\/[a-z]+)\/|https?:\/\/registry\./m;
    expect(text.filter((file) => leak.test(file.text)).map(({ path }) => path)).toEqual([]);
  });

  it("are small, and only the command can be run", () => {
    expect(tarball.packedBytes).toBeLessThan(MOST_PACKED_BYTES);
    expect(tarball.files.filter(({ mode }) => (mode & 0o111) !== 0).map(({ path }) => path)).toEqual(["bin/pgkeep.js"]);
  });
});

describe("the manifest", () => {
  it("passes publint", async () => {
    const { stdout } = await run(process.execPath, ["node_modules/publint/src/cli.js", "--strict", "--pack", "npm"]);
    expect(stdout).toContain("All good!");
  });

  it("gives every resolver of ES modules its types", async () => {
    const attw = ["node_modules/@arethetypeswrong/cli/dist/index.js", tarball.path];
    const form = ["--profile", "esm-only", "--format", "table-flipped", "--no-color", "--no-emoji"];
    const { stdout } = await run(process.execPath, [...attw, ...form]);
    for (const name of ["pgkeep", "pgkeep/deploy", "pgkeep/relay"]) expect(stdout).toContain(`"${name}"`);
    const ofLibrary = stripVTControlCharacters(stdout)
      .split("\n")
      .filter((line) => /^\W*"pgkeep/.test(line) && !line.includes("package.json"));
    expect(ofLibrary.filter((line) => /│ OK \(ESM\)/.test(line))).toHaveLength(3);
  });
});

describe("the installed package", () => {
  it("says its version", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8"));
    const { code, stdout } = await pgkeep("--version");
    expect(code).toBe(0);
    expect(stdout).toContain(version);
  });

  it("makes a project and deploys it into an embedded server, and leaves no server behind", async () => {
    expect((await pgkeep("init", "shop")).code).toBe(0);
    const deploy = await pgkeep("deploy", "shop", "--embedded", "--database", "shop", "--json");
    expect(JSON.parse(deploy.stdout)).toMatchObject({ status: "success", exitCode: 0, database: "shop" });
    expect(deploy.code).toBe(0);
    await pgkeep("db", "stop");
    const { stdout } = await run("ps", ["-eo", "args"]);
    expect(stdout.split("\n").filter((line) => line.includes(folder))).toEqual([]);
  });

  it("is a typed library", async () => {
    symlinkSync(join(process.cwd(), "node_modules/@types"), join(app, "node_modules/@types"));
    const program = [
      `import { deploy, PgkeepError } from "pgkeep";`,
      `const missing = await deploy.run({ path: "./nowhere", database: "shop" }).catch((error: unknown) => error);`,
      `if (!(missing instanceof PgkeepError)) throw new Error("expected a PgkeepError");`,
      "console.log(missing.code);",
      `// @ts-expect-error a path is text`,
      "export const wrong = () => deploy.run({ path: 1 });",
    ];
    writeFileSync(join(app, "program.ts"), program.join("\n"));
    const compiler = join(process.cwd(), "node_modules/typescript/bin/tsc");
    const options = ["--strict", "--module", "nodenext", "--target", "es2023", "--types", "node", "--outDir", "out"];
    await run(process.execPath, [compiler, ...options, "program.ts"], { cwd: app });
    const { stdout } = await run(process.execPath, ["out/program.js"], { cwd: app });
    expect(stdout.trim()).toBe("DEPLOY_PROJECT_MISSING");
  });
});
