/** `pgkeep db ...` as operations: what they return, refuse and ask. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { systemClock } from "../../../src/base/clock.ts";
import type { OperationContext, Prompter } from "../../../src/base/operation.ts";
import psqlOperation from "../../../src/operations/db.psql.ts";
import reset from "../../../src/operations/db.reset.ts";
import startOperation from "../../../src/operations/db.start.ts";
import status from "../../../src/operations/db.status.ts";
import stop from "../../../src/operations/db.stop.ts";
import url from "../../../src/operations/db.url.ts";
import { openSession } from "../../../src/pg/connect/open.ts";
import { embeddedConnection } from "../../../src/pg/embedded/running-server.ts";
import { seededDirectory } from "../../support/embedded.ts";
import { isRunning, listeningAddresses } from "../../support/processes.ts";

function context(workingDirectory: string, prompt?: Partial<Prompter>): OperationContext {
  const nobody: Prompter = {
    text: async () => undefined,
    secret: async () => undefined,
    confirm: async () => false,
    choose: async () => undefined,
  };
  return {
    environment: { PATH: process.env.PATH, PGHOSTADDR: "127.0.0.1", PGDATABASE: "elsewhere" },
    workingDirectory,
    clock: systemClock,
    signal: new AbortController().signal,
    report: () => {},
    ...(prompt ? { prompt: { ...nobody, ...prompt } } : {}),
  };
}

async function startedIn(directory: string, input = {}) {
  const output = await startOperation.run(input, context(directory));
  onTestFinished(async () => void (await stop.run({}, context(directory))));
  return output;
}

describe("db start", () => {
  it("returns what a script needs, in the shape it declares, and joins when repeated", async () => {
    const directory = await seededDirectory();
    const first = await startedIn(directory);
    expect(startOperation.output(z).parse(first)).toEqual(first);
    expect(first).toMatchObject({
      data_dir: join(directory, ".pgkeep/db"),
      socket_dir: join(directory, ".pgkeep/run"),
      version: "18.4",
      already_running: false,
      purpose: "for trying and testing, not production",
    });
    expect(isRunning(first.pid)).toBe(true);
    expect(await startedIn(directory)).toMatchObject({ already_running: true, pid: first.pid, url: first.url });
  });

  it("[E-02] refuses to listen on any address but this machine's loopback", async () => {
    const directory = await seededDirectory();
    for (const listen of ["0.0.0.0", "::", "*", "192.168.1.5", "127.0.0.2", "localhost,0.0.0.0", ""]) {
      await expect(startOperation.run({ listen }, context(directory)), listen).rejects.toMatchObject({
        code: "CONFIG_VALUE_INVALID",
        exit: 10,
        parts: { detail: expect.stringContaining("trying and testing") },
      });
    }
    expect((await status.run({}, context(directory))).state).toBe("stopped");
  });

  it("[E-01] opens a TCP port only on request, and says when the running server has none", async () => {
    const directory = await seededDirectory();
    const plain = await startedIn(directory);
    expect(listeningAddresses(plain.pid)).toEqual([]);
    await expect(startOperation.run({ port: 0 }, context(directory))).rejects.toMatchObject({ code: "DB_IN_USE" });
    await stop.run({}, context(directory));
    const open = await startedIn(directory, { listen: "127.0.0.1" });
    expect(listeningAddresses(open.pid)).toEqual([`127.0.0.1:${open.port}`]);
    expect(open.url).toContain("sslmode=verify-full");
  });
});

describe("db status", () => {
  it("[E-02] says what the server is not for, and which libraries in it are old", async () => {
    const directory = await seededDirectory();
    const limits = {
      purpose: "for trying and testing, not production",
      outdated_libraries: ["OpenSSL 1.1.1", "ICU 60"],
    };
    expect(await status.run({}, context(directory))).toMatchObject({
      state: "stopped",
      pid: null,
      url: null,
      ...limits,
    });
    const { pid } = await startedIn(directory);
    const running = await status.run({}, context(directory));
    expect(running).toMatchObject({ state: "running", pid, ...limits });
    expect(status.output(z).parse(running)).toEqual(running);
  });
});

describe("db stop", () => {
  it("returns when nothing is left, and does nothing when nothing runs", async () => {
    const directory = await seededDirectory();
    const { pid } = await startedIn(directory);
    expect(await stop.run({}, context(directory))).toEqual({ stopped: true, pid });
    expect(isRunning(pid)).toBe(false);
    expect(await stop.run({}, context(directory))).toEqual({ stopped: false, pid: null });
  });
});

describe("db url", () => {
  it("works with an installed client and holds no password", async () => {
    const directory = await seededDirectory();
    await expect(url.run({}, context(directory))).rejects.toMatchObject({
      code: "DB_NOT_RUNNING",
      parts: { hint: `pgkeep db start --dir ${directory}` },
    });
    await startedIn(directory);
    const { url: text } = await url.run({}, context(directory));
    expect(execFileSync("psql", ["-XAt", "-d", text, "-c", "select 7"], { encoding: "utf8" })).toBe("7\n");
    const password = (await (await embeddedConnection(directory)).password?.({ host: "", port: 0 }))?.expose() ?? "";
    expect(password.length).toBe(32);
    expect(text).not.toContain(password);
  });
});

describe("db psql", () => {
  it("runs on this server whatever PG* variables say, and passes psql's verdict on", async () => {
    const directory = await seededDirectory();
    await startedIn(directory);
    const run = async (...words: string[]) =>
      (await psqlOperation.run({ arguments: ["-X", "-o", "/dev/null", ...words] }, context(directory))).psql_status;
    expect(await run("-v", "ON_ERROR_STOP=1", "-c", "create table seen ()")).toBe(0);
    expect(await run("-c", "select * from seen")).toBe(0);
    expect(
      await run("-d", "template1", "-v", "ON_ERROR_STOP=1", "-c", "select 1 / (pg_backend_pid() is null)::int"),
    ).toBe(1);
    expect(await run("-d", "template1", "-c", "select current_database()")).toBe(0);
    expect(psqlOperation.exitCode?.({ psql_status: 3 })).toBe(1);
  });

  it("says what to install when there is no psql", async () => {
    const directory = await seededDirectory();
    await startedIn(directory);
    const without = { ...context(directory), environment: { PATH: "/nonexistent" } };
    await expect(psqlOperation.run({}, without)).rejects.toMatchObject({
      code: "DB_PSQL_MISSING",
      parts: { hint: expect.stringContaining("postgresql-client") },
    });
  });
});

describe("db reset", () => {
  it("without a terminal needs --yes, and removes nothing without it", async () => {
    const directory = await seededDirectory();
    const { pid } = await startedIn(directory);
    await expect(reset.run({}, context(directory))).rejects.toMatchObject({ code: "DB_RESET_UNAPPROVED", exit: 12 });
    expect(isRunning(pid)).toBe(true);
    expect(await reset.run({ yes: true }, context(directory))).toEqual({ removed: join(directory, ".pgkeep/db") });
    expect(isRunning(pid)).toBe(false);
    expect(existsSync(join(directory, ".pgkeep/db"))).toBe(false);
  });

  it.each([
    ["another name", async () => "somewhere"],
    ["nothing", async () => ""],
    ["Escape", async () => undefined],
  ])("on a terminal asks for the directory's name, and %s is no approval", async (_name, text) => {
    const directory = await seededDirectory();
    await expect(reset.run({}, context(directory, { text }))).rejects.toMatchObject({
      code: "DB_RESET_UNAPPROVED",
      exit: 12,
    });
    expect(existsSync(join(directory, ".pgkeep/db/PG_VERSION"))).toBe(true);
  });

  it("goes on when the name is typed, and needs no approval when there is nothing to lose", async () => {
    const directory = await seededDirectory();
    const text = async (): Promise<string> => basename(directory);
    expect((await reset.run({}, context(directory, { text }))).removed).toBe(join(directory, ".pgkeep/db"));
    expect(await reset.run({}, context(directory))).toEqual({ removed: null });
  });
});

describe("our own session on it", () => {
  it("[E-01] authenticates by SCRAM over the socket, and with channel binding inside verified TLS over the port", async () => {
    const directory = await seededDirectory();
    const opening = { clock: systemClock, signal: new AbortController().signal };
    await startedIn(directory);
    const socket = await openSession(await embeddedConnection(directory), opening);
    expect(socket.target).toMatchObject({ authentication: "scram-sha-256", user: "postgres", tls: undefined });
    await socket.close();
    await stop.run({}, context(directory));
    await startedIn(directory, { port: 0 });
    await using session = await openSession(await embeddedConnection(directory), opening);
    expect(session.target).toMatchObject({
      authentication: "scram-sha-256-plus",
      tls: { protocol: "TLSv1.3", verified: true },
    });
    expect(await session.query("select current_setting('ssl_min_protocol_version') as least")).toEqual([
      { least: "TLSv1.2" },
    ]);
  });
});
