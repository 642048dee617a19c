/** VER-010: settings under which quoting that looks right lets SQL in. */
import { settingCheck, wrong } from "../setting-check.ts";

/** The value that opens the door. */
const LENIENT: Readonly<Record<string, string>> = {
  backslash_quote: "on",
  standard_conforming_strings: "off",
  transform_null_equals: "on",
};

const DEFAULTS: Readonly<Record<string, string>> = {
  backslash_quote: "safe_encoding",
  standard_conforming_strings: "on",
  transform_null_equals: "off",
};

export default settingCheck({
  id: "VER-010",
  title: "SQL-injection-friendly quoting",
  severity: "medium",
  why:
    "With these values a backslash can end or continue a string where the application did not mean it, and a comparison with " +
    "NULL changes its meaning. Quoting that is safe on every other server is not safe here.",
  remedy: "Set them back to their defaults and repair the applications that needed them.",
  limits: "PostgreSQL 19 knows no other value of standard_conforming_strings than on.",
  references: { manual: ["Version and Platform Compatibility"] },
  judge: (settings) =>
    Object.entries(LENIENT).flatMap(([name, lenient]) => {
      const setting = settings.find(name);
      if (setting?.value !== lenient) return [];
      return [
        wrong(setting, { to: DEFAULTS[name] ?? null, risk: "medium", riskReason: "applications may rely on it" }),
      ];
    }),
});
