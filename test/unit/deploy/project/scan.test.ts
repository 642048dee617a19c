/** The scan of a project directory: what is loaded, what is refused, and that nothing in it can make it hang. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import type { Project } from "../../../../src/deploy/project/project.ts";
import {
  DEFAULT_MAX_FILE_BYTES,
  MAX_DEPTH,
  maxFileBytesOf,
  scanFiles,
  scanProject,
} from "../../../../src/deploy/project/scan.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { fastDirectory, temporaryDirectory, temporaryProject } from "../../../support/project.ts";

const scan = (
  root: string,
  maxFileBytes = DEFAULT_MAX_FILE_BYTES,
  signal = new AbortController().signal,
): Promise<Project> => scanProject(root, { maxFileBytes, signal });

const paths = ({ files }: Pick<Project, "files">): string[] => files.map(({ path }) => path);

async function refusal(root: string, maxFileBytes?: number): Promise<PgkeepError> {
  const error = await scan(root, maxFileBytes).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof PgkeepError) return error;
  throw new Error("it was accepted, or failed without a code", { cause: error });
}

/** Root may read everything, so a test run as root takes the rights of an account that may not. */
async function asOrdinaryUser<T>(run: () => Promise<T>): Promise<T> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return await run();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe("a project's files", () => {
  it("[SA-05] are every regular file of any type, by path bytes, with deploy.sql of the root left out", async () => {
    using project = temporaryProject({
      "b.sql": "",
      "B.sql": "",
      "_a.txt": "",
      "ä.sql": "",
      "a/z.sql": "",
      "a-b/z.sql": "",
      "sub/deploy.sql": "",
      "node_modules.sql": "",
      Makefile: "",
      "9.sql": "",
    });
    expect(paths(await scan(project.path))).toEqual([
      "./9.sql",
      "./B.sql",
      "./Makefile",
      "./_a.txt",
      "./a-b/z.sql",
      "./a/z.sql",
      "./b.sql",
      "./node_modules.sql",
      "./sub/deploy.sql",
      "./ä.sql",
    ]);
  });

  it("[SA-05] are ordered by UTF-8 bytes where UTF-16 orders otherwise", async () => {
    using project = temporaryProject({ "\u{1f600}.sql": "", "\uff5e.sql": "" });
    expect(paths(await scan(project.path))).toEqual(["./\uff5e.sql", "./\u{1f600}.sql"]);
  });

  it("[SA-10] leave out dot paths, node_modules and __pycache__, without opening them", async () => {
    using project = temporaryProject({
      ".env": "A=1",
      ".git/x.sql": "",
      "a/.hidden/x.sql": "",
      "node_modules/x.sql": "",
      "a/__pycache__/x.sql": "",
      "a/kept.sql": "",
    });
    symlinkSync("/etc/passwd", project.at(".link"));
    symlinkSync("/etc", project.at("a/node_modules"));
    execFileSync("mkfifo", [project.at(".pipe")]);
    expect(paths(await scan(project.path))).toEqual(["./a/kept.sql"]);
  });

  it("[SA-05] are SQL by eight extensions in any case, after the last dot", async () => {
    const names = "a.sql a.SQL a.ddl a.dml a.dql a.dcl a.psql a.pgsql a.plpgsql".split(" ");
    const others = "a.sql.txt a.sqlx sql a.txt a.sql~".split(" ");
    using project = temporaryProject(Object.fromEntries([...names, ...others].map((name) => [name, ""])));
    const { files } = await scan(project.path);
    expect(files.filter(({ isSql }) => isSql).map(({ path }) => path.slice(2))).toEqual(names.sort());
  });

  it("[SA-06] have their text without a byte order mark, nothing else changed, and its size and checksums", async () => {
    using project = temporaryProject({ "a.sql": "\ufeffSELECT 'é';\r\n" });
    const [file] = (await scan(project.path)).files;
    const text = "SELECT 'é';\r\n";
    expect(file).toMatchObject({
      content: text,
      sizeBytes: Buffer.byteLength(text),
      checksum: createHash("sha256").update(text).digest("hex"),
      normalizedChecksum: createHash("sha256").update("select 'é';").digest("hex"),
    });
  });

  it("[SA-13] below test directories are tests, and each directory that holds a file is listed with its parent", async () => {
    using project = temporaryProject({
      "a/__test__/_setup.sql": "",
      "a/__test__/x/y/t.sql": "",
      "a/__test__/x/README.md": "",
      "a/__tests__/deep/t.sql": "",
      "a/__test__x/normal.sql": "",
    });
    const { files, testDirectories } = await scan(project.path);
    expect(files.filter(({ isTest }) => !isTest).map(({ path }) => path)).toEqual(["./a/__test__x/normal.sql"]);
    expect(testDirectories).toEqual([
      { path: "./a/__test__/", parentPath: undefined, depth: 0 },
      { path: "./a/__test__/x/", parentPath: "./a/__test__/", depth: 1 },
      { path: "./a/__test__/x/y/", parentPath: "./a/__test__/x/", depth: 2 },
      { path: "./a/__tests__/deep/", parentPath: undefined, depth: 1 },
    ]);
  });

  it("[SA-11] carry metadata only when they are SQL and no tests", async () => {
    const block = '/* <pgmi-meta id="6f0c2a51-8e2b-4a57-9d3c-0b1f6a7c8d9e" idempotent="true"/> */';
    using project = temporaryProject({ "a.txt": block, "__test__/t.sql": block, "b.sql": block });
    const { files } = await scan(project.path);
    expect(files.filter(({ metadata }) => metadata).map(({ path }) => path)).toEqual(["./b.sql"]);
  });
});

