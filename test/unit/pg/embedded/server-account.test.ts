/** Who the server runs as, and what that account can reach. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { blockedAt, serverAccount } from "../../../../src/pg/embedded/server-account.ts";
import { needsRoot } from "../../../support/needs.ts";

const isRoot = process.getuid?.() === 0;

describe("the server's account", () => {
  it("[E-03] is never root: the caller's own, or for root one without rights", async () => {
    const account = await serverAccount();
    expect(account.uid).not.toBe(0);
    expect(account.isForeign).toBe(isRoot);
    if (!isRoot) expect(account.name).toBe(userInfo().username);
  });

  it.each(["root", "0", "-u", "no such account", "nobody; id", "../nobody", ""])(
    "[E-03] cannot be %j",
    async (name) => {
      await expect(serverAccount(name)).rejects.toMatchObject({ code: "DB_USER_UNAVAILABLE", exit: 10 });
    },
  );
});

describe("what an account can reach", () => {
  const stranger = { name: "stranger", uid: 12_345, gid: 23_456, isForeign: true };

  function tree(): { top: string; low: string } {
    const top = mkdtempSync(join(tmpdir(), "pgkeep-reach-"));
    onTestFinished(() => rmSync(top, { recursive: true, force: true }));
    const low = join(top, "a/b");
    mkdirSync(low, { recursive: true });
    return { top, low };
  }

  it("ends at the first directory that is closed to it, looking upwards", async () => {
    const { top, low } = tree();
    expect(await blockedAt(low, stranger)).toBe(top);
    chmodSync(top, 0o711);
    expect(await blockedAt(low, stranger)).toBeUndefined();
    chmodSync(join(top, "a"), 0o700);
    expect(await blockedAt(low, stranger)).toBe(join(top, "a"));
  });

  it("follows owner, then group, then the rest, as the system does", async (context) => {
    needsRoot(context);
    const { top, low } = tree();
    chmodSync(top, 0o711);
    chownSync(low, 0, stranger.gid);
    chmodSync(low, 0o710);
    expect(await blockedAt(low, stranger)).toBeUndefined();
    chmodSync(low, 0o701);
    expect(await blockedAt(low, stranger)).toBe(low);
    chownSync(low, stranger.uid, 0);
    chmodSync(low, 0o071);
    expect(await blockedAt(low, stranger)).toBe(low);
  });
});
