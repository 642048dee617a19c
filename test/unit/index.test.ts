/** The library: calls by name, checked input, failures with codes, and nothing taken from the process unasked. */
import { describe, expect, it } from "vitest";
import * as library from "../../src/index.ts";
import { operationNames } from "../../src/operations/call.ts";
import { temporaryProject } from "../support/project.ts";

describe("the library", () => {
  it("has every operation under its area and verb", () => {
    for (const name of operationNames()) {
      const [area = "", verb] = name.split(".");
      const found: unknown = Reflect.get(library, area);
      expect(typeof (verb === undefined ? found : Reflect.get(Object(found), verb)), name).toBe("function");
    }
  });

  it("returns an operation's output", async () => {
    const explained = await library.explain({ code: "DEPLOY_LOCKED" });
    expect(explained).toMatchObject({ exit_code: 15, retryable: true });
    expect((await library.version({})).session_api).toBe(1);
  });

  it("refuses input outside the schema with every problem and no value", async () => {
    const wrong: object = { path: 1, nope: "canary", database: ["canary"] };
    const failure = await library.deploy.run(Object(wrong)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(library.PgkeepError);
    const { code, message, parts } = Object(failure);
    expect(code).toBe("USAGE_ARGUMENTS");
    expect(`${message}${parts.detail}`).toMatch(/path/);
    expect(`${message}${parts.detail}`).toMatch(/database/);
    expect(`${message}${parts.detail}`).not.toContain("canary");
  });

  it("reads no variable of the process unless given its environment", async () => {
    using project = temporaryProject();
    process.env.PGDATABASE = "from_the_process";
    try {
      const failure = await library.deploy.run({ path: project.path }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "CONFIG_TARGET_MISSING" });
    } finally {
      delete process.env.PGDATABASE;
    }
  });

  it("tells its steps and can be ended", async () => {
    using project = temporaryProject();
    const stop = AbortSignal.abort();
    const events: string[] = [];
    const ended = await library.deploy
      .run(
        { path: project.path, database: "x", host: "127.0.0.1", port: 1 },
        { signal: stop, onProgress: ({ type }) => events.push(type) },
      )
      .catch((error: unknown) => error);
    expect(ended).toMatchObject({ code: expect.stringMatching(/INTERRUPTED$/) });
  });
});
