/** HST-002: the server's private key can be read or replaced by others. */
import { isAbsolute, join } from "node:path";
import { NotApplicable, Unanswered } from "../../answers.ts";
import { defineCheck, type Found } from "../../check.ts";
import type { Facts } from "../../facts/facts.ts";
import { chmod, modeText, NOT_PRIVATE } from "./looking.ts";

/** A key of root's may be readable by a group that the server's account is in. */
const TOO_OPEN_FOR_ROOT = 0o037;

export default defineCheck({
  id: "HST-002",
  title: "private key readable by others",
  severity: "high",
  why:
    "With the key anybody can pretend to be this server, and clients that verify its certificate will believe it and send " +
    "their passwords and queries there.",
  remedy:
    "Set the mode to 0600, or to 0640 for a key that belongs to root, and make a new key when others could read it.",
  limits:
    "The server refuses such a key when it loads it, so the mode was changed afterwards, or TLS is off until the next start.",
  references: { manual: ["Secure TCP/IP Connections with SSL"] },
  scope: "cluster",
  needs: ["host"],
  profiles: { managed: "off" },
  examine,
});

async function examine(facts: Facts): Promise<readonly Found[]> {
  const host = await facts.host();
  const settings = await facts.settings();
  const name = settings.value("ssl_key_file");
  const path = isAbsolute(name) ? name : join(settings.value("data_directory"), name);
  const status = await host.status(path);
  if (status === undefined && !settings.isOn("ssl")) throw new NotApplicable("the server has no private key");
  if (status === undefined) throw new Unanswered(`${path} is not there, although ssl is on`);
  const allowed = status.uid === 0 ? TOO_OPEN_FOR_ROOT : NOT_PRIVATE;
  if ((status.mode & allowed) === 0) return [];
  const fix = chmod(status.uid === 0 ? "0640" : "0600", path);
  return [{ object: path, detail: `${modeText(status)}: others can read or replace it`, fix }];
}
