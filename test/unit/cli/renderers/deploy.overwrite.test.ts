/** What a person reads before and while a database is replaced. */
import { describe, expect, it } from "vitest";
import { deployProgress } from "../../../../src/cli/renderers/deploy.run.ts";

const VIEW = {
  colour: false,
  ascii: false,
  width: 80,
  isTerminal: true,
  isFitted: true,
  verbose: false,
  quiet: false,
  program: "pgmi",
  elapsedMs: 0,
} as const;

const shown = (event: { type: string; [field: string]: unknown }) =>
  deployProgress({ database: "shop", ...event }, VIEW);

describe("overwriting, as it is told", () => {
  it("[CL-15] warns before the question", () => {
    expect(shown({ type: "database.overwrite_warning" })).toMatch(/^WARNING: .*"shop"/);
  });

  it("[CL-16] is one line with --force and no terminal", () => {
    expect(shown({ type: "database.overwrite_forced", countdown_seconds: 0, banner: false })).toBe(
      '--force: dropping and recreating "shop"',
    );
  });

  it("[CL-16] is a banner and a countdown with --force on a terminal", () => {
    const banner = shown({ type: "database.overwrite_forced", countdown_seconds: 5, banner: true });
    expect(banner).toContain("WARNING");
    expect(banner).toContain('--force: dropping and recreating "shop"');
    expect(shown({ type: "database.overwrite_countdown", seconds_left: 4 })).toContain("4");
  });

  it("[D-16] shows control characters of a name instead of obeying them", () => {
    expect(shown({ type: "database.overwrite_warning", database: "a\u001b[2Jb" })).not.toContain("\u001b");
  });

  it("[CL-14] says when it is done, and when there was nothing to replace", () => {
    expect(shown({ type: "database.recreated" })).toBe('Recreated database "shop"');
    expect(shown({ type: "database.creating" })).toBe('Database "shop" does not exist; creating');
  });
});
