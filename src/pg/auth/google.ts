/**
 * Google Cloud SQL IAM: an access token of the application default credentials as the password.
 *
 * The token goes to the instance's own address inside TLS; no connector process and no certificate exchange is
 * involved (docs/decisions holds the reasons). When the user named no host, the instance's address and the authority
 * of its certificate come from the Cloud SQL Admin API, asked with the same identity.
 */
import { PgkeepError } from "../../base/errors.ts";
import { Secret } from "../../base/secrets.ts";
import type { AuthContext, AuthLocation, AuthOption, AuthOptions, NeededPackage } from "./auth-method.ts";
import { checkToken, defineAuthMethod, loadNeededPackage, requestToken, tokenFailed } from "./auth-method.ts";

const NEEDS: NeededPackage = { name: "google-auth-library", range: "^10.9.1" };
const TITLE = "Google Cloud SQL IAM";

const LOGIN_SCOPE = "https://www.googleapis.com/auth/sqlservice.login";
const ADMIN_SCOPE = "https://www.googleapis.com/auth/sqlservice.admin";
const ADMIN_ENDPOINT = "https://sqladmin.googleapis.com/";
/** The variable by which Google's own command line tool moves this endpoint. */
const ADMIN_ENDPOINT_VARIABLE = "CLOUDSDK_API_ENDPOINT_OVERRIDES_SQL";

/** Cloud SQL names the database role of a service account without this ending, because role names are too short for it. */
const SERVICE_ACCOUNT_ENDING = ".gserviceaccount.com";

const POSTGRES_PORT = 5432;

const INSTANCE: AuthOption = {
  name: "instance",
  summary: "Instance as project:region:name",
  flag: "google-instance",
  setting: "google_instance",
  environment: [],
  required: false,
};

export default defineAuthMethod({
  name: "google",
  title: TITLE,
  summary: "Google Cloud SQL with IAM",
  needs: NEEDS,
  options: [INSTANCE],
  async credentials(target, options, context) {
    if (options.instance) parseInstance(options.instance);
    const client = await signedIn(LOGIN_SCOPE, context);
    const answer = await requestToken(TITLE, context, () => client.getAccessToken());
    const password = new Secret(checkToken(TITLE, answer.token));
    const expiresMs = client.credentials.expiry_date;
    return {
      password,
      expiresAt: typeof expiresMs === "number" && Number.isFinite(expiresMs) ? new Date(expiresMs) : undefined,
      user: target.user.endsWith(SERVICE_ACCOUNT_ENDING)
        ? target.user.slice(0, -SERVICE_ACCOUNT_ENDING.length)
        : undefined,
    };
  },
  locate,
});

async function locate(options: AuthOptions, context: AuthContext): Promise<AuthLocation | undefined> {
  if (!options.instance) return undefined;
  const { project, name } = parseInstance(options.instance);
  const url = new URL(
    `sql/v1beta4/projects/${project}/instances/${name}/connectSettings`,
    adminEndpoint(context.environment),
  );
  try {
    const client = await signedIn(ADMIN_SCOPE, context);
    const answer = await requestToken(TITLE, context, (signal) =>
      client.request({ url: url.href, signal, retry: false, maxRedirects: 0, responseType: "text" }),
    );
    return readConnectSettings(answer.data);
  } catch (error) {
    throw lookupFailed(error);
  }
}

/** The failure told as what it was for; how to do without the lookup is the hint. */
function lookupFailed(error: unknown): unknown {
  if (!(error instanceof PgkeepError) || error.code !== "CONNECT_TOKEN_FAILED") return error;
  return new PgkeepError("CONNECT_TOKEN_FAILED", "could not look up the address of the Cloud SQL instance", {
    ...error.parts,
    hint: "Allow the identity cloudsql.instances.get and cloudsql.instances.connect, or name the address with --host.",
  });
}

/** A client of the application default credentials for one scope. */
async function signedIn(scope: string, context: AuthContext) {
  const { GoogleAuth } = await requestToken(TITLE, context, () =>
    loadNeededPackage(NEEDS, () => import("google-auth-library")),
  );
  return requestToken(TITLE, context, () => new GoogleAuth({ scopes: [scope] }).getClient());
}

/** Parts of "project:region:name"; a project may be "domain.com:project". Throws CONNECT_AUTH_CONFIG. */
export function parseInstance(instance: string): { project: string; region: string; name: string } {
  const match = /^((?:[a-z0-9.-]+:)?[a-z0-9-]+):([a-z0-9-]+):([a-z0-9-]+)$/.exec(instance);
  const [, project, region, name] = match ?? [];
  if (project && region && name) return { project, region, name };
  throw new PgkeepError("CONNECT_AUTH_CONFIG", "the Cloud SQL instance is not written as project:region:name", {
    hint: "gcloud sql instances describe NAME --format='value(connectionName)' prints it.",
    state: "not connected",
  });
}

/** A token is sent there, so anything but TLS is taken only for this machine itself. */
function adminEndpoint(environment: AuthContext["environment"]): string {
  const given = environment[ADMIN_ENDPOINT_VARIABLE];
  if (!given) return ADMIN_ENDPOINT;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isLoopback = url?.hostname === "127.0.0.1" || url?.hostname === "localhost" || url?.hostname === "[::1]";
  if (url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback)) return url.href;
  throw new PgkeepError("CONNECT_AUTH_CONFIG", `${ADMIN_ENDPOINT_VARIABLE} is not an https URL`, {
    state: "not connected",
  });
}

/** The address to dial: the public one when there is one, else the private one. */
function readConnectSettings(body: unknown): AuthLocation {
  const settings = parseObject(body);
  const addresses = Array.isArray(settings.ipAddresses) ? settings.ipAddresses.map(parseObject) : [];
  const chosen =
    addresses.find((address) => address.type === "PRIMARY") ?? addresses.find((address) => address.type === "PRIVATE");
  const host = chosen?.ipAddress;
  if (typeof host !== "string" || !/^[0-9a-fA-F.:]+$/.test(host)) {
    throw tokenFailed(TITLE, "The Cloud SQL Admin API named no address of the instance.");
  }
  const certificate = parseObject(settings.serverCaCert).cert;
  return { host, port: POSTGRES_PORT, serverCa: typeof certificate === "string" ? certificate : undefined };
}

/** `value`, or the object that its JSON text describes; empty for everything else. */
function parseObject(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null) return { ...value };
  if (typeof value !== "string") return {};
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
