/**
 * The firewall of this machine, as far as its own rules tell: whether anything filters what comes in to a port.
 *
 * The rules are asked for with the system's own programs, at fixed paths and without a shell; only root is told. What
 * this cannot see (a firewall of the cloud, of another machine, of a container's host) is the caller's to say.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface Firewall {
  /** The program whose rules were read: "nft", "iptables". */
  program: string;
  /** Something filters: packets are dropped unless a rule lets them pass, or a rule names the port. */
  filters: boolean;
}

/** Runs one program; throws when it is missing or fails. */
export type RunProgram = (path: string, args: readonly string[]) => Promise<string>;

/** 5 s: listing rules takes milliseconds, also with thousands of them. */
const TIMEOUT_MS = 5000;
/** 16 MiB of rules. */
const MAX_BYTES = 16 * 1024 * 1024;

const FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin"] as const;

const runFile = promisify(execFile);

const runProgram: RunProgram = async (path, args) => {
  const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES, env: { LC_ALL: "C" }, encoding: "utf8" as const };
  return (await runFile(path, [...args], options)).stdout;
};

/** The firewall as to a port; undefined when no program tells its rules. */
export async function readFirewall(port: number, run: RunProgram = runProgram): Promise<Firewall | undefined> {
  const nft = await outputOf(run, "nft", ["list", "ruleset"]);
  if (nft !== undefined && filtersByNft(nft, port)) return { program: "nft", filters: true };
  const iptables = await outputOf(run, "iptables-save", []);
  if (iptables !== undefined && filtersByIptables(iptables, port)) return { program: "iptables", filters: true };
  const program = nft === undefined ? iptables && "iptables" : "nft";
  // Rules of iptables may stand where nft does not show them, so both have to be silent, or one missing altogether.
  return program === undefined || program === "" ? undefined : { program, filters: false };
}

async function outputOf(run: RunProgram, name: string, args: readonly string[]): Promise<string | undefined> {
  for (const folder of FOLDERS) {
    try {
      return await run(`${folder}/${name}`, args);
    } catch {
      // Missing there, or not to be told: the next place, and in the end no answer.
    }
  }
  return undefined;
}

/** A chain that hooks into input and drops by policy, or a rule of the port that drops or rejects. */
function filtersByNft(rules: string, port: number): boolean {
  const chains = rules.split(/^\s*chain /m).slice(1);
  return chains.some((chain) => {
    if (!/hook input\b/.test(chain)) return false;
    return (
      /policy drop;/.test(chain) ||
      chain.split("\n").some((line) => namesPort(line, port) && refuses(line)) ||
      endsInRefusal(chain)
    );
  });
}

function filtersByIptables(rules: string, port: number): boolean {
  const lines = rules.split("\n");
  if (lines.some((line) => /^:INPUT (DROP|REJECT)\b/.test(line))) return true;
  const input = lines.filter((line) => line.startsWith("-A INPUT "));
  return input.some((line) => refuses(line) && (namesPort(line, port) || /^-A INPUT -j (DROP|REJECT)/.test(line)));
}

/** A rule without a condition that refuses what no other rule took. */
const endsInRefusal = (chain: string): boolean =>
  /^\s*(?:counter(?: packets \d+ bytes \d+)? )?(?:drop|reject)\b[^\n]*$/m.test(chain);

const refuses = (line: string): boolean => /\b(?:drop|reject)\b/i.test(line);

function namesPort(line: string, port: number): boolean {
  return new RegExp(`\\b(?:dport|dports)\\b[^\\n]*\\b${port}\\b`).test(line);
}
