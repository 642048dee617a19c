/** Other servers that this one connects to: which of them are on the same host, and whether it verifies them. */

export function isLocalHost(host: string): boolean {
  return /^(\/|@|localhost$|127\.|::1$)/i.test(host);
}

/** Whether a connection with this mode proves who answers, at least by its authority. */
export function verifies(sslmode: string | undefined): boolean {
  return sslmode === "verify-ca" || sslmode === "verify-full";
}
