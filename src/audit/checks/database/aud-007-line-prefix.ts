/** AUD-007: lines of the log that do not say who and where. */
import { settingCheck, wrong } from "../setting-check.ts";

/** What a line has to say, and the escapes that say it. */
const FIELDS = [
  { name: "time", letters: ["m", "t", "n", "s"] },
  { name: "process", letters: ["p", "c"] },
  { name: "role", letters: ["u"] },
  { name: "database", letters: ["d"] },
  { name: "address", letters: ["h", "r"] },
  { name: "application", letters: ["a"] },
] as const;

/** Letters behind a percent sign, with or without a width; %% is none. */
function escapesOf(prefix: string): ReadonlySet<string> {
  return new Set([...prefix.matchAll(/%(?:-?\d+)?(.)/gs)].map(([, letter = ""]) => letter));
}

export default settingCheck({
  id: "AUD-007",
  title: "lines of the log lack who, where or when",
  severity: "medium",
  why:
    "A line that names neither role nor database nor address cannot be tied to anybody, and lines of two sessions cannot " +
    "be told apart.",
  remedy: "Let log_line_prefix begin with time and process, and name role, database, application and address.",
  limits: "Only where plain lines are written: csvlog and jsonlog have all fields. syslog brings its own time.",
  references: { cis: ["3.1.24"], manual: ["Error Reporting and Logging"] },
  judge: (settings) => {
    const destinations = settings.list("log_destination");
    if (!destinations.includes("stderr") && !destinations.includes("syslog")) return [];
    const setting = settings.get("log_line_prefix");
    const escapes = escapesOf(setting.value);
    const wanted = FIELDS.filter(({ name }) => name !== "time" || destinations.includes("stderr"));
    const missing = wanted.filter(({ letters }) => !letters.some((letter) => escapes.has(letter)));
    if (missing.length === 0) return [];
    const detail = `"${setting.value}" lacks ${missing.map(({ name, letters }) => `${name} (%${letters[0]})`).join(", ")}`;
    return [
      wrong(setting, {
        detail,
        to: "%m [%p] %q%u@%d app=%a host=%h ",
        riskReason: "programs that parse the log need the new form",
      }),
    ];
  },
});
