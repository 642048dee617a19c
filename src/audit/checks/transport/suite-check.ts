/** Checks that look at every cipher suite that the server took, one by one. */
import type { Check, Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import type { AcceptedSuite } from "../../facts/probe.ts";
import { requireAnswers } from "../probes.ts";
import { GOOD_CIPHERS } from "./cipher-list.ts";
import { seenFrom, tlsProbe } from "./tls-probe.ts";

interface SuiteCheckParts extends Omit<Check, "examine" | "scope" | "needs"> {
  /** What is wrong with a suite of this name; undefined: nothing. */
  judge(name: string): string | undefined;
}

/** Without probes the one suite of our own line still shows a defect, and never the lack of one. */
export function suiteCheck({ judge, ...parts }: SuiteCheckParts): Check {
  return {
    ...parts,
    scope: "cluster",
    needs: [],
    examine: async (facts): Promise<Found[]> => {
      const own = ownSuite(facts, judge);
      if (!facts.has("network") && own !== undefined) return [own];
      const probe = await tlsProbe(facts);
      const found = foundIn(probe.suites, judge).map((each) => ({
        ...each,
        detail: `${each.detail}, ${seenFrom(probe)}`,
      }));
      if (found.length === 0) requireAnswers(probe, ["SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2"]);
      return found;
    },
  };
}

function ownSuite(facts: Facts, judge: SuiteCheckParts["judge"]): Found | undefined {
  const { tls } = facts.line();
  const wrong = tls === undefined ? undefined : judge(tls.cipher);
  return tls === undefined || wrong === undefined
    ? undefined
    : { object: tls.cipher, detail: `${wrong}; this very connection agreed on it in ${tls.protocol}`, fix: FIX };
}

/** Each suite once, with the versions in which it was taken. */
function foundIn(suites: readonly AcceptedSuite[], judge: SuiteCheckParts["judge"]): Found[] {
  const names = [...new Set(suites.map(({ name }) => name))].sort();
  return names.flatMap((name) => {
    const wrong = judge(name);
    if (wrong === undefined) return [];
    const versions = suites.filter((suite) => suite.name === name).map(({ version }) => version);
    return [{ object: name, detail: `${wrong}; taken in ${versions.join(", ")}`, fix: FIX }];
  });
}

const FIX: Found["fix"] = {
  kind: "setting",
  name: "ssl_ciphers",
  value: GOOD_CIPHERS,
  needsRestart: false,
  risk: "medium",
  riskReason: "clients that know only older ciphers can no longer connect",
};
