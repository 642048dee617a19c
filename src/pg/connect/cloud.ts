/**
 * Which cloud identity a connection uses, if any: flag > environment > configuration file.
 *
 * The catalogue of methods and the clouds' libraries are loaded only when one is chosen.
 */
import type { Clock } from "../../base/clock.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { Environment } from "../../config/environment.ts";
import type { AuthLocation, AuthOptions } from "../auth/auth-method.ts";
import type { ConnectionSettings } from "../session.ts";
import type { ConnectionRequest } from "./input.ts";
import type { ConnectionFileSettings } from "./layers.ts";

export interface CloudSources {
  environment: Environment;
  fileSettings?: ConnectionFileSettings | undefined;
  clock: Clock;
  signal?: AbortSignal | undefined;
  warn: (message: string) => void;
}

export interface CloudRequest {
  request: ConnectionRequest;
  sources: CloudSources;
  /** The user named a host; otherwise the provider may be asked for it. */
  hasHost: boolean;
}

/** What the flags of each method say: the switch, and its options by their name in the method. */
const FAMILIES = {
  azure: (request: ConnectionRequest) => ({
    isOn: request.azure,
    options: { tenantId: request.azureTenantId, clientId: request.azureClientId },
  }),
  aws: (request: ConnectionRequest) => ({ isOn: request.aws, options: { region: request.awsRegion } }),
  google: (request: ConnectionRequest) => ({ isOn: request.google, options: { instance: request.googleInstance } }),
};

type Family = keyof typeof FAMILIES;

/** `settings` with the chosen identity's tokens as passwords; unchanged when none is chosen. */
export async function withIdentity(
  settings: ConnectionSettings,
  { request, sources, hasHost }: CloudRequest,
): Promise<{ settings: ConnectionSettings; origin: string | undefined }> {
  const chosen = chooseMethod(request, sources);
  if (!chosen) return { settings, origin: undefined };
  const { authMethods, withCloudIdentity } = await import("../cloud-identity.ts");
  const { resolveAuthOptions } = await import("../auth/auth-method.ts");
  const method = await authMethods.load(chosen.name);
  const options = resolveAuthOptions(method, {
    flags: optionFlags(request, chosen.name),
    environment: sources.environment,
    settings: optionSettings(method.options, sources.fileSettings ?? {}),
  });
  const { environment, clock, signal = new AbortController().signal, warn } = sources;
  const context = { environment, clock, signal };
  const location = hasHost ? undefined : await method.locate?.(options, context);
  const report = () => warn("the access token of the cloud identity expires within five minutes");
  const placed = location ? at(settings, location) : settings;
  return {
    settings: await withCloudIdentity(placed, { method, options, context, report }),
    origin: `${method.title} (${chosen.origin})`,
  };
}

function chooseMethod(request: ConnectionRequest, { environment, fileSettings }: CloudSources) {
  const families: Family[] = ["azure", "aws", "google"];
  const flagged = families.filter((family) => usesFamily(request, family));
  if (flagged.length > 1) {
    throw new PgkeepError("CONFIG_CONFLICT", "more than one cloud identity was asked for", {
      detail: `Flags of these were given: ${flagged.join(", ")}.`,
      hint: "Keep the flags of one cloud.",
      state: "nothing was started",
    });
  }
  const [name] = flagged;
  if (name !== undefined) return { name, origin: `--${name}` };
  if (environment.PGKEEP_AUTH_METHOD) {
    return { name: environment.PGKEEP_AUTH_METHOD, origin: "environment PGKEEP_AUTH_METHOD" };
  }
  const setting = fileSettings?.auth_method;
  return setting ? { name: setting.value, origin: setting.origin } : undefined;
}

function usesFamily(request: ConnectionRequest, family: Family): boolean {
  const { isOn, options } = FAMILIES[family](request);
  return isOn === true || Object.values(options).some((value) => value !== undefined);
}

function optionFlags(request: ConnectionRequest, method: string): AuthOptions {
  const family = Object.entries(FAMILIES).find(([name]) => name === method)?.[1];
  return { ...family?.(request).options };
}

function optionSettings(
  options: readonly { name: string; setting: string }[],
  fileSettings: ConnectionFileSettings,
): AuthOptions {
  const values = new Map(Object.entries(fileSettings).map(([key, setting]) => [key, setting?.value]));
  return Object.fromEntries(options.map(({ name, setting }) => [name, values.get(setting)]));
}

/** The place the provider named. Its authority is trusted when the user named none. */
function at(settings: ConnectionSettings, { host, port, serverCa }: AuthLocation): ConnectionSettings {
  const { tlsFiles } = settings;
  const trusted = serverCa !== undefined && tlsFiles.rootCert === undefined ? { rootPem: serverCa } : {};
  return { ...settings, hosts: [{ host, port }], tlsFiles: { ...tlsFiles, ...trusted } };
}
