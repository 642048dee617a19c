/**
 * Stored passwords of foreign servers: whoever has USAGE on the server sees the password of its own mapping. And a
 * mapping that needs no password enters the other server as this server's process.
 */
import { PUBLIC } from "../../privileges/acl.ts";
import { defineEdgeRule } from "../edge-rule.ts";
import { grantee } from "../grantee-sql.ts";
import { goal, roleText, using } from "../graph.ts";

export default defineEdgeRule({
  name: "foreign-server",
  summary: "A user mapping shows its password to its own role, and without password_required it needs none.",
  *edges({ snapshot, facts, holders }) {
    const servers = new Map(snapshot.objects["foreign-server"].map((server) => [server.name, server]));
    for (const mapping of facts.userMappings) {
      const server = servers.get(mapping.server);
      if (!server) continue;
      const users = holders.of(server, ["usage"], false);
      const mapped = mapping.role === PUBLIC ? users : users.filter((role) => mayUse(role, mapping.role));
      for (const role of mapped) {
        if (snapshot.roles.get(role)?.superuser) continue;
        const remove =
          role === server.owner ? undefined : `revoke usage on foreign server ${server.sql} from ${grantee(role)}`;
        // The mapping's own role sees its options; a mapping for PUBLIC is shown to the server's owner alone.
        const seer = mapping.role === PUBLIC ? server.owner : mapping.role;
        if (mapping.hasPassword && seer !== undefined) {
          const evidence = `"${seer}" sees the password stored for it in the user mapping of server "${server.name}"`;
          yield { from: using(seer), to: goal("secrets"), evidence, remove };
        }
        if (mapping.needsNoPassword) {
          yield {
            from: using(role),
            to: goal("superuser"),
            evidence: `${roleText(role)} may use server "${server.name}", whose mapping needs no password`,
            strength: "conditional",
            condition: "that server lets this server's account in without a password (peer, ident, trust)",
            remove,
          };
        }
      }
    }

    function mayUse(holder: string, role: string): boolean {
      return holder === PUBLIC || holder === role || holders.inherited(role).has(holder);
    }
  },
});
