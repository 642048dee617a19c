/** SEC-008. */
import sec008 from "../../../../../src/audit/checks/practices/sec-008-credential-in-command.ts";
import { defineCase } from "../../../../conformance/audit/check-case.ts";

export default defineCase({
  check: sec008,
  wrong: {
    restore_command: "PGPASSWORD=canary cp /x/%f %p",
    archive_cleanup_command: "wal-g --password 'canary' %r",
    ssl_passphrase_command: "/bin/echo canary",
  },
  finds: ["restore_command", "archive_cleanup_command", "ssl_passphrase_command"],
  cure: { restore_command: "", archive_cleanup_command: "", ssl_passphrase_command: "" },
  right: {
    restore_command: "PGPASSWORD=$(cat /run/secret) PGPASSFILE=/x wal-g --password-file=/x %f",
    archive_cleanup_command: "AWS_SECRET_ACCESS_KEY_FILE=/x clean --password '%r'",
    ssl_passphrase_command: "/usr/bin/unseal --password-from /x",
  },
  blind: ["plain"],
});
