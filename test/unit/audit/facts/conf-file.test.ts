/** postgresql.conf without a server. What servers themselves make of such files: test/pg/audit/facts/conf-file.test.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NotApplicable, Unanswered } from "../../../../src/audit/answers.ts";
import { readConf } from "../../../../src/audit/facts/conf-file.ts";
import { offlineFacts } from "../../../../src/audit/facts/offline-facts.ts";
import { MAX_FILE_BYTES } from "../../../../src/audit/hba/conf-files.ts";
import { expectLinearTime } from "../../../support/growth.ts";
import { memoryFiles } from "../../../support/memory-files.ts";

const CONF = "/e/postgresql.conf";

function factsOf(text: string, others: Record<string, string> = {}, version?: string) {
  const files = memoryFiles({ [CONF]: text, ...others });
  return offlineFacts({ conf: CONF, files, now: new Date(0), declared: {}, version });
}

const shownAs = async (text: string, name: string, others?: Record<string, string>): Promise<string> =>
  (await factsOf(text, others).settings()).value(name);

describe("a value of the file", () => {
  it.each([
    ["ssl = on", "ssl", "on"],
    ["SSL=TRUE # yes", "ssl", "on"],
    ["ssl yes", "ssl", "on"],
    ["ssl = 'of'", "ssl", "off"],
    ["authentication_timeout = 2min", "authentication_timeout", "120"],
    ["authentication_timeout = '1.5 min'", "authentication_timeout", "90"],
    ["shared_buffers = 128MB", "shared_buffers", "16384"],
    ["unix_socket_permissions = 0700", "unix_socket_permissions", "0700"],
    ["unix_socket_permissions = 511", "unix_socket_permissions", "0777"],
    ["listen_addresses = '*'", "listen_addresses", "*"],
    ["search_path = 'a, \"b\"'", "search_path", 'a, "b"'],
    ["log_line_prefix = 'it''s \\'\\101\\n'", "log_line_prefix", "it's 'A\n"],
    ["ssl_min_protocol_version = tlsv1.2", "ssl_min_protocol_version", "TLSv1.2"],
    ["log_connections = on\nlog_connections = off", "log_connections", "off"],
    ["log_min_duration_statement = -1", "log_min_duration_statement", "-1"],
    ["app.secret = x", "app.secret", "x"],
    ["ssl_ciphers = HIGH:MEDIUM", "ssl_ciphers", "HIGH:MEDIUM"],
    ["synchronous_commit = true", "synchronous_commit", "on"],
  ])("%j: %s is %j", async (text, name, value) => expect(await shownAs(text, name)).toBe(value));

  it("is the last one, over includes and ALTER SYSTEM's file, and says where it stands", async () => {
    const others = {
      "/e/d/a.conf": "port = 1\nssl = on",
      "/e/d/b.conf": "port = 2",
      "/e/more.conf": "include_if_exists 'none.conf'\nport = 3",
      "/data/postgresql.auto.conf": "port = '4'",
    };
    const text = "data_directory = '/data'\ninclude_dir 'd'\ninclude = 'more.conf'\n";
    const settings = await factsOf(text, others).settings();
    expect(settings.get("port")).toMatchObject({ value: "4", place: { file: "/data/postgresql.auto.conf", line: 1 } });
    expect(settings.get("ssl")).toMatchObject({ value: "on", place: { file: "/e/d/a.conf", line: 2 } });
    expect(await shownAs(text, "port", { ...others, "/data/postgresql.auto.conf": "" })).toBe("3");
  });
});

describe("what the file does not say", () => {
  it("is the built-in default where all majors have the same", async () => {
    const settings = await factsOf("").settings();
    expect(settings.get("password_encryption")).toMatchObject({ value: "scram-sha-256", source: "default" });
    expect(settings.value("unix_socket_permissions")).toBe("0777");
    expect(() => settings.get("log_checkpoints")).toThrow(Unanswered);
    expect(() => settings.get("unix_socket_directories")).toThrow(Unanswered);
    expect(() => settings.get("pgaudit.log")).toThrow(Unanswered);
  });

  it("is that of the major that was named, and absent where that has no such setting", async () => {
    const old = await factsOf("", {}, "14.2").settings();
    expect(old.value("log_checkpoints")).toBe("off");
    expect(() => old.get("transaction_timeout")).toThrow(NotApplicable);
    expect(old.find("transaction_timeout")).toBeUndefined();
    expect((await factsOf("", {}, "18").settings()).value("log_checkpoints")).toBe("on");
  });

  it("is unknown where its value is none", async () => {
    const settings = await factsOf("ssl = maybe\nauthentication_timeout = 5kB\nport = x").settings();
    for (const name of ["ssl", "authentication_timeout", "port"]) expect(() => settings.get(name)).toThrow(Unanswered);
  });
});

describe("a file that the server would refuse", () => {
  it.each([
    "ssl",
    "= on",
    "ssl = 'on",
    "ssl = on off",
    "1ssl = on",
    "a.b.c = 1",
    "ssl = @",
    "include 'none.conf'",
    "include_dir 'none'",
  ])("has no values: %j", async (text) => {
    await expect(factsOf(`port = 1\n${text}\n`).settings()).rejects.toThrow(Unanswered);
  });

  it("that includes itself ends", async () => {
    await expect(factsOf("include 'postgresql.conf'").settings()).rejects.toThrow(/too deep/);
  });

  it("does not repeat the line, which may hold a password", async () => {
    await expect(factsOf("primary_conninfo = password=c4n4ry x").settings()).rejects.not.toThrow(/c4n4ry/);
  });

  it("of any bytes is read or refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        const files = memoryFiles({ [CONF]: Buffer.from(bytes) });
        await readConf(CONF, files).catch((error: unknown) => expect(error).toBeInstanceOf(Unanswered));
      }),
      { numRuns: 1000 },
    );
  });

  it.each(["a", "'", "a='", "\\", ".", "0", "a=1\n", "\n", "a.", "a=0x"])(
    "takes time in proportion to its size when it repeats %j",
    async (piece) => {
      const input = (size: number) => memoryFiles({ [CONF]: Buffer.alloc(size, piece) });
      const work = (files: ReturnType<typeof input>) => readConf(CONF, files);
      await expectLinearTime({ input, work, refusal: Unanswered, largest: MAX_FILE_BYTES });
    },
  );
});

describe("facts without a server", () => {
  it("answer nothing that only a server knows", async () => {
    const facts = factsOf("");
    expect(() => facts.server()).toThrow(/no server in this run/);
    expect(() => facts.line()).toThrow(Unanswered);
    const asked = [facts.query("select 1"), facts.roles(), facts.probe(), facts.host(), facts.hba(), facts.ident()];
    for (const question of asked) await expect(question).rejects.toThrow(Unanswered);
    await expect(facts.drift()).rejects.toThrow(NotApplicable);
    expect(facts.has("superuser")).toBe(false);
    expect(() => facts.require("hba")).toThrow(/no server in this run/);
  });

  it("read no more than was given, and say what is missing", async () => {
    const facts = offlineFacts({ hba: "/none", files: memoryFiles({}), now: new Date(0), declared: {} });
    await expect(facts.hba()).rejects.toThrow("none could not be read: No such file or directory");
    await expect(facts.settings()).rejects.toThrow(/no postgresql.conf/);
  });
});
