/** HST-006: PGPASSWORD in files that shells read, and in environments of running processes. */
import { join } from "node:path";
import { Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { namesIn, tailOf } from "../../facts/files.ts";
import type { HostFacts } from "../../facts/host.ts";
import { lookAtEach } from "./looking.ts";

/** 1 MiB of one file. */
const MAX_BYTES = 1024 * 1024;

const SYSTEM_FILES = ["environment", "profile", "bash.bashrc", "bashrc", "zshenv", "zsh/zshenv", "csh.login"];
const HOME_FILES = [
  ".bash_login",
  ".bash_profile",
  ".bashrc",
  ".cshrc",
  ".kshrc",
  ".pam_environment",
  ".profile",
  ".zprofile",
  ".zshenv",
  ".zshrc",
];

const VARIABLES = ["PGPASSWORD", "PGSSLPASSWORD"];
/** An assignment of a constant; one of another variable or of a program's output holds no secret. */
const ASSIGNMENT =
  /^[ \t]*(?:export[ \t]+|setenv[ \t]+|set[ \t]+-gx[ \t]+)?(PGPASSWORD|PGSSLPASSWORD)[ \t=]+["']?[^\s"'$`]/;

export default defineCheck({
  id: "HST-006",
  title: "PGPASSWORD in profiles or process environments",
  severity: "medium",
  why:
    "A variable is inherited by every program that is started afterwards, stands in crash reports and debug output, and can be " +
    "read by root and by all processes of the account for as long as they run.",
  remedy: "Use a passfile with mode 0600, a secret store, or a login without a password such as peer or a certificate.",
  limits:
    "Names are told and no values. The environment of another account's process is shown to root alone, and inside a " +
    "container only to a root with CAP_SYS_PTRACE; processes outside of the container are not seen at all. A process is told " +
    "by its name and account, because its number changes.",
  references: { cis: ["1.6", "1.7"], manual: ["Environment Variables"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off", dev: "low" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  return await lookAtEach([() => lookAtEach(filesOf(host), inFile), () => inProcesses(host)], (look) => look());
}

function filesOf(host: HostFacts): string[] {
  const profiles = namesIn(join(host.etc, "profile.d")) ?? [];
  return [
    ...SYSTEM_FILES.map((name) => join(host.etc, name)),
    ...profiles.map((name) => join(host.etc, "profile.d", name)),
    ...host.accounts().flatMap(({ home }) => HOME_FILES.map((name) => join(home, name))),
  ];
}

function inFile(path: string): Found[] {
  return (tailOf(path, MAX_BYTES)?.text ?? "").split("\n").flatMap((text, index) => {
    const name = ASSIGNMENT.exec(text)?.[1];
    if (name === undefined) return [];
    const line = index + 1;
    return [{ object: `${path}: ${name}`, detail: `set on line ${line}`, place: { file: path, line }, fix: WORDS }];
  });
}

const WORDS: Found["fix"] = {
  kind: "words",
  text: "Put the password into a passfile with mode 0600, take the variable out, and change the password.",
};

function inProcesses(host: HostFacts): Found[] {
  const pids = new Map<string, number[]>();
  let hidden = 0;
  for (const { pid, uid, name, variables } of host.processes()) {
    if (variables === undefined) hidden++;
    for (const variable of VARIABLES.filter((each) => variables?.includes(each))) {
      const object = `process ${name} of ${host.accountName(uid)}: ${variable}`;
      pids.set(object, [...(pids.get(object) ?? []), pid]);
    }
  }
  if (pids.size === 0 && hidden > 0) {
    throw unseen(hidden, host);
  }
  return [...pids].map(([object, numbers]) => ({
    object,
    detail: `pid ${numbers.slice(0, 5).join(", ")}`,
    fix: WORDS,
  }));
}

/** Who is root already gains nothing by coming again as root: what is missing is a capability. */
function unseen(hidden: number, { isRoot }: HostFacts): Unanswered {
  const whose = hidden === 1 ? "the environment of 1 process" : `the environments of ${hidden} processes`;
  const reason = `${whose} may not be looked at`;
  return isRoot
    ? new Unanswered(`${reason}: this root has no CAP_SYS_PTRACE, as in most containers`)
    : new Unanswered(reason, "host");
}
