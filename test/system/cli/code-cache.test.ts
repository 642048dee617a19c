/** The compiled code that runs leave for later ones: used when it is whole and surely ours, and never needed. */

import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sharedCluster, type TestCluster } from "../../support/cluster.ts";
import { needsRoot } from "../../support/needs.ts";
import { BIN, type Finished, pgkeep, REPOSITORY } from "../../support/pgkeep.ts";
import { type TemporaryDirectory, temporaryDirectory, temporaryProject } from "../../support/project.ts";

let project: TemporaryDirectory;
beforeAll(() => {
  project = temporaryProject({ "migrations/001.sql": "select 1;\n" });
});
afterAll(() => project[Symbol.dispose]());

/** A home of its own, and what runs leave in it. */
class Home implements Disposable {
  readonly #directory = temporaryDirectory();
  readonly path = this.#directory.path;
  readonly code = join(this.path, ".cache/pgkeep/code");

  /** A short command that loads most of the packed code. */
  info(env: Record<string, string> = {}, bin = BIN): Promise<Finished> {
    return pgkeep(["info", project.path], { env: { HOME: this.path, ...env }, bin });
  }

  names(): string[] {
    return existsSync(this.code) ? readdirSync(this.code).sort() : [];
  }

  /** The one file; fails when there is another number of them. */
  file(): string {
    const names = this.names();
    expect(names).toHaveLength(1);
    return join(this.code, names[0] ?? "");
  }

  /** Which file it is: a new one in its place has another number. */
  identity(): string {
    const { ino, mtimeMs } = statSync(this.file());
    return `${ino} ${mtimeMs}`;
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}

const digest = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
function patched(bytes: Buffer, at: number, values: number[]): Buffer {
  const copy = Buffer.from(bytes);
  copy.set(values, at);
  return copy;
}

function sealed(bytes: Buffer): Buffer {
  digest(bytes.subarray(32)).copy(bytes);
  return bytes;
}

function codeStart(bytes: Buffer): number {
  return Math.ceil((36 + bytes.readUInt32LE(32)) / 8) * 8;
}

/** Puts code in the file's place that passes every check of its bytes and ends whichever process hands it to V8. */
function setTrap(file: string): void {
  const bytes = readFileSync(file);
  bytes.fill(0xff, codeStart(bytes) + 64, codeStart(bytes) + 8192);
  writeFileSync(file, sealed(bytes));
}

const isWhole = (bytes: Buffer): boolean => digest(bytes.subarray(32)).equals(bytes.subarray(0, 32));

describe("a command that succeeds", () => {
  it("leaves its code in one file, for its owner only, and the next run uses it", async () => {
    using home = new Home();
    const first = await home.info();
    expect(first).toMatchObject({ status: 0, stderr: "" });
    expect(home.names()).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+-[0-9a-f]{16}-info\.bin$/)]);
    expect([statSync(home.code).mode & 0o777, statSync(home.file()).mode & 0o777]).toEqual([0o700, 0o600]);
    expect(isWhole(readFileSync(home.file()))).toBe(true);
    const before = home.identity();
    expect(await home.info()).toEqual(first);
    expect(home.identity(), "code that was used is not written again").toBe(before);
  });

  it("uses $XDG_CACHE_HOME when it is absolute", async () => {
    using home = new Home();
    using cache = temporaryDirectory();
    await home.info({ XDG_CACHE_HOME: cache.path });
    expect(readdirSync(cache.at("pgkeep/code"))).toHaveLength(1);
    expect(home.names()).toEqual([]);
    await home.info({ XDG_CACHE_HOME: "relative" });
    expect(home.names()).toHaveLength(1);
  });

  it("keeps code for each command", async () => {
    using home = new Home();
    await home.info();
    await pgkeep(["plan", project.path], { env: { HOME: home.path } });
    expect(home.names().map((name) => name.replace(/^.*-/, ""))).toEqual(["info.bin", "plan.bin"]);
  });
});

