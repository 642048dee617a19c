/** Times whole processes, from spawn to exit, and reads their peak memory. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Runs once. Throws with the end of stderr when the process ends with none of `statuses`, so that no failed run is ever
 * a figure.
 */
export function timeProcess(command, args, { cwd, env = {}, input, statuses = [0] } = {}) {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input ? "pipe" : "ignore", "ignore", "pipe"],
    });
    let stderr = "";
    let peakKb = 0;
    child.stderr.on("data", (chunk) => {
      stderr = `${stderr}${chunk}`.slice(-4_000);
    });
    const watch = setInterval(() => {
      peakKb = Math.max(peakKb, peakMemoryKb(child.pid));
    }, 10);
    child.on("error", reject);
    child.on("close", (status) => {
      clearInterval(watch);
      const ms = performance.now() - started;
      if (statuses.includes(status)) resolve({ ms, peakMb: peakKb / 1024 });
      else reject(new Error(`${command} ${args.slice(0, 4).join(" ")} ended with ${status}: ${stderr.slice(-1_500)}`));
    });
    if (input) child.stdin.end(input);
  });
}

/** Highest resident memory so far as the kernel keeps it (VmHWM); 0 where there is no /proc. */
function peakMemoryKb(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Medians of `runs` runs of each subject, taken in turns so that noise of the machine falls on all alike.
 * `subjects` maps a name to an async function that prepares and runs once and returns {ms, peakMb}. A subject that
 * fails is left out of later turns and its error is kept.
 */
export async function inTurns(subjects, runs) {
  const results = new Map(Object.keys(subjects).map((name) => [name, { ms: [], peakMb: 0, error: undefined }]));
  for (let turn = 0; turn < runs; turn++) {
    for (const [name, run] of Object.entries(subjects)) {
      const result = results.get(name);
      if (result.error) continue;
      try {
        const { ms, peakMb } = await run(turn);
        result.ms.push(ms);
        result.peakMb = Math.max(result.peakMb, peakMb ?? 0);
      } catch (error) {
        result.error = error;
      }
    }
  }
  return new Map(
    [...results].map(([name, { ms, peakMb, error }]) => [name, { ms: error ? undefined : median(ms), peakMb, error }]),
  );
}
