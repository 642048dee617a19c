/** Which settings a plain role is not shown: each must be unknown to it, and never "not there". */
import { describe, expect, it } from "vitest";
import { Unanswered } from "../../../../src/audit/answers.ts";
import { ALL_SETTINGS, Settings } from "../../../../src/audit/facts/settings.ts";
import { availableMajors, sharedCluster } from "../../../support/cluster.ts";
import { connectTo } from "../../../support/connection.ts";

describe("settings that a plain role is not shown", () => {
  it.each(availableMajors())("are unknown to it on PostgreSQL %s", async (major) => {
    await using session = await connectTo(await sharedCluster(major));
    const all = (await session.query(ALL_SETTINGS)).map(({ name }) => name ?? "");
    await session.script("begin; create role settings_plain; set local role settings_plain");
    const rows = await session.query(ALL_SETTINGS);
    await session.script("rollback");
    const settings = Settings.fromServer({ views: [rows], seesHidden: false });
    const shown = new Set(rows.map(({ name }) => name));
    const hidden = all.filter((name) => !shown.has(name));
    expect(hidden).toContain("ssl_ciphers");
    const answered = hidden.filter((name) => !(failureOf(() => settings.get(name)) instanceof Unanswered));
    expect(answered, "add these names to HIDDEN").toEqual([]);
  });
});

function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
