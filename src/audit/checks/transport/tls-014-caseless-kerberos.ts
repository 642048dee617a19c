/** TLS-014: Kerberos names are compared without regard to case. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "TLS-014",
  title: "Kerberos names match regardless of case",
  severity: "low",
  why: "Kerberos tells BOB and bob apart, and so may two people hold them. The server then lets either log in as the other's role.",
  remedy: "Set krb_caseins_users to off, and write the names in pg_ident.conf as the realm has them.",
  references: { manual: ["GSSAPI Authentication"] },
  judge: (settings) => {
    const setting = settings.get("krb_caseins_users");
    return setting.value === "on" ? [wrong(setting, { to: "off" })] : [];
  },
});
