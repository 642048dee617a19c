/** PRV-017: large objects that everybody may read or write. */
import { defineCheck } from "../../check.ts";
import { wrong } from "../setting-check.ts";
import { type GrantSource, grantsCheck } from "./grants.ts";
import { foundAndMore } from "./partial-answers.ts";

const LARGE_OBJECTS: GrantSource = {
  kind: "'large-object'",
  from: "pg_catalog.pg_largeobject_metadata as m",
  acl: "m.lomacl",
  owner: "m.lomowner",
  object: "'large object ' || m.oid",
  name: "m.oid",
};

const RISK = "roles that used large objects without a grant lose access to them";

const granted = grantsCheck({
  id: "PRV-017",
  title: "large objects are open",
  severity: "medium",
  why:
    "lo_compat_privileges switches the privileges of all large objects off for everybody. A grant to PUBLIC does it for " +
    "one. Their content, often documents and pictures, is then open to every login.",
  remedy: "Switch lo_compat_privileges off and revoke grants to PUBLIC.",
  references: { manual: ["Version and Platform Compatibility", "Large Objects"] },
  grants: () => [{ source: LARGE_OBJECTS, entry: "a.grantee = 0" }],
  detail: ({ privileges }) => `PUBLIC has ${privileges.join(", ")}`,
  risk: "medium",
  riskReason: "roles that have no grant of their own lose access to it",
});

export default defineCheck({
  ...granted,
  examine: async (facts) =>
    await foundAndMore(await granted.examine(facts), async () => {
      const setting = (await facts.settings()).get("lo_compat_privileges");
      return setting.value === "on" ? [wrong(setting, { to: "off", risk: "medium", riskReason: RISK })] : [];
    }),
});
