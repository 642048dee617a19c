/**
 * Azure Entra ID: an access token of the signed-in identity as the password.
 *
 * Tenant, client and secret all present mean a service principal; anything else is left to the library's default
 * chain (environment, workload identity, managed identity, command line tools). The client secret is read from the
 * environment only, and handed over by value because it may be gone from the process's own environment by now.
 */
import type { TokenCredential } from "@azure/identity";
import { Secret } from "../../base/secrets.ts";
import type { AuthContext, AuthOptions, NeededPackage } from "./auth-method.ts";
import { checkToken, defineAuthMethod, loadNeededPackage, requestToken } from "./auth-method.ts";

const NEEDS: NeededPackage = { name: "@azure/identity", range: "^4.13.1" };
const TITLE = "Azure Entra ID";

/** The resource that stands for every Azure Database for PostgreSQL. */
const SCOPE = "https://ossrdbms-aad.database.windows.net/.default";

export default defineAuthMethod({
  name: "azure",
  title: TITLE,
  summary: "Azure Database for PostgreSQL with Entra ID",
  needs: NEEDS,
  options: [
    {
      name: "tenantId",
      summary: "Tenant (directory) id",
      flag: "azure-tenant-id",
      setting: "azure_tenant_id",
      environment: ["AZURE_TENANT_ID"],
      required: false,
    },
    {
      name: "clientId",
      summary: "Client (application) id, or the id of a user-assigned managed identity",
      flag: "azure-client-id",
      setting: "azure_client_id",
      environment: ["AZURE_CLIENT_ID"],
      required: false,
    },
  ],
  async credentials(_target, options, context) {
    const credential = await requestToken(TITLE, context, () => chooseCredential(options, context));
    const answer = await requestToken(TITLE, context, (signal) => credential.getToken(SCOPE, { abortSignal: signal }));
    const password = new Secret(checkToken(TITLE, answer?.token));
    const expiresMs = answer?.expiresOnTimestamp;
    return { password, expiresAt: Number.isFinite(expiresMs) ? new Date(expiresMs ?? 0) : undefined };
  },
});

async function chooseCredential(options: AuthOptions, { environment }: AuthContext): Promise<TokenCredential> {
  const identity = await loadNeededPackage(NEEDS, () => import("@azure/identity"));
  const { tenantId, clientId } = options;
  const secret = environment.AZURE_CLIENT_SECRET;
  const authority = authorityOf(environment.AZURE_AUTHORITY_HOST);
  if (tenantId && clientId && secret) {
    return new identity.ClientSecretCredential(tenantId, clientId, new Secret(secret).expose(), authority);
  }
  return new identity.DefaultAzureCredential({
    ...authority,
    ...(tenantId && { tenantId }),
    ...(clientId && { managedIdentityClientId: clientId, workloadIdentityClientId: clientId }),
  });
}

/** A chosen authority is trusted as it is; asking the public cloud about it would fail in private clouds. */
function authorityOf(host: string | undefined): { authorityHost?: string; disableInstanceDiscovery?: boolean } {
  return host ? { authorityHost: host, disableInstanceDiscovery: true } : {};
}