describe("nothing is left", () => {
  it("by --version and --help, or by a command that fails", async () => {
    using home = new Home();
    const env = { HOME: home.path };
    for (const words of [["--version"], ["--help"], ["deploy", "--help"], ["info", "/nonexistent"]])
      await pgkeep(words, { env });
    expect(readdirSync(home.path)).toEqual([]);
  });

  it("with PGKEEP_NO_CODE_CACHE, and what is there is not used", async () => {
    using home = new Home();
    await home.info({ PGKEEP_NO_CODE_CACHE: "1" });
    expect(readdirSync(home.path)).toEqual([]);
    await home.info();
    setTrap(home.file());
    const before = home.identity();
    expect(await home.info({ PGKEEP_NO_CODE_CACHE: "1" })).toMatchObject({ status: 0, stderr: "" });
    expect(home.identity()).toBe(before);
  });

  it.each(["", "relative", "/nonexistent"])("with the home '%s'", async (HOME) => {
    using cache = temporaryDirectory();
    using home = new Home();
    expect(await home.info({ HOME, XDG_CACHE_HOME: cache.path })).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(cache.path)).toEqual([]);
  });

  it("where a directory cannot be made", async () => {
    using home = new Home();
    writeFileSync(join(home.path, ".cache"), "");
    expect(await home.info()).toMatchObject({ status: 0, stderr: "" });
  });
});

describe("[S-10] a damaged file of compiled code", () => {
  const damages: [string, (bytes: Buffer) => Buffer][] = [
    ["empty", () => Buffer.alloc(0)],
    ["other bytes", (bytes) => Buffer.alloc(bytes.length, "x")],
    ["zeros", (bytes) => Buffer.alloc(bytes.length)],
    ["a table said to be longer than the file", (bytes) => sealed(patched(bytes, 32, [255, 255, 255, 255]))],
    ["code of another V8", (bytes) => sealed(patched(bytes, codeStart(bytes), [1, 2, 3, 4, 5, 6, 7, 8]))],
    ...[3, 31, 40, 4096, 65_537].map((length): [string, (bytes: Buffer) => Buffer] => [
      `cut to ${length} bytes`,
      (bytes) => bytes.subarray(0, length),
    ]),
    ["cut by one byte", (bytes) => bytes.subarray(0, -1)],
    ["longer by one byte", (bytes) => Buffer.concat([bytes, Buffer.from("x")])],
  ];

  it.each(damages)("changes nothing and is replaced: %s", async (_, damage) => {
    using home = new Home();
    const good = await home.info();
    await expectReplaced(home, good, damage(readFileSync(home.file())));
  });

  it("changes nothing and is replaced: one bit, anywhere", async () => {
    using home = new Home();
    const good = await home.info();
    const whole = readFileSync(home.file());
    for (let part = 0; part < 32; part += 1) {
      const at = Math.floor(((part + 0.5) / 32) * whole.length);
      await expectReplaced(home, good, patched(whole, at, [(whole[at] ?? 0) ^ (1 << (part % 8))]));
    }
  });

  async function expectReplaced(home: Home, good: Finished, bytes: Buffer): Promise<void> {
    writeFileSync(home.file(), bytes);
    const before = home.identity();
    expect(await home.info()).toEqual(good);
    expect(isWhole(readFileSync(home.file()))).toBe(true);
    expect(home.identity()).not.toBe(before);
    const replaced = home.identity();
    expect(await home.info()).toEqual(good);
    expect(home.identity(), "what replaced it is used").toBe(replaced);
  }
});

