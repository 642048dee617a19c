/** ROL-008. */
import rol008 from "../../../../../src/audit/checks/database/rol-008-password-encryption.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: rol008,
  wrong: { password_encryption: "md5" },
  finds: ["password_encryption"],
  right: { password_encryption: "scram-sha-256" },
});
