/** ROL-008: new passwords would be stored as MD5 hashes. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "ROL-008",
  title: "new passwords are not stored as SCRAM verifiers",
  severity: "high",
  why:
    "An MD5 hash of a password is as good as the password: whoever reads it can log in with it. Passwords set while " +
    "password_encryption is md5 get such a hash.",
  remedy: "Set password_encryption to scram-sha-256, then set the passwords of the roles that ROL-006 names again.",
  references: { manual: ["Password Authentication"] },
  judge: (settings) => {
    const setting = settings.get("password_encryption");
    return setting.value === "scram-sha-256" ? [] : [wrong(setting, { to: "scram-sha-256" })];
  },
});
