/**
 * What an audit finds in the other processes of the machine that runs the tests. They come and go between two runs, other
 * tests' clients with their passwords among them, so those findings are nobody's where a whole server is judged.
 */
import { systemClock } from "../../../src/base/clock.ts";

const MACHINE_CHECKS = ["HST-006", "HST-007", "HST-015"];

/** A day that waivers may name, `YYYY-MM-DD`. */
export const inTenDays = () => new Date(systemClock.now().getTime() + 10 * 86_400_000).toISOString().slice(0, 10);

/** A file of waivers for those checks. */
export function waiversOfTheMachine(): string {
  const accepted = `object: "*", reason: not ours, owner: nobody, expires: ${inTenDays()}`;
  return `waivers:\n${MACHINE_CHECKS.map((check) => `  - { check: ${check}, ${accepted} }\n`).join("")}`;
}
