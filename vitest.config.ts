/**
 * Four kinds of tests, by what they need: tidy (the repository), unit (nothing), pg (a PostgreSQL server), system (the
 * built package and its processes). Three workers everywhere: the machines this runs on have two cores, and tests spend a
 * third of their time waiting for servers, brokers and clocks.
 */
import { defineConfig } from "vitest/config";

const project = (name: string, testTimeout: number) => ({
  extends: true as const,
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: Math.max(testTimeout, 30_000) },
});

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 3,
    // A terminal's colours and a CI's variables must not change what is tested, nor tests what is in a person's cache.
    env: { NO_COLOR: "1", FORCE_COLOR: "", CI: "", PGKEEP_NO_CODE_CACHE: "1" },
    // Generous: a busy machine must not turn a promise that holds into a failure.
    projects: [project("tidy", 60_000), project("unit", 20_000), project("pg", 120_000), project("system", 180_000)],
    // The default of 1 s is a clock that decides; what never comes true fails as surely after 15.
    expect: { poll: { timeout: 15_000 } },
    coverage: { provider: "v8", include: ["src/**/*.ts"], reporter: ["text", "json-summary"] },
  },
});
