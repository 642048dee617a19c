/** ROL-010: passwords that are the role's name or a word everybody tries. Neither the word nor the hash is ever shown. */
import { systemClock } from "../../../base/clock.ts";
import { Unanswered } from "../../answers.ts";
import { defineCheck } from "../../check.ts";
import { notOfProvider } from "./provider-roles.ts";
import { findTrivial } from "./trivial-passwords.ts";

/** Superusers and logins first: they are tried when time is short. */
const SQL = `
  select pg_catalog.quote_ident(a.rolname) as object,
         a.rolname as role,
         a.rolpassword as stored
    from pg_catalog.pg_authid as a
    join pg_catalog.pg_roles as r on r.rolname = a.rolname
   where a.rolpassword is not null
     and ${notOfProvider("a.rolname")}
   order by r.rolsuper desc, r.rolcanlogin desc, a.rolname`;

export default defineCheck({
  id: "ROL-010",
  title: "password is the role name or a trivial word",
  severity: "critical",
  why: "Such a password is among the first ten that anybody tries. No hash and no number of rounds helps against that.",
  remedy: "Set a long random password, best as a verifier made on the client: pgkeep access password.",
  limits:
    "The stored hashes are compared with a handful of words, on this side and without a login. Verifiers that cost more " +
    "than a million rounds are not tried, nor is anything after five seconds: then the answer is unknown.",
  references: { cis: ["5.6"] },
  scope: "cluster",
  needs: ["pg_authid"],
  examine: async (facts) => {
    const rows = await facts.query(SQL);
    const passwords = rows.map(({ object, role, stored }) => ({
      object: object ?? "",
      role: role ?? "",
      stored: stored ?? "",
    }));
    const { trivial, untried } = await findTrivial(passwords, systemClock);
    if (trivial.length === 0 && untried > 0) {
      throw new Unanswered(
        `${untried} of ${passwords.length} stored passwords cost too much to try, or have an unknown form`,
      );
    }
    return trivial.map(({ object }) => ({
      object,
      detail: "the password is the role's name or one of a few words",
      fix: { kind: "words", text: "set a long random password now, and look in the log for logins of this role" },
    }));
  },
});
