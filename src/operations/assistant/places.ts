/**
 * Where each assistant looks for instructions, in a project and for all projects of a person.
 *
 * Two kinds. A "file" is ours alone, with whatever header the assistant wants before the text. A "section" is a part of a
 * file that belongs to the person and to other tools; nothing outside our two marks is touched.
 */

export interface Place {
  kind: "file" | "section";
  /** Relative to the project, or to the person's home directory. */
  path: string;
  /** Lines before the text, between "---" marks, for assistants that read them. */
  header?: readonly string[];
}

interface Assistant {
  project: Place;
  /** Absent when the assistant has no file for all projects. */
  home?: Place;
}

const ABOUT = "Work on SQL projects that pgkeep deploys to PostgreSQL: deploy.sql, tests, parameters, failures";

const skill = (path: string): Place => ({
  kind: "file",
  path: `${path}/pgkeep/SKILL.md`,
  header: ["name: pgkeep", `description: "${ABOUT}"`],
});
const section = (path: string): Place => ({ kind: "section", path });
const rules = (path: string, ...header: string[]): Place => ({ kind: "file", path, ...(header[0] ? { header } : {}) });

export const ASSISTANTS = {
  claude: { project: skill(".claude/skills"), home: skill(".claude/skills") },
  agents: { project: section("AGENTS.md") },
  codex: { project: section("AGENTS.md"), home: section(".codex/AGENTS.md") },
  opencode: { project: skill(".opencode/skills"), home: skill(".config/opencode/skills") },
  "codex-skills": { project: skill(".agents/skills"), home: skill(".agents/skills") },
  antigravity: { project: skill(".agent/skills"), home: skill(".gemini/antigravity/skills") },
  cursor: { project: rules(".cursor/rules/pgkeep.mdc", `description: "${ABOUT}"`, "alwaysApply: false") },
  copilot: {
    project: rules(".github/instructions/pgkeep.instructions.md", 'applyTo: "**/*.sql"', `description: "${ABOUT}"`),
  },
  windsurf: {
    project: rules(".windsurf/rules/pgkeep.md", "trigger: model_decision", `description: "${ABOUT}"`),
    home: section(".codeium/windsurf/memories/global_rules.md"),
  },
  cline: { project: rules(".clinerules/pgkeep.md"), home: rules("Documents/Cline/Rules/pgkeep.md") },
  gemini: { project: section("GEMINI.md"), home: section(".gemini/GEMINI.md") },
} as const satisfies Record<string, Assistant>;

export type AssistantName = keyof typeof ASSISTANTS;

export const ASSISTANT_NAMES = Object.keys(ASSISTANTS);

/** A file that is read whole at every start, so it gets a section only when somebody wants it there. */
const CLAUDE_MD = { project: section("CLAUDE.md"), home: section(".claude/CLAUDE.md") };

/** A place with the assistants that read it. */
export interface AssistantPlace extends Place {
  assistant: string;
}

/**
 * The places of `names`, each once even when two assistants share it. Assistants without a file for all projects are
 * left out when `isGlobal`.
 */
export function placesOf(names: readonly string[], isGlobal: boolean): AssistantPlace[] {
  const byPath = new Map<string, AssistantPlace>();
  for (const [name, places] of Object.entries<Assistant>(ASSISTANTS)) {
    const place = isGlobal ? places.home : places.project;
    if (!place || !names.includes(name)) continue;
    const other = byPath.get(place.path);
    byPath.set(place.path, { ...place, assistant: other ? `${other.assistant}, ${name}` : name });
  }
  return [...byPath.values()];
}

/** CLAUDE.md of the project, or the person's. */
export function claudeMdPlace(isGlobal: boolean): AssistantPlace {
  return { ...(isGlobal ? CLAUDE_MD.home : CLAUDE_MD.project), assistant: "claude" };
}
