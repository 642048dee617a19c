/** What connectors share: how errors of the network and of TLS are classed, PEM fields, optional packages. */
import type { z as Zod } from "zod";
import { PgkeepError } from "../base/errors.ts";
import { installCommand } from "../base/install-command.ts";
import { tameLine } from "../base/tame.ts";
import { AddressRefusal } from "../net/address-policy.ts";
import type { NeededPackage } from "./connector.ts";
import { ConnectorFailure, type FailureClass } from "./failures.ts";

/** 300 characters: a broker's own words, without room for anything it echoes at length. */
const MAX_REASON = 300;

/** Text of a foreign error for people: scrubbed, on one line, short. */
export function reasonOf(error: unknown): string {
  return tameLine(error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON);
}

const TLS_CODES =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|ERR_TLS_|ERR_SSL_|ERR_OSSL_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH)/;
/** The peer does not take our certificate, or misses one. */
const OUR_CERTIFICATE =
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED|UNKNOWN_CA|ACCESS_DENIED)$/;
const TIMEOUT_CODES = new Set(["ETIMEDOUT", "ESOCKETTIMEDOUT"]);

/** The class of an error of the network, or undefined for one that is not of the network. Looks through causes. */
export function networkClassOf(error: unknown): FailureClass | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof ConnectorFailure) return at.class;
    if (at instanceof AddressRefusal) return "ssrf_rejected";
    const code = "code" in at && typeof at.code === "string" ? at.code : "";
    if (OUR_CERTIFICATE.test(code)) return "authentication";
    if (TLS_CODES.test(code)) return "tls_verification";
    if (TIMEOUT_CODES.has(code)) return "timeout";
    if (/^E[A-Z]{3,}$/.test(code)) return "unavailable";
  }
  return undefined;
}

/** The refusal of an address behind an error. Other causes are not kept: clients put certificates and requests into them. */
export function refusalIn(error: unknown): AddressRefusal | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof AddressRefusal) return at;
  }
  return undefined;
}

/** A text field with a form of its own. `problemOf` says what is wrong, without the text, which may hold a secret. */
export function checkedText(text: Zod.ZodString, problemOf: (text: string) => string | undefined): Zod.ZodString {
  return text.superRefine((value, { addIssue }) => {
    const message = value === "" ? undefined : problemOf(value);
    if (message !== undefined) addIssue({ code: "custom", message });
  });
}

/** Whether every percent sign begins an escape. */
export function isEscaped(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

/** The field's PEM text. A connector opens no files: what the catalog names is read by the references' rules only. */
export function pemField(value: string | undefined, field: string): string | undefined {
  if (value === undefined || value.includes("-----BEGIN ")) return value;
  throw new ConnectorFailure("invalid_config", `"${field}" holds no PEM text: give it as \${file:/absolute/path}`);
}

/** Loads an optional client. Throws RELAY_PACKAGE_MISSING with the command that installs it. */
export async function loadClient<Module>(needed: NeededPackage, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw error;
    const command = installCommand([`${needed.name}@${needed.range}`]);
    throw new PgkeepError("RELAY_PACKAGE_MISSING", `package "${needed.name}" is not installed`, {
      // Logs and the pipelines' states keep message and detail only.
      detail: `Clients of brokers are optional; this one comes with: ${command}`,
      hint: command,
    });
  }
}

/**
 * `work`, but not longer than `timeoutMs` and not after `signal`. What work does later is dropped; `onEnd` ends what it
 * holds. Throws ConnectorFailure of class timeout or unavailable.
 */
export async function bounded<T>(
  work: Promise<T>,
  limits: { timeoutMs: number; signal: AbortSignal; what: string; onEnd?: () => void },
): Promise<T> {
  work.catch(() => {});
  let timer: NodeJS.Timeout | undefined;
  let stop = () => {};
  const ended = new Promise<never>((_, reject) => {
    const late = () =>
      reject(new ConnectorFailure("timeout", `${limits.what} took longer than ${limits.timeoutMs} ms`));
    timer = setTimeout(late, limits.timeoutMs);
    stop = () => reject(new ConnectorFailure("unavailable", `${limits.what} was ended: the pipeline stops`));
    if (limits.signal.aborted) stop();
    limits.signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, ended]);
  } catch (error) {
    limits.onEnd?.();
    throw error;
  } finally {
    clearTimeout(timer);
    limits.signal.removeEventListener("abort", stop);
  }
}