describe("deploy.sql", () => {
  it("[CL-17] must be there, in lower case, and its absence is exit 14 before anything else", async () => {
    using empty = temporaryDirectory({ "DEPLOY.SQL": "select 1;", "bad.sql": Buffer.from([0xff]) });
    expect(await refusal(empty.path)).toMatchObject({ code: "DEPLOY_SCRIPT_MISSING", exit: 14 });
  });

  it("[CL-19] may be a link to a file of the project, and DEPLOY.SQL beside it is left out", async () => {
    using project = temporaryDirectory({ "real/script.sql": "select 2;", "DEPLOY.SQL": "" });
    symlinkSync("real/script.sql", project.at("deploy.sql"));
    const result = await scan(project.path);
    expect(result.deployScript).toBe("select 2;");
    expect(paths(result)).toEqual(["./real/script.sql"]);
  });

  it("[D-06] may not be a link out of the project, a broken link, a directory or a pipe", async () => {
    using outside = temporaryDirectory({ "secret.sql": "select 'secret';" });
    for (const make of [
      (path: string) => symlinkSync(outside.at("secret.sql"), path),
      (path: string) => symlinkSync("nowhere.sql", path),
      (path: string) => mkdirSync(path),
      (path: string) => execFileSync("mkfifo", [path]),
    ]) {
      using project = temporaryDirectory();
      make(project.at("deploy.sql"));
      expect(await refusal(project.path)).toMatchObject({ code: "DEPLOY_FILE_REFUSED", exit: 10 });
    }
  });

  it("[BX-20] must be UTF-8", async () => {
    using project = temporaryDirectory({ "deploy.sql": Buffer.from([0x2d, 0x2d, 0x0a, 0xff]) });
    const error = await refusal(project.path);
    expect(error).toMatchObject({ code: "DEPLOY_FILE_REFUSED", exit: 10 });
    expect(error.message).toMatch(/not valid UTF-8.*line 2/);
  });

  it("[SA-10] is not held to a cap that is lowered for the files of the project, only to its default", async () => {
    using project = temporaryDirectory({ "deploy.sql": "select 'longer than ten bytes';", "a.sql": "" });
    expect(paths(await scan(project.path, 10))).toEqual(["./a.sql"]);
    using large = temporaryDirectory({ "deploy.sql": Buffer.alloc(DEFAULT_MAX_FILE_BYTES + 1, " ") });
    expect(await refusal(large.path)).toMatchObject({ code: "DEPLOY_FILE_REFUSED", exit: 10 });
  });

  it("loses its byte order mark", async () => {
    using project = temporaryDirectory({ "deploy.sql": "\ufeffselect 1;" });
    expect((await scan(project.path)).deployScript).toBe("select 1;");
  });
});

