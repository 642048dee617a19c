/** The statements that give a database its attributes, word by word. */
import { describe, expect, it } from "vitest";
import type { DatabaseAttributes } from "../../../../src/pg/database/attributes.ts";
import { createLike, differences, restoreAttributes, takeOver } from "../../../../src/pg/database/statements.ts";

const PLAIN: DatabaseAttributes = {
  oid: "16384",
  name: "shop",
  owner: "boss",
  encoding: "UTF8",
  localeProvider: "libc",
  collate: "C",
  characterType: "C",
  locale: undefined,
  icuRules: undefined,
  tablespace: "pg_default",
  connectionLimit: -1,
  allowsConnections: true,
  isTemplate: false,
  acl: undefined,
  settings: [],
  comment: undefined,
  labels: [],
};

const create = (like: DatabaseAttributes) => createLike({ name: "new", like, template1: PLAIN });

describe("creating a replacement", () => {
  it("says nothing that template1 has already, so that its contents are copied", () => {
    expect(create(PLAIN)).toBe('create database "new" owner "boss" allow_connections false');
  });

  it("copies template0 when encoding or locale differ", () => {
    expect(create({ ...PLAIN, encoding: "LATIN1" })).toBe(
      `create database "new" owner "boss" allow_connections false template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' locale_provider libc`,
    );
  });

  it("leaves the provider out for servers that know none", () => {
    const old = { ...PLAIN, localeProvider: undefined };
    const sql = createLike({ name: "new", like: { ...old, collate: "POSIX" }, template1: old });
    expect(sql).toContain("lc_collate 'POSIX'");
    expect(sql).not.toContain("locale_provider");
  });

  it("names the locale as its provider does", () => {
    const icu = create({ ...PLAIN, localeProvider: "icu", locale: "de-AT", icuRules: "&a < 'b'" });
    expect(icu).toContain("locale_provider icu icu_locale 'de-AT' icu_rules '&a < ''b'''");
    expect(create({ ...PLAIN, localeProvider: "builtin", locale: "C.UTF-8" })).toContain("builtin_locale 'C.UTF-8'");
  });

  it("names the tablespace only when it is another, because naming one needs a right on it", () => {
    expect(create({ ...PLAIN, tablespace: 'fast "disk"' })).toContain('tablespace "fast ""disk"""');
  });
});

describe("restoring attributes", () => {
  it("has nothing to do for a plain database", () => {
    expect(restoreAttributes("new", PLAIN)).toEqual([]);
  });

  it("[BX-04] builds the access list from nothing, as each grantor", () => {
    const grant = (grantor: string, grantee: string | undefined, isGrantable = false) => ({
      grantor,
      grantee,
      privilege: "CONNECT",
      isGrantable,
    });
    const acl = [grant("boss", undefined), grant("boss", "app", true), grant("app", 'gu"est')];
    expect(restoreAttributes("new", { ...PLAIN, acl })).toEqual([
      'revoke all on database "new" from public, "boss"',
      'grant connect on database "new" to public',
      'grant connect on database "new" to "app" with grant option',
      'set local role "app"',
      'grant connect on database "new" to "gu""est"',
      "reset role",
    ]);
  });

  it("[BX-05][BX-06] writes list settings element by element, and others as one text", () => {
    const settings = [
      { role: undefined, entries: ['search_path="$user", public', "datestyle=ISO, DMY", "my.opt=a=b"] },
      { role: "app", entries: ["work_mem=1MB"] },
    ];
    expect(restoreAttributes("new", { ...PLAIN, settings })).toEqual([
      `alter database "new" set "search_path" to '$user', 'public'`,
      `alter database "new" set "datestyle" to 'ISO, DMY'`,
      `alter database "new" set "my"."opt" to 'a=b'`,
      `alter role "app" in database "new" set "work_mem" to '1MB'`,
    ]);
  });

  it("restores comment, labels, limit and template mark", () => {
    const labels = [{ provider: "selinux", label: "system_u:object_r:db_t:s0" }];
    const statements = restoreAttributes("new", {
      ...PLAIN,
      comment: "it's",
      labels,
      connectionLimit: 0,
      isTemplate: true,
    });
    expect(statements).toEqual([
      `comment on database "new" is 'it''s'`,
      `security label for "selinux" on database "new" is 'system_u:object_r:db_t:s0'`,
      `alter database "new" connection limit 0`,
      `alter database "new" is_template true`,
    ]);
  });

  it("opens the database only when it was open", () => {
    expect(takeOver("new", PLAIN)).toHaveLength(2);
    expect(takeOver("new", { ...PLAIN, allowsConnections: false })).toEqual(['alter database "new" rename to "shop"']);
  });
});

describe("comparing a replacement with its original", () => {
  it("ignores the name, openness and orders without meaning", () => {
    const acl = ["a", "b"].map((grantee) => ({ grantor: "boss", grantee, privilege: "CONNECT", isGrantable: false }));
    const settings = [{ role: undefined, entries: ["a=1", "search_path="] }];
    const made = [{ role: undefined, entries: ['search_path=""', "a=1"] }];
    expect(
      differences(
        { ...PLAIN, name: "new", allowsConnections: false, acl: acl.toReversed(), settings: made },
        { ...PLAIN, acl, settings },
      ),
    ).toEqual([]);
  });

  it("names what differs", () => {
    expect(differences({ ...PLAIN, comment: "x", owner: "app" }, PLAIN)).toEqual(["owner", "comment"]);
    expect(differences({ ...PLAIN, acl: [] }, PLAIN)).toEqual(["acl"]);
  });
});
