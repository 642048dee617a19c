/** Which stored passwords count as trivial, and what trying them may cost. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { findTrivial } from "../../../../../src/audit/checks/database/trivial-passwords.ts";
import { systemClock } from "../../../../../src/base/clock.ts";
import { Secret } from "../../../../../src/base/secrets.ts";
import { scramVerifierText } from "../../../../../src/pg/scram.ts";

const salt = Buffer.alloc(16, 7);
const scram = (password: string): string => scramVerifierText(new Secret(password), { salt });
const md5 = (password: string, role: string): string =>
  `md5${createHash("md5")
    .update(password + role)
    .digest("hex")}`;

/** Roles of the passwords that count as trivial, and how many were not tried. */
async function judge(stored: Readonly<Record<string, string>>, clock = systemClock) {
  const passwords = Object.entries(stored).map(([role, text]) => ({ role, stored: text }));
  const { trivial, untried } = await findTrivial(passwords, clock);
  return { trivial: trivial.map(({ role }) => role).sort(), untried };
}

describe("a stored password", () => {
  it("is trivial when it is the role's name, that name in lower case, or a word of the list", async () => {
    const stored = {
      app: scram("app"),
      Shop: scram("shop"),
      "Ünïcode Rôle": scram("Ünïcode Rôle"),
      ops: scram("changeme"),
      old: md5("old", "old"),
      empty: md5("", "empty"),
      older: md5("123456", "older"),
    };
    expect(await judge(stored)).toEqual({ trivial: Object.keys(stored).sort(), untried: 0 });
  });

  it("is not when it only resembles one, or is the word of another role", async () => {
    const stored = { app: scram("app1"), ops: scram("Changeme!"), old: md5("app", "old"), new: scram("old") };
    expect(await judge(stored)).toEqual({ trivial: [], untried: 0 });
  });

  it("of a role whose name no client could send as a password is tried with the other words", async () => {
    expect(await judge({ "line\nbreak": scram("secret"), "bell\u0007": scram("a-good-one") })).toEqual({
      trivial: ["line\nbreak"],
      untried: 0,
    });
  });
});

describe("trying passwords", () => {
  it("leaves out verifiers that cost too much, and counts them", async () => {
    // Half an hour for each word.
    const dear = scram("dear").replace("$4096:", "$2000000000:");
    expect(await judge({ dear, app: scram("app") })).toEqual({ trivial: ["app"], untried: 1 });
  });

  it("counts what it cannot read", async () => {
    expect(await judge({ odd: "SCRAM-SHA-512$1:x", half: "md5c0ffee" })).toEqual({ trivial: [], untried: 2 });
  });

  it("ends at its deadline, and counts the rest", async () => {
    let ms = 0;
    const clock = { now: () => new Date(0), monotonicMs: () => ms++ * 2_000 };
    const { untried } = await judge({ one: scram("good-1"), two: scram("good-2"), three: scram("good-3") }, clock);
    expect(untried).toBe(3);
  });
});
