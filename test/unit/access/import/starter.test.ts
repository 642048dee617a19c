/** The first model of a database: its comments count as they stand once somebody uncomments them. */
import { describe, expect, it } from "vitest";
import { starterText } from "../../../../src/access/import/starter.ts";
import { readModel } from "../../../../src/access/model/read.ts";

const PROFILE_BLOCK = "# What the profile stands for.";
const PASSWORD_BLOCK = "# Roles that log in need passwords";

/** As an editor uncomments the lines below the line that starts with `heading`, up to the next empty one. */
function uncommented(text: string, heading: string): string {
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith(heading));
  const length = lines.slice(start).indexOf("");
  const end = length < 0 ? lines.length : start + length;
  return lines.map((line, index) => (index > start && index < end ? line.replace(/^# /, "") : line)).join("\n");
}

describe.each(["guide-001", "three-tier"] as const)("the comments of profile %s", (profile) => {
  const names = { migrator: "mover", applications: ["web"], schemas: ["public", "app"] };
  const text = starterText({ database: "shop", profile, names });

  it("become passwords of the roles that log in", async () => {
    const model = await readModel(uncommented(text, PASSWORD_BLOCK), { file: "access.yaml" });
    expect(model.roles.get("web")?.password).toBe(`\${env:WEB_PASSWORD}`);
    expect(model.roles.get("mover")?.password).toBe(`\${env:MOVER_PASSWORD}`);
  });

  it("say what the profile says already", async () => {
    const shown = await readModel(uncommented(text, PROFILE_BLOCK), { file: "access.yaml" });
    const meant = await readModel(text, { file: "access.yaml" });
    expect([...shown.roles.keys()].sort()).toEqual([...meant.roles.keys()].sort());
    expect(text).not.toBe(uncommented(text, PROFILE_BLOCK));
  });
});
