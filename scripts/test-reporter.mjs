/**
 * Vitest reporter that hands scripts/test.mjs what it counts: passed, failed and skipped tests, a skip with the reason
 * that the test gave (`context.skip("why")`), and the servers that connectors were tested against. Written as JSON to the file that PGKEEP_TEST_RESULTS names.
 */
import { writeFileSync } from "node:fs";

export default class CountingReporter {
  passed = 0;
  failed = [];
  skipped = [];
  /** By "sink redis": the server, or why there was none. */
  connectors = new Map();

  onTestCaseResult(testCase) {
    const { state, note } = testCase.result();
    const { connector } = testCase.meta();
    if (connector?.server || (connector && !this.connectors.has(connector.name))) {
      this.connectors.set(connector.name, connector);
    }
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
    const { passed, failed, skipped } = this;
    if (path)
      writeFileSync(path, JSON.stringify({ passed, failed, skipped, connectors: [...this.connectors.values()] }));
  }
}