describe("a project directory", () => {
  it.each([
    ["that does not exist", (at: string) => `${at}/nowhere`],
    ["that is a file", (at: string) => `${at}/deploy.sql`],
  ])("[CL-18] %s is exit 10", async (_, choose) => {
    using project = temporaryProject();
    const error = await refusal(choose(project.path));
    expect(error).toMatchObject({ code: "DEPLOY_PROJECT_MISSING", exit: 10 });
    expect(error.parts.hint).toContain("Name the directory that holds deploy.sql");
  });

  it("[CL-20] may itself be reached by a link", async () => {
    using project = temporaryProject({ "a.sql": "" });
    using other = temporaryDirectory();
    symlinkSync(project.path, other.at("link"));
    const result = await scan(other.at("link"));
    expect({ root: result.root, paths: paths(result) }).toEqual({ root: project.path, paths: ["./a.sql"] });
  });
});

describe("the scan refuses", () => {
  it.each([
    ["a NUL byte", Buffer.from("select 1;\0"), /NUL byte/],
    ["invalid UTF-8", Buffer.from([0x61, 0x0a, 0xc3, 0x28]), /not valid UTF-8 \(first bad byte on line 2\)/],
    ["an overlong encoding", Buffer.from([0xc0, 0xaf]), /not valid UTF-8/],
    ["an encoded surrogate", Buffer.from([0xed, 0xa0, 0x80]), /not valid UTF-8/],
    ["UTF-16 little endian", Buffer.from("\ufeffselect", "utf16le"), /UTF-16/],
    ["UTF-16 big endian", Buffer.from([0xfe, 0xff, 0, 0x61]), /UTF-16/],
  ])("[BX-17] [D-07] %s with exit 10, naming the file", async (_, bytes, message) => {
    using project = temporaryProject({ "sub/bad.txt": bytes });
    const error = await refusal(project.path);
    expect(error).toMatchObject({ code: "DEPLOY_FILE_REFUSED", exit: 10 });
    expect(error.message).toMatch(message);
    expect(error.parts.file).toBe("./sub/bad.txt");
  });

  it("[BX-17] [D-06] files over the cap, at the cap plus one, before reading them", async () => {
    using project = temporaryProject({ "fits.sql": "x".repeat(100) });
    expect(paths(await scan(project.path, 100))).toEqual(["./fits.sql"]);
    const error = await refusal(project.path, 99);
    expect(error.message).toBe('"./fits.sql" has 100 bytes, over the cap of 99');
  });

  it("[D-06] a sparse file of 600 MB without reading it", async () => {
    using project = temporaryProject();
    const descriptor = openSync(project.at("huge.sql"), "w");
    ftruncateSync(descriptor, 600 * 1024 * 1024);
    closeSync(descriptor);
    const before = process.memoryUsage().rss;
    expect((await refusal(project.path)).message).toMatch(/huge\.sql" has 629,145,600 bytes/);
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
    // Raising the cap does not raise it without end: what cannot be held as text is refused as well.
    expect((await refusal(project.path, Number.MAX_SAFE_INTEGER)).message).toMatch(/over the cap/);
  });

  it("[BX-23] [D-06] a pipe, a socket, a device and links in, out and in a loop, without opening them", async () => {
    using project = temporaryProject({ "real.sql": "" });
    execFileSync("mkfifo", [project.at("pipe.sql")]);
    if (process.getuid?.() === 0) execFileSync("mknod", [project.at("zero.sql"), "c", "1", "5"]);
    symlinkSync("real.sql", project.at("in.sql"));
    symlinkSync("/etc/passwd", project.at("out.sql"));
    symlinkSync("/etc", project.at("out-dir"));
    symlinkSync(".", project.at("loop"));
    const server = createServer().listen(project.at("socket.sql"));
    await nextTurn();
    // Nobody writes to the pipe and the device has no end: whoever opened them would wait for ever.
    const error = await refusal(project.path);
    server.close();
    expect(error).toMatchObject({ code: "DEPLOY_FILE_REFUSED", exit: 10 });
    const lines = error.parts.detail?.split("\n").sort();
    const expected = [
      '"./in.sql" is a symbolic link, not a regular file',
      '"./loop" is a symbolic link, not a regular file',
      '"./out-dir" is a symbolic link, not a regular file',
      '"./out.sql" is a symbolic link, not a regular file',
      '"./pipe.sql" is a named pipe, not a regular file',
      '"./socket.sql" is a socket, not a regular file',
    ];
    if (process.getuid?.() === 0) expected.push('"./zero.sql" is a device, not a regular file');
    expect(lines).toEqual(expected);
  });

  it("with a hint that says what is left out, and moving the file there helps", async () => {
    for (const place of [".kept", "node_modules", "__pycache__"]) {
      using project = temporaryProject({ [`${place}/a.sql`]: "" });
      symlinkSync("/etc/passwd", project.at("out.sql"));
      expect((await refusal(project.path)).parts.hint).toContain(place.startsWith(".") ? "a dot" : place);
      renameSync(project.at("out.sql"), project.at(`${place}/out.sql`));
      expect(paths(await scan(project.path))).toEqual([]);
    }
  });

  it("[D-06] unreadable files and directories", async () => {
    using project = temporaryProject({ "locked.sql": "", "dir/a.sql": "" });
    chmodSync(project.path, 0o755);
    chmodSync(project.at("locked.sql"), 0o000);
    chmodSync(project.at("dir"), 0o000);
    const error = await asOrdinaryUser(() => refusal(project.path));
    chmodSync(project.at("dir"), 0o700);
    expect(error.parts.detail?.split("\n").sort()).toEqual([
      '"./dir/" cannot be read: permission denied',
      '"./locked.sql" cannot be read: permission denied',
    ]);
  });

  it("[CL-20] reserved directory names that hold a file, once each, and no empty ones", async () => {
    using project = temporaryProject({
      "a/__fixtures__/x/1.sql": "",
      "a/__fixtures__/2.sql": "",
      "__test__/t.sql": "",
    });
    mkdirSync(project.at("__empty__"));
    const error = await refusal(project.path);
    expect(error).toMatchObject({ code: "DEPLOY_DIRECTORY_RESERVED", exit: 10 });
    expect(error.message).toContain("./a/__fixtures__/");
  });

  it("[D-06] directories deeper than the session can hold, at any depth that the system allows", async () => {
    using project = temporaryProject({ [`${"d/".repeat(MAX_DEPTH)}deep.sql`]: "" });
    expect(paths(await scan(project.path))).toHaveLength(1);
    mkdirSync(project.at("e/".repeat(500)), { recursive: true });
    writeFileSync(project.at(`${"e/".repeat(500)}deeper.sql`), "");
    const error = await refusal(project.path);
    expect(error.message).toMatch(/more than 100 directories deep/);
  });

  it("[D-07] names that the session cannot hold, and shows hostile names without obeying them", async () => {
    using project = temporaryProject({
      "back\\slash.sql": "",
      " /x.sql": "",
      "a\u001b[31m\u202eb\n::error::c.sql": "\0",
    });
    writeFileSync(Buffer.from(`${project.path}/caf\xe9.sql`, "latin1"), "");
    const error = await refusal(project.path);
    expect(error.parts.detail).toContain("has a backslash in its name");
    expect(error.parts.detail).toContain("has a blank name");
    expect(error.parts.detail).toContain("has a name that is not valid UTF-8");
    expect(error.parts.detail).toContain('"./a\\u{1b}[31m\\u{202e}b⏎::error::c.sql" holds a NUL byte');
  });

  it("[BX-17] all problems at once, eight of them by name", async () => {
    const bad = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`f${index}.sql`, "\0"]));
    using project = temporaryProject(bad);
    const error = await refusal(project.path);
    expect(error.message).toBe("the project has 12 problems");
    expect(error.parts.detail?.split("\n")).toHaveLength(9);
    expect(error.parts.detail).toMatch(/… and 4 more$/);
    expect(error.parts.state).toBe("nothing was started");
  });

  it("[CL-22] the same metadata id in two files, listing ids and paths in order", async () => {
    const block = (id: string) => `/* <pgmi-meta id="${id}" idempotent="true"/> */`;
    const [one, two] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
    using project = temporaryProject({
      "d.sql": block(two),
      "c.sql": block(one),
      "b.sql": block(two),
      "a.sql": block(one),
    });
    const error = await refusal(project.path);
    expect(error).toMatchObject({ code: "DEPLOY_METADATA_DUPLICATE", exit: 10 });
    expect(error.message).toContain(`${one}: ./a.sql, ./c.sql; ${two}: ./b.sql, ./d.sql`);
    expect(
      paths(await scanFiles(project.path, { maxFileBytes: 1_000, signal: new AbortController().signal })),
    ).toHaveLength(4);
  });
});

