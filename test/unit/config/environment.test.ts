/** The environment is read once, and credentials do not stay in it. */
import { afterEach, describe, expect, it } from "vitest";
import { forgetSecretsForTests, scrub } from "../../../src/base/secrets.ts";
import { captureEnvironment } from "../../../src/config/environment.ts";
import { BROKEN_STRINGS } from "../pg/connect/broken-strings.ts";

afterEach(() => forgetSecretsForTests());

describe("the snapshot of the environment", () => {
  it("keeps every variable, while credentials leave the process", () => {
    const live: NodeJS.ProcessEnv = {
      HOME: "/home/x",
      PGPASSWORD: "password-1",
      PGSSLPASSWORD: "password-2",
      DATABASE_URL: "postgresql://u:password-3@h/d",
      PGMI_CONNECTION_STRING: "host=h password=password-4",
      AWS_SECRET_ACCESS_KEY: "password-5",
    };
    const before = { ...live };
    expect(captureEnvironment(live)).toEqual(before);
    expect(live).toEqual({ HOME: "/home/x", AWS_SECRET_ACCESS_KEY: "password-5" });
  });

  it("does not change afterwards", () => {
    const live: NodeJS.ProcessEnv = { A: "1" };
    const snapshot = captureEnvironment(live);
    live.A = "2";
    expect(snapshot.A).toBe("1");
  });

  it.each([
    ["PGPASSWORD", "the-password", "the-password"],
    ["PGSSLPASSWORD", "the-password", "the-password"],
    ["DATABASE_URL", "postgresql://app:the-password@db/shop", "the-password"],
    ["DATABASE_URL", "postgresql://app:the%2Dpass%20word@db/shop", "the-pass word"],
    ["DATABASE_URL", "postgresql://app:the@pass@word@db/shop", "the@pass@word"],
    ["DATABASE_URL", "postgresql://db/shop?password=the-password&x=1", "the-password"],
    ["PGMI_CONNECTION_STRING", "host=db password='the pass word' user=x", "the pass word"],
    ["PGMI_CONNECTION_STRING", "Host=db;Pwd=the-password;Uid=x", "the-password"],
    ["PGMI_CONNECTION_STRING", 'Host=db;Password="the;pass";Uid=x', "the;pass"],
    ["AZURE_CLIENT_SECRET", "the-client-secret", "the-client-secret"],
    ["AWS_SESSION_TOKEN", "the-session-token", "the-session-token"],
  ])("the secret in %s=%s is hidden in every output from then on", (name, value, secret) => {
    captureEnvironment({ [name]: value });
    expect(scrub(`leak: ${secret}!`)).toBe("leak: [secret]!");
  });

  it.each(
    BROKEN_STRINGS.filter((text) => /:hunter2secret|password='?hunter2secret|Password='hunter2secret/.test(text)),
  )("[D-04] the password of a string that is broken is hidden as well: %#", (text) => {
    captureEnvironment({ DATABASE_URL: text });
    expect(scrub(text)).not.toContain("hunter2secret");
  });
});
