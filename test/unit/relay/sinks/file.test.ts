/** Files as a sink: the suite of every sink, and the ways in which a path can be wrong or a disk full. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { ConnectorFailure } from "../../../../src/relay/failures.ts";
import file from "../../../../src/relay/sinks/file.ts";
import { connectorContext, delivery } from "../../../conformance/relay/connector.ts";
import { describeSink } from "../../../conformance/relay/sinks.ts";
import { linesAsReceived } from "./lines.ts";

const directory = mkdtempSync(join(tmpdir(), "pgkeep-file-sink-"));
const at = (name: string) => join(directory, name);

describeSink({
  isLocal: true,
  // The suite's context allows no directory.
  definition: { ...file, open: (config, context) => file.open(config, { ...context, fileRoots: [directory] }) },
  withoutHeaders: "a line holds the body alone",
  async start() {
    return {
      server: "a directory",
      config: (place) => ({ path: at(`${place}.jsonl`), fsync: true }),
      read: async (place) =>
        existsSync(at(`${place}.jsonl`)) ? linesAsReceived(readFileSync(at(`${place}.jsonl`), "utf8")) : [],
      stop: async () => {},
    };
  },
});

const never = new AbortController().signal;
const open = (config: Record<string, unknown>, fileRoots = [directory]) =>
  file.open(file.config(z).parse(config), connectorContext({ fileRoots }));
const failure = (attempt: Promise<unknown>): Promise<ConnectorFailure> =>
  attempt.then(
    () => Promise.reject(new Error("it did not fail")),
    (error) => error,
  );

describe("a file", () => {
  it("is appended to, readable by owner and group only", async () => {
    writeFileSync(at("kept.jsonl"), '{"old":1}\n');
    for (const id of [1, 2]) {
      const sink = await open({ path: at("kept.jsonl") });
      await sink.send([delivery(id)], never);
      await sink.close();
    }
    expect(readFileSync(at("kept.jsonl"), "utf8")).toBe('{"old":1}\n{"number":1}\n{"number":2}\n');
    const sink = await open({ path: at("new.jsonl") });
    await sink.close();
    expect(statSync(at("new.jsonl")).mode & 0o137).toBe(0);
  });

  it("that was rotated away is made anew", async () => {
    const sink = await open({ path: at("rotated.jsonl") });
    await sink.send([delivery(1)], never);
    renameSync(at("rotated.jsonl"), at("rotated.jsonl.1"));
    await sink.send([delivery(2)], never);
    expect(readFileSync(at("rotated.jsonl"), "utf8")).toBe('{"number":2}\n');
    await sink.close();
  });

  it.each([
    "relative.jsonl",
    "/tmp/../etc/x",
    "/tmp/.hidden",
    "/tmp/a b",
    "/tmp/x\ny",
    "/tmp/x;rm",
    "/",
    "/tmp/x\0",
    "/tmp/$(id)",
  ])("[R-08] cannot be called %j", (path) => {
    expect(file.config(z).safeParse({ path }).success).toBe(false);
  });

  it("[R-08] is never a link, a pipe, a device, a directory, or somebody's file under a second name", async () => {
    writeFileSync(at("target"), "untouched");
    symlinkSync(at("target"), at("link"));
    linkSync(at("target"), at("second"));
    execFileSync("mkfifo", [at("pipe")]);
    mkdirSync(at("folder"));
    for (const name of ["link", "second", "pipe", "folder"]) {
      expect((await failure(open({ path: at(name) }))).class, name).toBe("invalid_destination");
    }
    for (const path of ["/dev/null", "/proc/self/comm", "/sys/kernel/x"]) {
      expect((await failure(open({ path }))).class, path).toBe("invalid_destination");
    }
    expect(readFileSync(at("target"), "utf8")).toBe("untouched");
  });

  it("[R-08] is not made through a linked directory of /dev, nor in a directory that everybody may write", async () => {
    symlinkSync("/dev", at("devices"));
    expect((await failure(open({ path: join(at("devices"), "x") }))).class).toBe("invalid_destination");
    mkdirSync(at("open"));
    chmodSync(at("open"), 0o777);
    expect((await failure(open({ path: join(at("open"), "x") }))).class).toBe("invalid_destination");
  });

  it("[R-08] stands only below a directory that the operator named", async () => {
    mkdirSync(at("below"));
    const path = join(at("below"), "x.jsonl");
    for (const roots of [[], ["/nowhere"], [`${directory}x`], [at("folder")]]) {
      const refused = await failure(open({ path }, roots));
      expect([refused.class, refused.message], roots.join()).toEqual([
        "invalid_destination",
        "the file is below no directory that --file-root allows",
      ]);
    }
    symlinkSync("/var", at("outside"));
    expect((await failure(open({ path: join(at("outside"), "x.jsonl") }))).class).toBe("invalid_destination");
    for (const roots of [["/nowhere", directory], [at("below")], ["/"]]) await (await open({ path }, roots)).close();
  });

  it("in a directory that is missing waits for it", async () => {
    const missing = await failure(open({ path: join(at("missing"), "x.jsonl") }));
    expect([missing.class, missing.isTransient]).toEqual(["unavailable", true]);
    expect(missing.message).toContain("directory does not exist");
    expect(missing.message).not.toContain(directory);
  });

  it("on a full disk is the sink's fault: nothing of the batch is left, and it works when there is room again", async (context) => {
    const mount = at("small");
    mkdirSync(mount);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs", mount], { stdio: "ignore" });
    } catch {
      return context.skip("this machine does not let the test mount a small file system");
    }
    try {
      const path = join(mount, "full.jsonl");
      const sink = await open({ path, fsync: true });
      await sink.send([delivery(1)], never);
      const large = [delivery(2), delivery(3, { body: JSON.stringify("x".repeat(100_000)) })];
      const full = await failure(sink.send(large, never));
      expect([full.class, full.isTransient, full.message]).toEqual([
        "unavailable",
        true,
        "could not write the file: the disk is full",
      ]);
      expect(readFileSync(path, "utf8")).toBe('{"number":1}\n');
      expect(await sink.send([delivery(2)], never)).toEqual([{ outcome: "delivered" }]);
      await sink.close();
    } finally {
      execFileSync("umount", [mount]);
    }
  });
});
