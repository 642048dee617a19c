/** What ended a worker, in the words of status and log, and whether waiting helps. */
import { describe, expect, it } from "vitest";
import { PgkeepError } from "../../../../src/base/errors.ts";
import { ServerError } from "../../../../src/pg/session.ts";
import { diagnosisOf } from "../../../../src/relay/engine/pipeline-status.ts";

const server = (sqlstate: string) => new ServerError({ message: "no", severity: "ERROR", sqlstate });

describe("the diagnosis of a worker's end", () => {
  it.each([
    ["a missing right", server("42501"), "PGTIDE_POSTGRES_AUTHORIZATION", false],
    ["a missing function", server("42883"), "PGTIDE_CATALOG_MISSING", false],
    ["a missing table", server("42P01"), "PGTIDE_CATALOG_MISSING", false],
    ["a missing column", server("42703"), "PGTIDE_CATALOG_MISSING", false],
    ["a server that shuts down", server("57P01"), "PGTIDE_POSTGRES_UNAVAILABLE", true],
    ["a lost connection", new PgkeepError("CONNECT_LOST", "gone"), "PGTIDE_POSTGRES_UNAVAILABLE", true],
    ["a wrong configuration", new PgkeepError("RELAY_PIPELINE_INVALID", "no"), "PGTIDE_PIPELINE_INVALID", false],
    ["a bug", new TypeError("x is not a function"), "PGTIDE_INTERNAL_FAILURE", true],
  ])("of %s says what to do about it", (_, error, code, isTransient) => {
    expect(diagnosisOf(error)).toMatchObject({ code, isTransient });
  });
});
