/** TLS-006: the configuration names an elliptic curve that is too small or out of use. */
import { settingCheck, wrong } from "../setting-check.ts";

const WEAK =
  /^(secp(112|128|160|192|224).*|secp256k1|prime(192|239).*|P-(192|224)|(sect|K-|B-)(113|131|163|193|233|239).*|c2pnb.*|c2tnb.*|wap-wsg.*|brainpoolP(160|192|224).*)$/i;

export default settingCheck({
  id: "TLS-006",
  title: "weak curve for the key exchange",
  severity: "medium",
  why:
    "The keys of a session are only as strong as the curve on which they are agreed. Below 256 bits somebody with enough " +
    "machines can find them out from recorded traffic, and TLS 1.3 cannot be used at all.",
  remedy: "Use X25519 and prime256v1; before PostgreSQL 18 the setting takes one curve, prime256v1.",
  references: { manual: ["Connections and Authentication: SSL"], other: ["NIST SP 800-57"] },
  judge: (settings) => {
    const setting = settings.find("ssl_ecdh_curve") ?? settings.get("ssl_groups");
    const weak = settings
      .list(setting.name)
      .flatMap((list) => list.split(":").filter((curve) => WEAK.test(curve.trim())));
    if (weak.length === 0) return [];
    return [wrong(setting, { to: setting.name === "ssl_groups" ? "X25519:prime256v1" : "prime256v1" })];
  },
});
