/** PUBLIC as flags and arguments name it. */

/** No role can be called so, whatever its case. */
export const PUBLIC_NAME = "public";
