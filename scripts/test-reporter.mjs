/**
 * Vitest reporter that hands scripts/test.mjs what it counts: passed, failed and skipped tests, a skip with the reason
 * that the test gave (`context.skip("why")`). Written as JSON to the file that PGKEEP_TEST_RESULTS names.
 */
import { writeFileSync } from "node:fs";

export default class CountingReporter {
  passed = 0;
  failed = [];
  skipped = [];

  onTestCaseResult(testCase) {
    const { state, note } = testCase.result();
    const name = `${testCase.module.relativeModuleId ?? testCase.module.moduleId} > ${testCase.fullName}`;
    if (state === "passed") this.passed += 1;
    else if (state === "failed") this.failed.push(name);
    else this.skipped.push({ test: name, reason: note ?? "" });
  }

  onTestRunEnd(modules, unhandledErrors) {
    for (const module of modules) {
      if (module.errors().length > 0)
        this.failed.push(`${module.relativeModuleId ?? module.moduleId} could not be loaded`);
      for (const suite of module.children.allSuites()) {
        if (suite.errors().length > 0) this.failed.push(`${suite.fullName} (hook)`);
      }
    }
    for (const error of unhandledErrors) this.failed.push(`unhandled: ${String(error.message).split("\n")[0]}`);
    const path = process.env.PGKEEP_TEST_RESULTS;
    if (path) writeFileSync(path, JSON.stringify({ passed: this.passed, failed: this.failed, skipped: this.skipped }));
  }
}
