/** VER-008: settings in the file that the running server does not have yet. */
import { settingCheck, wrong } from "../setting-check.ts";

export default settingCheck({
  id: "VER-008",
  title: "settings waiting for a restart",
  severity: "low",
  why:
    "Somebody wrote a value that the server has not taken over. What was meant to harden it does not hold, and the next " +
    "restart brings a change that nobody expects any more.",
  remedy: "Restart the server in a quiet hour, or take the change back.",
  limits:
    "The server also marks settings whose file value its own command line outranks; a restart changes nothing about those, so " +
    "they are not reported.",
  references: { manual: ["Setting Parameters", "pg_settings"] },
  needs: ["pg_read_all_settings"],
  judge: (settings) =>
    [...settings.all()]
      .filter(({ isPending, source }) => isPending && source !== "command line")
      .map((setting) =>
        wrong(setting, {
          detail: "the file has another value than the running server",
          fix: { kind: "words", text: "Restart the server, or write the value that runs into the file." },
        }),
      )
      .sort((a, b) => (a.object < b.object ? -1 : 1)),
});
