/**
 * The words in which every check is rated, and the report with them: how grave, of which pillar, under which profile.
 */

export const SEVERITIES = ["critical", "high", "medium", "low", "info"] as const;
export type Severity = (typeof SEVERITIES)[number];

export const PILLARS = ["network", "transport", "database", "practices"] as const;
export type Pillar = (typeof PILLARS)[number];

/** Severities by which a profile may replace a check's own; "off" leaves the check out. */
export const PROFILES = ["default", "strict", "cis", "dev", "managed"] as const;
export type Profile = (typeof PROFILES)[number];