describe("[S-10] compiled code that somebody else could have written", () => {
  /** Runs with what `arrange` made of a good file, and returns whether the file was used as it is. */
  async function isUsed(home: Home, arrange: (file: string) => void): Promise<boolean> {
    const good = await home.info();
    const file = home.file();
    arrange(file);
    const before = existsSync(file) ? statSync(file).ino : 0;
    expect(await home.info()).toEqual(good);
    return statSync(file).ino === before;
  }

  it("is used when nothing is wrong with it", async () => {
    using home = new Home();
    expect(await isUsed(home, () => undefined)).toBe(true);
  });

  it.each(["0644", "0660", "0602"])("is replaced when the file's mode is %s", async (mode) => {
    using home = new Home();
    const arrange = (file: string) => {
      setTrap(file);
      chmodSync(file, Number.parseInt(mode, 8));
    };
    expect(await isUsed(home, arrange)).toBe(false);
    expect(statSync(home.file()).mode & 0o777).toBe(0o600);
  });

  it("is replaced when it is a link, whose target stays as it is", async () => {
    using home = new Home();
    const elsewhere = join(home.path, "elsewhere");
    const arrange = (file: string) => {
      setTrap(file);
      renameSync(file, elsewhere);
      symlinkSync(elsewhere, file);
    };
    expect(await isUsed(home, arrange)).toBe(false);
    expect(isWhole(readFileSync(elsewhere))).toBe(true);
    expect(statSync(elsewhere).ino).not.toBe(statSync(home.file()).ino);
  });

  it("is replaced when it is a pipe, which is not waited for", async () => {
    using home = new Home();
    const arrange = (file: string) => {
      rmSync(file);
      expect(spawnSync("mkfifo", ["-m", "600", file]).status).toBe(0);
    };
    expect(await isUsed(home, arrange)).toBe(false);
    expect(statSync(home.file()).isFile()).toBe(true);
  });

  it("would be run, as a file of one's own is", async () => {
    using home = new Home();
    await home.info();
    setTrap(home.file());
    expect((await home.info()).status).not.toBe(0);
  });

  it.each(["0770", "0707", "1777"])("is neither used nor written in a directory of mode %s", async (mode) => {
    using home = new Home();
    const good = await home.info();
    setTrap(home.file());
    const before = home.identity();
    chmodSync(home.code, Number.parseInt(mode, 8));
    expect(await home.info()).toEqual(good);
    expect(home.identity()).toBe(before);
  });

  it("is neither used nor written in a directory that is a link", async () => {
    using home = new Home();
    mkdirSync(join(home.path, ".cache/pgkeep"), { recursive: true });
    using other = new Home();
    await other.info();
    setTrap(other.file());
    symlinkSync(other.code, home.code);
    const before = other.identity();
    expect(await home.info()).toMatchObject({ status: 0, stderr: "" });
    expect(other.identity()).toBe(before);
  });

  describe("who owns it", () => {
    const NOBODY = 65_534;

    it("is replaced when the file is another account's", async (context) => {
      needsRoot(context);
      using home = new Home();
      const arrange = (file: string) => {
        setTrap(file);
        chownSync(file, NOBODY, NOBODY);
      };
      expect(await isUsed(home, arrange)).toBe(false);
    });

    it("is neither used nor written in another account's directory", async (context) => {
      needsRoot(context);
      using home = new Home();
      await home.info();
      setTrap(home.file());
      const before = home.identity();
      chownSync(home.code, NOBODY, NOBODY);
      expect(await home.info()).toMatchObject({ status: 0, stderr: "" });
      expect(home.identity()).toBe(before);
    });

    it("is not written below another account's home, wherever the cache is", async (context) => {
      needsRoot(context);
      using home = new Home();
      using cache = temporaryDirectory();
      chownSync(home.path, NOBODY, NOBODY);
      await home.info();
      await home.info({ XDG_CACHE_HOME: cache.path });
      expect([...readdirSync(home.path), ...readdirSync(cache.path)]).toEqual([]);
    });
  });

  it("is not used for other source, even of the same length", async () => {
    using home = new Home();
    using copy = copyOfPackage();
    const bin = copy.at("bin/pgkeep.js");
    const good = await home.info({}, bin);
    const before = home.identity();
    const bundle = copy.at("dist/bundle");
    for (const name of readdirSync(bundle).filter((file) => file.startsWith("deploy.info-"))) {
      const text = readFileSync(join(bundle, name), "utf8");
      writeFileSync(join(bundle, name), text.replaceAll("layout", "LAYOUT"));
    }
    expect(good.stdout).toContain("layout");
    expect((await home.info({}, bin)).stdout).toBe(good.stdout.replaceAll("layout", "LAYOUT"));
    expect(home.identity()).not.toBe(before);
  });

  function copyOfPackage(): TemporaryDirectory {
    const copy = temporaryDirectory();
    for (const part of ["package.json", "bin", "sql", "templates", "dist"])
      cpSync(join(REPOSITORY, part), copy.at(part), { recursive: true, filter: (path) => !path.endsWith(".map") });
    symlinkSync(join(REPOSITORY, "node_modules"), copy.at("node_modules"));
    return copy;
  }
});

