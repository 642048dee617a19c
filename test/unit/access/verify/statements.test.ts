/** The SQL of probes, with names put in. */
import { describe, expect, it } from "vitest";
import { definitions, probeStatement } from "../../../../src/access/verify/statements.ts";

describe("the statement of a probe", () => {
  it("has the names in it, and no semicolon", () => {
    expect(probeStatement("create index", { object: '"app"."t"', column: '"a:name"' })).toBe(
      'create index on "app"."t" ("a:name")',
    );
  });

  it("takes names as they are, whatever they hold", () => {
    const name = '"$& :name $1"';

    expect(probeStatement("drop table", { object: name })).toBe(`drop table ${name}`);
  });

  it("is refused for a probe that is not there, and without its names", () => {
    expect(() => probeStatement("drop universe", {})).toThrow();
    expect(() => probeStatement("drop table", {})).toThrow();
  });
});

describe("the definitions", () => {
  it("stand in the schema that is named, and keep pg_temp out of its reach in search_path", () => {
    const text = definitions('"probe"', "_3");

    expect(text).toContain('create function "probe".pgkeep_probe_3(');
    expect(text).toContain('create function "probe".pgkeep_become_3(');
    expect(text).not.toContain("pg_temp.");
    expect(text).toContain("set search_path = pg_catalog, pg_temp");
  });
});
