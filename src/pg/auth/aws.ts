/**
 * AWS RDS IAM: a presigned request, valid for 15 minutes, as the password.
 *
 * Nothing is sent to AWS for the token itself; it is a signature made here over host, port and user, so all three
 * must be exactly those of the connection. Only finding the signing keys may use the network.
 */

import { PgkeepError } from "../../base/errors.ts";
import { Secret } from "../../base/secrets.ts";
import type { AuthContext, AuthOption, AuthTarget, NeededPackage } from "./auth-method.ts";
import { checkToken, defineAuthMethod, loadNeededPackage, missingOption, requestToken } from "./auth-method.ts";

const NEEDS: NeededPackage = { name: "@aws-sdk/rds-signer", range: "^3.1169.0" };
const TITLE = "AWS RDS IAM";

const REGION: AuthOption = {
  name: "region",
  summary: "Region of the database",
  flag: "aws-region",
  setting: "aws_region",
  environment: ["AWS_REGION", "AWS_DEFAULT_REGION"],
  required: true,
};

export default defineAuthMethod({
  name: "aws",
  title: TITLE,
  summary: "Amazon RDS and Aurora with IAM",
  needs: NEEDS,
  options: [REGION],
  async credentials(target, { region }, context) {
    if (!region) throw missingOption({ title: TITLE }, REGION);
    checkTarget(target);
    const { Signer } = await requestToken(TITLE, context, () =>
      loadNeededPackage(NEEDS, () => import("@aws-sdk/rds-signer")),
    );
    const signer = new Signer({
      hostname: target.host,
      port: target.port,
      username: target.user,
      region,
      ...staticKeys(context),
    });
    const token = checkToken(TITLE, await requestToken(TITLE, context, () => signer.getAuthToken()));
    return { password: new Secret(token), expiresAt: expiryOf(token) };
  },
});

function checkTarget({ host, user }: AuthTarget): void {
  if (host.startsWith("/")) {
    throw new PgkeepError("CONNECT_AUTH_CONFIG", `${TITLE} needs the host name of the database`, {
      detail: "The token is a signature over the host's name, and a Unix socket has none.",
      hint: "Give the endpoint's name with --host.",
      state: "not connected",
    });
  }
  if (!user) {
    throw new PgkeepError("CONNECT_AUTH_CONFIG", `${TITLE} needs the database user`, {
      hint: "Give it with --username.",
      state: "not connected",
    });
  }
}

/**
 * Keys from the environment, handed over by value because they may be gone from the process's own environment by now.
 * A chosen profile outranks them, as in AWS's own tools; then the library's default chain decides.
 */
function staticKeys({ environment }: AuthContext) {
  const accessKeyId = environment.AWS_ACCESS_KEY_ID;
  const secretAccessKey = environment.AWS_SECRET_ACCESS_KEY;
  const sessionToken = environment.AWS_SESSION_TOKEN;
  if (!accessKeyId || !secretAccessKey || environment.AWS_PROFILE) return {};
  const secretKey = new Secret(secretAccessKey).expose();
  const session = sessionToken ? { sessionToken: new Secret(sessionToken).expose() } : {};
  return { credentials: { accessKeyId, secretAccessKey: secretKey, ...session } };
}

/** The end of the signature's life, from the token's own date and duration. */
function expiryOf(token: string): Date | undefined {
  const query = new URLSearchParams(token.slice(token.indexOf("?") + 1));
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "") ?? [];
  const lifeSeconds = Number(query.get("X-Amz-Expires"));
  if (!second || !(lifeSeconds > 0)) return undefined;
  const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return new Date(signedMs + lifeSeconds * 1000);
}