describe("[S-10] many runs at once", () => {
  it("without a file yet all succeed, and leave one whole file and nothing else", async () => {
    using home = new Home();
    const all = await Promise.all(Array.from({ length: 12 }, () => home.info()));
    for (const each of all) expect(each).toEqual(all[0]);
    expect(all[0]).toMatchObject({ status: 0, stderr: "" });
    if (home.names().length > 1) await home.info();
    expect(isWhole(readFileSync(home.file()))).toBe(true);
    const before = home.identity();
    await home.info();
    expect(home.identity()).toBe(before);
  });
});

describe("the room that compiled code takes", () => {
  it("does not grow with versions: what others left goes, what is not ours stays", async () => {
    using home = new Home();
    mkdirSync(home.code, { recursive: true, mode: 0o700 });
    const left = ["0.0.9-0123456789abcdef-info.bin", "0.0.9-rc.1-0123456789abcdef-access.plan.bin"];
    for (const name of [...left, "mine.txt"]) writeFileSync(join(home.code, name), "x");
    await home.info();
    expect(home.names()).toEqual([expect.stringMatching(/-info\.bin$/), "mine.txt"]);
    expect(left).not.toContain(home.names()[0]);
  });

  it("does not grow with versions of Node beyond 12 MiB, nor with commands", async () => {
    using home = new Home();
    await home.info();
    const own = home.file();
    const [version = "", key = ""] = own.replace(/.*\//, "").split("-");
    const filled = (name: string, bytes: number) => {
      writeFileSync(join(home.code, name), "");
      truncateSync(join(home.code, name), bytes);
    };
    for (const letter of ["a", "b", "c"]) filled(`${version}-${letter.repeat(16)}-info.bin`, 4 << 20);
    rmSync(own);
    await home.info();
    expect(home.names().length, "one of another Node made room").toBe(3);
    for (const name of ["x", "y", "z"]) filled(`${version}-${key}-${name}.bin`, 4 << 20);
    rmSync(own);
    expect(await home.info()).toMatchObject({ status: 0, stderr: "" });
    expect(existsSync(own), "no room").toBe(false);
  });

  it("has no use for what a killed process left", async () => {
    using home = new Home();
    await home.info();
    const own = home.file();
    linkSync(own, `${own}.4711`);
    rmSync(own);
    await home.info();
    expect(home.file()).toBe(own);
  });
});

describe("[S-10] a deploy", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await sharedCluster();
  });

  it("leaves no parameter, password or text of a project in its compiled code, and works with it", async () => {
    using home = new Home();
    const CANARY = `c4nary${randomBytes(6).toString("hex")}`;
    using secret = temporaryProject({
      "deploy.sql": `create table if not exists public.t (v text);\n-- ${CANARY}-in-sql\ninsert into public.t select current_setting('pgmi.token');\n`,
    });
    const database = await cluster.createDatabase();
    const env = {
      HOME: home.path,
      PGHOST: cluster.host,
      PGPORT: String(cluster.port),
      PGUSER: cluster.superuser,
      PGPASSWORD: cluster.password,
      PGDATABASE: database,
    };
    const words = ["deploy", secret.path, "--param", `token=${CANARY}`, "--no-record"];
    for (let run = 0; run < 2; run += 1) expect(await pgkeep(words, { env })).toMatchObject({ status: 0 });
    expect(await cluster.sql("select distinct v from public.t", { database })).toEqual([{ v: CANARY }]);
    const bytes = readFileSync(home.file());
    expect(bytes.length).toBeGreaterThan(100_000);
    for (const value of [CANARY, cluster.password, database, secret.path]) {
      const text = Buffer.from(value);
      for (const form of [text, Buffer.from(value, "utf16le"), Buffer.from(text.toString("base64").slice(0, -4))])
        expect(bytes.includes(form), value).toBe(false);
    }
  });

  it("reads YAML, which is a package of ES modules, also from kept code", async () => {
    using home = new Home();
    using configured = temporaryProject({ "pgmi.yaml": "params:\n  colour: blue\n" });
    const run = () => pgkeep(["info", configured.path], { env: { HOME: home.path } });
    const first = await run();
    const before = home.identity();
    expect(await run()).toEqual(first);
    expect(home.identity()).toBe(before);
    writeFileSync(configured.at("pgmi.yaml"), "params: [not, a, table]\n");
    expect((await run()).stdout).not.toBe(first.stdout);
  });
});
