/** Connection strings that are wrong in every way people get them wrong: the password is in no output, whatever is run. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Manifest } from "../../../src/cli/manifest.ts";
import { type Finished, pgkeep, REPOSITORY } from "../../support/pgkeep.ts";
import { temporaryProject } from "../../support/project.ts";

const manifest: Manifest = JSON.parse(readFileSync(join(REPOSITORY, "dist/cli/manifest.json"), "utf8"));
const CANARY = "c4nary-Pa55";

const BROKEN = [
  `postgres://app:${CANARY}@127.0.0.1:1/db?sslmode=sometimes`,
  `postgresql://app:${CANARY}@127.0.0.1:99999/db`,
  `postgres://app:${CANARY}@[::1/db`,
  `postgres://app:${CANARY}@127.0.0.1:1/db?connect_timeout=soon`,
  `postgres//app:${CANARY}@h/db`,
  `postgres:/app:${CANARY}@h/db`,
  `mysql://app:${CANARY}@h/db`,
  `postgres://app:${CANARY}%zz@127.0.0.1:1/db`,
  `host=127.0.0.1 port=1 user=app password='${CANARY}`,
  `host=127.0.0.1 port=1 password=${CANARY} nonsense`,
  `Host=127.0.0.1;Port=none;Password=${CANARY};Database=db`,
  `Host=127.0.0.1;Pwd="${CANARY};Database=db`,
  `app:${CANARY}@127.0.0.1/db`,
];

const connecting = manifest.commands.pgkeep.filter(({ flags }) => flags.some(({ name }) => name === "connection"));

function expectNoCanary({ stdout, stderr, status }: Finished, line: string): void {
  expect(`${stdout}${stderr}`, line).not.toMatch(/c4nary|Pa55/i);
  expect(status, line).not.toBe(3);
  expect(status, line).not.toBe(0);
}

describe("[D-04] a broken connection string", () => {
  const ways = BROKEN.flatMap((text) => connecting.map((command) => [command.words, text] as const));

  it.each(ways)("given to %s is not repeated: %s", async (words, text) => {
    using project = temporaryProject();
    const path = words === "db psql" ? [] : [project.path];
    const base = [...words.split(" "), ...path];
    const runs: [string[], Record<string, string>][] = [
      [[...base, "--connection", text], {}],
      [[...base, `--connection=${text}`, "--json"], {}],
      [[...base, "--verbose"], { PGMI_CONNECTION_STRING: text }],
      [[...base, "--json"], { DATABASE_URL: text, PGDATABASE: "" }],
    ];
    const finished = await Promise.all(runs.map(([line, env]) => pgkeep(line, { env })));
    for (const [index, each] of finished.entries()) expectNoCanary(each, runs[index]?.[0].join(" ") ?? "");
  });

  it("in the place of a command, an argument or a flag is not repeated either", async () => {
    const lines = BROKEN.flatMap((text) => [
      [text],
      ["explain", text],
      [`--${text}`],
      ["deploy", `--${text}`],
      ["db", text],
      ["plan", "a", text],
    ]);
    const finished = await Promise.all(lines.slice(0, 40).map((line) => pgkeep([...line, "--json"])));
    for (const [index, each] of finished.entries()) expectNoCanary(each, lines[index]?.join(" ") ?? "");
  });
});

describe("[D-04] secrets of the environment", () => {
  it("are not in the output of any command, whatever happens", async () => {
    const env = {
      PGPASSWORD: CANARY,
      DATABASE_URL: `postgres://app:${CANARY}@127.0.0.1:1/db`,
      AZURE_CLIENT_SECRET: CANARY,
    };
    using project = temporaryProject();
    for (const words of [
      ["doctor"],
      ["deploy", project.path, "-v"],
      ["config", "show"],
      ["test", project.path, "--json"],
    ]) {
      const { stdout, stderr } = await pgkeep(words, { env });
      expect(stdout + stderr).not.toContain(CANARY);
    }
  });
});
