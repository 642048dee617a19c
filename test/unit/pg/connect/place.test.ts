/** Where a command went, as flags again. */
import { describe, expect, it } from "vitest";
import { placeFlags } from "../../../../src/pg/connect/place.ts";

describe("the place of a command", () => {
  it("is said by the flags that said it, in the form of the shortest", () => {
    expect(placeFlags({ embedded: true, database: "shop" })).toEqual(["--embedded", "-d shop"]);
    expect(
      placeFlags({ host: "db.example", port: 5433, username: "ops", sslmode: "verify-full", sslrootcert: "/c/ca.pem" }),
    ).toEqual(["-h db.example", "-p 5433", "-U ops", "--sslmode verify-full", "--sslrootcert /c/ca.pem"]);
    expect(placeFlags({ config: "other.yaml", env: "prod" })).toEqual(["--config other.yaml", "--env prod"]);
    expect(placeFlags({})).toEqual([]);
  });

  it("[D-04] never repeats a connection string", () => {
    const flags = placeFlags({ connection: "postgres://app:hunter2-secret@db/shop" });
    expect(flags).toEqual(["--connection '(as before)'"]);
  });

  it("can be pasted whatever the names are", () => {
    expect(placeFlags({ database: "it's; rm -rf ~", username: "a\nb" })).toEqual([
      "-U 'a⏎b'",
      "-d 'it'\\''s; rm -rf ~'",
    ]);
  });
});
