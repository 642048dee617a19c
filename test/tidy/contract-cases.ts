/**
 * The observable cases that a project written for pgmi relies on; each has a test that carries its id in its name.
 *
 * SA = what a deploy.sql sees in its session, XC = how the script is executed, MC = the test macro and its plan,
 * PM = parameters, CL = the command line, BX = where we are better than the reference on purpose, TL = the other
 * commands. The reference's TP cases describe its "advanced" template, which we do not ship, so they are left out.
 *
 * VM = rows of the access verification matrix.
 */

/** "XC", 1, 3 -> XC-01, XC-02, XC-03. */
function range(area: string, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${area}-${String(from + index).padStart(2, "0")}`);
}

export const CONTRACT_CASES: readonly string[] = [
  ...range("SA", 1, 22),
  "SA-25",
  ...range("XC", 1, 26),
  ...range("MC", 1, 17),
  ...range("PM", 1, 9),
  ...range("CL", 4, 5),
  ...range("CL", 7, 31),
  ...range("BX", 1, 23),
  ...range("TL", 1, 12),
  ...range("VM", 1, 30),
];

/**
 * What access must hold: ACC = acceptance, GT = traps of GRANT and REVOKE, VM = rows of the verification matrix, PE = ways
 * to escalate.
 */
export const ACCESS_CASES: readonly string[] = [
  ...range("ACC", 1, 9),
  ...range("GT", 1, 18),
  ...range("VM", 1, 30),
  ...range("PE", 1, 13),
];
