/** Both halves of the advisory lock that a run holds: "pgkp" and "accs" in ASCII. Part of the documented interface. */
export const APPLY_LOCK: readonly [number, number] = [0x70676b70, 0x61636373];
