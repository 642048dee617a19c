/** HST-014: the server's account can be logged in to with a password. */
import { shellWord } from "../../../base/shell.ts";
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";

export default defineCheck({
  id: "HST-014",
  title: "server account has an interactive password",
  severity: "low",
  why:
    "The account owns every file of the cluster and is usually superuser by peer authentication. A password for it is one more " +
    "way in, which services try from everywhere.",
  remedy: "Lock the password; work as the account with sudo, which leaves a trace of who did.",
  limits: "Only root may know. Accounts that the machine takes from a directory service are not known.",
  references: { cis: ["4.1"], manual: ["The PostgreSQL User Account"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  if (host.serverUid === undefined) throw new Unanswered("the server's account was not found");
  const account = host.accountName(host.serverUid);
  const state = host.passwordState(account);
  if (state === "locked") return [];
  const detail = state === "none" ? "no password is asked for" : "a password is set";
  return [
    {
      object: `account ${account}`,
      detail,
      severity: state === "none" ? "high" : "low",
      fix: { kind: "shell", commands: [`passwd -l ${shellWord(account)}`], risk: "low" },
    },
  ];
}
