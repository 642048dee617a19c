/** What a person sees when a model was written. */
import { describe, expect, it } from "vitest";
import bootstrap from "../../../../src/cli/renderers/access.bootstrap.ts";
import importModel from "../../../../src/cli/renderers/access.import.ts";
import init from "../../../../src/cli/renderers/access.init.ts";

const VIEW = {
  colour: false,
  ascii: true,
  width: 80,
  isTerminal: true,
  isFitted: true,
  verbose: false,
  quiet: false,
  program: "pgkeep",
  elapsedMs: 0,
} as const;

const HOSTILE = "a\u001b[2Jb";

describe("access init", () => {
  const output = {
    file: null,
    text: "version: 1\n",
    database: "shop",
    profile: "guide-001" as const,
    roles: ["mig", HOSTILE],
  };

  it("gives the model itself to standard output when no file was named", () => {
    expect(init.result?.(output, VIEW)).toBe("version: 1\n");
  });

  it("tells the file and what to do with it otherwise", () => {
    const written = { ...output, file: "access.yaml" };
    expect(init.result?.(written, VIEW)).toBe("");
    expect(init.summary?.(written, VIEW)).toBe(
      'ok shop: profile guide-001, roles "mig", "a\\u{1b}[2Jb" -> access.yaml\nnext: pgkeep access plan access.yaml',
    );
  });
});

describe("access import", () => {
  const output = {
    file: "m.yaml",
    text: "version: 1\n",
    database: HOSTILE,
    roles: 3,
    schemas: 2,
    objects: 40,
    unreadable: ["pg_authid (passwords)"],
  };

  it("counts what the model covers, and says what could not be looked at", () => {
    expect(importModel.result?.(output, VIEW)).toBe("");
    expect(importModel.summary?.(output, VIEW)).toBe(
      "ok a\\u{1b}[2Jb: 3 roles, 2 schemas, 40 objects -> m.yaml\nnot looked at: pg_authid (passwords)",
    );
  });

  it("gives the model itself when no file was named", () => {
    expect(importModel.result?.({ ...output, file: null }, VIEW)).toBe("version: 1\n");
  });
});

describe("access bootstrap", () => {
  it("says where the model is kept", () => {
    const plan = {
      database: "shop",
      statements: [],
      blocked: [],
      warnings: [],
      unchanged: 4,
      version: 1 as const,
    };
    const output = {
      database: "shop",
      outcome: "nothing to do" as const,
      plan,
      applied: [],
      notices: [],
      passwords_set: [],
      retries: 0,
      remaining: [],
      leftovers: [],
      text: "version: 1\n",
      file: "access.yaml",
    };
    // The plan's own look is tested where plans are.
    const summary = Reflect.apply(bootstrap.summary ?? (() => ""), bootstrap, [output, VIEW]);
    expect(summary).toMatch(/the model is in access\.yaml$/);
  });
});
