/** Acting as a superuser is the end of every path; inheriting from one is not, because attributes are not inherited. */
import { ident } from "../../../pg/identifiers.ts";
import { BOOTSTRAP_OID } from "../../catalog/snapshot.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { being, goal } from "../graph.ts";

export default defineEdgeRule({
  name: "superuser",
  summary: "A role with the SUPERUSER attribute may do everything.",
  *edges({ snapshot }) {
    for (const { name, superuser, oid } of snapshot.roles.values()) {
      if (!superuser) continue;
      yield {
        from: being(name),
        to: goal("superuser"),
        evidence: `"${name}" is a superuser`,
        remove: oid === BOOTSTRAP_OID ? undefined : `alter role ${ident(name)} nosuperuser`,
      };
    }
    yield {
      from: goal("superuser"),
      to: goal("server account"),
      evidence: "a superuser runs programs as the server's account",
    };
    yield {
      from: goal("server account"),
      to: goal("server files"),
      evidence: "the server's account reads the server's files",
    };
    yield {
      from: goal("server account"),
      to: goal("superuser"),
      evidence: "the server's account can edit pg_hba.conf and the data directory",
    };
    yield { from: goal("superuser"), to: goal("secrets"), evidence: "a superuser reads every stored password" };
    yield { from: goal("superuser"), to: goal("replication"), evidence: "a superuser may replicate" };
  },
});
