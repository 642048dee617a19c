/** `${env:NAME}`: which variables count as set. */
import { describe, expect, it } from "vitest";
import env from "../../../../src/config/providers/env.ts";

const resolve = (name: string, environment: Record<string, string>) =>
  env.resolve(name, { environment, secretRoots: [], maxFileBytes: 0 });

describe("a secret from the environment", () => {
  it("is the variable's value, untouched", async () => {
    expect(await resolve("PASSWORD", { PASSWORD: " with spaces\n" })).toBe(" with spaces\n");
  });

  it.each(["MISSING", "EMPTY", "toString", "", "A-B", "A=B", "ÄÖ"])("is refused when it is %j", async (name) => {
    await expect(resolve(name, { EMPTY: "", "A-B": "x" })).rejects.toThrow();
  });
});
