/**
 * Assertions about our own code. One that fails is a bug in pgkeep, never a mistake of the person who runs it, and it
 * is meant to crash: the command ends with the exit status of an internal error and a report.
 */
export function assert(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new BrokenAssumption(claim);
}

export class BrokenAssumption extends Error {
  constructor(claim: string) {
    super(`broken assumption: ${claim}`);
    this.name = "BrokenAssumption";
  }
}
