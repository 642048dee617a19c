/** The failure of a run, with everything that is known of the run. */
import { PgkeepError } from "../../base/errors.ts";
import type { DeployReport } from "./report.ts";

/** Keys of the report that the error has as parts of its own; programs that print errors take them from there. */
const OWN_PARTS = new Set(["status", "exitCode", "error", "code", "state", "sqlstate", "detail", "hint", "where"]);

export class DeployFailure extends PgkeepError {
  readonly report: DeployReport;

  constructor(error: PgkeepError, report: DeployReport) {
    const data = Object.fromEntries(
      Object.entries({ ...error.parts.data, ...report }).filter(
        ([key, value]) => value !== undefined && !OWN_PARTS.has(key),
      ),
    );
    super(error.code, error.message, { ...error.parts, data });
    this.name = "DeployFailure";
    this.report = report;
  }
}
