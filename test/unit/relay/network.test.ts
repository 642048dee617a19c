/** Clients of brokers that are not there. */
import { expect, it } from "vitest";
import { loadClient } from "../../../src/relay/network.ts";

it("a client that is not installed is named with the command that installs it, in what logs keep, too", async () => {
  const absent = () => Promise.reject(Object.assign(new Error("no such module"), { code: "ERR_MODULE_NOT_FOUND" }));
  await expect(loadClient({ name: "some-client", range: "^1.2.0" }, absent)).rejects.toMatchObject({
    code: "RELAY_PACKAGE_MISSING",
    parts: {
      detail: expect.stringContaining("npm i some-client@^1.2.0"),
      hint: "npm i some-client@^1.2.0",
    },
  });
});