describe("the scan", () => {
  it("[D-07] loads files with hostile names as they are", async () => {
    const names = [
      "a b.sql",
      "a'b.sql",
      'a"b.sql',
      "a;drop.sql",
      "a\nb.sql",
      "a\u001bb.sql",
      "a\u202eb.sql",
      "$(id).sql",
      "-rf.sql",
      "%s.sql",
    ];
    using project = temporaryProject(Object.fromEntries(names.map((name) => [name, ""])));
    expect(paths(await scan(project.path))).toEqual(names.map((name) => `./${name}`).sort());
  });

  it("[D-06] reads 10,000 files in proportion to their number", async () => {
    const projects: Disposable[] = [];
    using _ = {
      [Symbol.dispose]: () => {
        for (const project of projects) project[Symbol.dispose]();
      },
    };
    const input = (size: number): string => {
      const files = Array.from({ length: size }, (_, index) => [
        `d${index % 50}/f${index}.sql`,
        `SELECT ${index}; -- x\n`,
      ]);
      const project = temporaryDirectory({ "deploy.sql": "", ...Object.fromEntries(files) }, fastDirectory());
      projects.push(project);
      return project.path;
    };
    expect((await scan(input(10_000))).files).toHaveLength(10_000);
    await expectLinearTime({ input, work: (path) => scan(path), largest: 10_000 });
  }, 60_000);

  it("[BX-23] ends with the signal's reason, at the start and on the way", async () => {
    using project = temporaryProject(
      Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}.sql`, ""])),
    );
    const reason = new Error("enough");
    await expect(scan(project.path, 100, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const running = scan(project.path, 100, controller.signal);
    setImmediate(() => controller.abort(reason));
    await expect(running).rejects.toBe(reason);
  });

  it("[BX-23] lets a signal in while a large file is read", async () => {
    using project = temporaryProject({ "large.sql": Buffer.alloc(20 * 1024 * 1024, "x") });
    const controller = new AbortController();
    const reason = new Error("enough");
    const running = scan(project.path, 1e9, controller.signal);
    setImmediate(() => setImmediate(() => controller.abort(reason)));
    await expect(running).rejects.toBe(reason);
  });

  it("does not follow a directory that became a link while it walked", async () => {
    using outside = temporaryDirectory({ "secret.sql": "secret" });
    using project = temporaryProject(
      Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`a${index}.sql`, ""])),
    );
    mkdirSync(project.at("dir"));
    const running = scan(project.path);
    rmSync(project.at("dir"), { recursive: true });
    symlinkSync(outside.path, project.at("dir"));
    const error = await running.then(
      ({ files }) => files.filter(({ content }) => content === "secret"),
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(PgkeepError);
  });
});

describe("the size cap", () => {
  it.each([
    [undefined, DEFAULT_MAX_FILE_BYTES],
    ["100", 100],
    ["0", DEFAULT_MAX_FILE_BYTES],
    ["-5", DEFAULT_MAX_FILE_BYTES],
    ["1e6", DEFAULT_MAX_FILE_BYTES],
    ["x", DEFAULT_MAX_FILE_BYTES],
  ])("[SA-10] with PGMI_MAX_FILE_SIZE=%s is %d bytes", (text, bytes) => {
    expect(maxFileBytesOf({ PGMI_MAX_FILE_SIZE: text })).toBe(bytes);
  });
});
