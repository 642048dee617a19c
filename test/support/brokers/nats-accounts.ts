/** Accounts and users of NATS as signed tokens, made from nothing: what a .creds file and a server that trusts its operator need. */
import { createHash, randomBytes } from "node:crypto";
import { nkeys } from "@nats-io/transport-node";

export interface NatsAccounts {
  /** Lines of the server's configuration. */
  settings: string;
  /** Text of a .creds file for the one user. */
  credentials: string;
  /** The user's seed, which must be shown nowhere. */
  seed: string;
}

export function makeAccounts(): NatsAccounts {
  const operator = nkeys.createOperator();
  const account = nkeys.createAccount();
  const user = nkeys.createUser();
  const limits = { subs: -1, data: -1, payload: -1, conn: -1, imports: -1, exports: -1, wildcards: true, leaf: -1 };
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const operatorToken = token(operator, operator, "operator", {});
  // JetStream asks for an account of the server's own.
  const system = nkeys.createAccount();
  const systemToken = token(system, operator, "account", { limits });
  const accountToken = token(account, operator, "account", { limits: { ...limits, ...storage } });
  const userToken = token(user, account, "user", { subs: -1, data: -1, payload: -1, pub: {}, sub: {} });
  const seed = new TextDecoder().decode(user.getSeed());
  return {
    settings: `operator: ${operatorToken}
      resolver: MEMORY
      system_account: ${system.getPublicKey()}
      resolver_preload: {
        ${account.getPublicKey()}: ${accountToken}
        ${system.getPublicKey()}: ${systemToken}
      }`,
    credentials: [
      "-----BEGIN NATS USER JWT-----",
      userToken,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      seed,
      "------END USER NKEY SEED------",
      "",
    ].join("\n"),
    seed,
  };
}

type KeyPair = ReturnType<typeof nkeys.createUser>;

/** A token about `subject`, signed by `issuer`. Source: github.com/nats-io/jwt, version 2. */
function token(subject: KeyPair, issuer: KeyPair, type: string, claims: object): string {
  const body = {
    jti: createHash("sha256").update(randomBytes(16)).digest("base64url"),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: type,
    sub: subject.getPublicKey(),
    nats: { ...claims, type, version: 2 },
  };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(body)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url")}`;
}
