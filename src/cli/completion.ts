/**
 * Completion scripts, generated from the command table.
 *
 * Each script carries its own table, so completing starts no process, reads no file and connects nowhere. bash and zsh
 * share one portable function that prints candidates; fish and PowerShell have their own forms.
 */
import { flagsOf } from "./global-flags.ts";
import type { CommandEntry, FlagSpec, Manifest, ProgramName } from "./manifest.ts";

/** The script for one of the shells of builtin-commands.ts. */
export function completionScript(shell: string, program: ProgramName, manifest: Manifest): string {
  const commands = manifest.commands[program].map((command) => completable(command, program));
  const scripts: Readonly<Record<string, (program: string, commands: readonly Completable[]) => string>> = {
    bash: bashScript,
    zsh: zshScript,
    fish: fishScript,
    powershell: powershellScript,
  };
  return scripts[shell]?.(program, commands) ?? "";
}

interface Completable {
  words: string;
  summary: string;
  flags: FlagSpec[];
  /** What the first argument may be; empty: a file. */
  arguments: readonly string[];
}

function completable(command: CommandEntry, program: ProgramName): Completable {
  const [first] = command.positionals;
  return {
    words: command.words,
    summary: command.summary,
    flags: flagsOf(command, program).filter(({ hidden }) => !hidden),
    arguments: first?.values ?? first?.suggest ?? [],
  };
}

/** The words that can follow `words`: "" gives the first words of all commands. */
function wordsAfter(words: string, commands: readonly Completable[]): string[] {
  const prefix = words === "" ? "" : `${words} `;
  const next = commands
    .filter((command) => command.words.startsWith(prefix))
    .map((command) => command.words.slice(prefix.length).split(" ")[0] ?? "");
  return [...new Set(next)];
}

const firstsOfTwo = (commands: readonly Completable[]): string[] => [
  ...new Set(commands.flatMap(({ words }) => (words.includes(" ") ? [words.split(" ")[0] ?? ""] : []))),
];

/** In the table every word is one of ours: letters, digits, dashes, underscores. */
const list = (words: readonly string[]): string => words.join(" ");

const flagNames = (flag: FlagSpec): string[] => [`--${flag.name}`, ...(flag.short ? [`-${flag.short}`] : [])];

/** What bash and zsh share: the table as functions, and the one that completes with them. */
function portableFunctions(program: string, commands: readonly Completable[]): string[] {
  return [...tableFunctions(`_${program}`, commands), ...candidatesFunction(`_${program}`, commands)];
}

/** The table: the verbs of a group, the flags of a command, whether a flag takes a value and which, first arguments. */
function tableFunctions(name: string, commands: readonly Completable[]): string[] {
  const verbs = firstsOfTwo(commands).map((group) => `    "${group}") echo "${list(wordsAfter(group, commands))}" ;;`);
  const flags = commands.map(
    ({ words, flags }) => `    "${words}") echo "${list(flags.map(({ name }) => `--${name}`))}" ;;`,
  );
  const values = commands.flatMap(({ words, flags }) =>
    flags
      .filter(({ type }) => type !== "boolean")
      .map(
        (flag) =>
          `    ${flagNames(flag)
            .map((name) => `"${words} ${name}"`)
            .join("|")}) echo "${list(flag.values ?? [])}" ;;`,
      ),
  );
  const positionals = commands
    .filter((command) => command.arguments.length > 0)
    .map((command) => `    "${command.words}") echo "${list(command.arguments)}" ;;`);
  return [
    `${name}_commands="|${commands.map(({ words }) => words).join("|")}|"`,
    ...caseFunction(`${name}_verbs`, "$1", verbs),
    ...caseFunction(`${name}_flags`, "$1", flags),
    ...caseFunction(`${name}_takes_value`, "$1 $2", [...values, "    *) return 1 ;;"]),
    ...caseFunction(`${name}_arguments`, "$1", positionals),
  ];
}

function caseFunction(name: string, of: string, cases: readonly string[]): string[] {
  return [`${name}() {`, `  case "${of}" in`, ...cases, "  esac", "}"];
}

/**
 * Prints one candidate per line for the last of its arguments, which are the words of the command line. Prints nothing
 * where a file may stand.
 */
function candidatesFunction(name: string, commands: readonly Completable[]): string[] {
  return [
    `${name}_candidates() {`,
    '  first="" command="" given=0 previous="" current="" skip=1',
    '  for word in "$@"; do',
    '    if [ "$skip" = 1 ]; then skip=0; continue; fi',
    '    previous="$current"',
    '    current="$word"',
    '    case "$previous" in',
    '      ""|-*) continue ;;',
    "    esac",
    '    if [ -z "$first" ]; then',
    '      first="$previous"',
    `      case "$${name}_commands" in *"|$first|"*) command="$first" ;; esac`,
    "    else",
    `      case "$${name}_commands" in`,
    '        *"|$first $previous|"*) command="$first $previous" ;;',
    "        *) given=1 ;;",
    "      esac",
    "    fi",
    "  done",
    '  if [ -n "$command" ]; then',
    `    if found="$(${name}_takes_value "$command" "$previous")"; then`,
    "      echo $found",
    "      return",
    "    fi",
    "  fi",
    '  case "$current" in',
    `    -*) ${name}_flags "$command" ;;`,
    "    *)",
    '      if [ -z "$first" ]; then',
    `        echo "${list(wordsAfter("", commands))}"`,
    '      elif [ "$given" = 0 ]; then',
    `        [ "$command" = "\${command#* }" ] && ${name}_verbs "$first"`,
    `        ${name}_arguments "$command"`,
    "      fi",
    "      ;;",
    "  esac",
    "}",
  ];
}

function bashScript(program: string, commands: readonly Completable[]): string {
  return [
    `# bash completion of ${program}. Load it with: source <(${program} completion bash)`,
    ...portableFunctions(program, commands),
    `_${program}_complete() {`,
    "  local first command given previous current skip word found",
    "  local words=()",
    "  # bash splits --flag=value at the equals sign; the sign is left out here.",
    '  for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do',
    '    [ "$word" = "=" ] || words+=("$word")',
    "  done",
    '  [ "${COMP_WORDS[COMP_CWORD]}" = "=" ] && words+=("")',
    '  local last="${words[${#words[@]}-1]}"',
    `  COMPREPLY=($(compgen -W "$(_${program}_candidates "\${words[@]}")" -- "$last"))`,
    "}",
    `complete -o default -F _${program}_complete ${program}`,
    "",
  ].join("\n");
}

function zshScript(program: string, commands: readonly Completable[]): string {
  return [
    `#compdef ${program}`,
    `# zsh completion of ${program}. Load it with: source <(${program} completion zsh)`,
    ...portableFunctions(program, commands),
    `_${program}() {`,
    "  local first command given previous current skip word found",
    "  local -a candidates",
    `  candidates=(\${=$(_${program}_candidates "\${(@)words[1,CURRENT]}")})`,
    "  if (( ${#candidates} )); then",
    "    compadd -a candidates",
    "  else",
    "    _files",
    "  fi",
    "}",
    `if [ "$funcstack[1]" = "_${program}" ]; then`,
    `  _${program} "$@"`,
    "elif (( $+functions[compdef] )); then",
    `  compdef _${program} ${program}`,
    "fi",
    "",
  ].join("\n");
}

const fishQuoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

function fishScript(program: string, commands: readonly Completable[]): string {
  const at = `__${program}_at`;
  const lines = [
    `# fish completion of ${program}. Load it with: ${program} completion fish | source`,
    `function ${at} --description 'whether the words before the cursor are these'`,
    "    set -l words (commandline -opc)",
    "    set -e words[1]",
    "    set -l plain (string match -v -- '-*' $words)",
    '    if test -z "$argv[1]"',
    "        test (count $plain) -eq 0",
    "        return",
    "    end",
    "    set -l wanted (string split ' ' -- $argv[1])",
    "    test (count $plain) -ge (count $wanted); or return 1",
    "    set -l head $plain[1..(count $wanted)]",
    '    test "$head" = "$wanted"',
    "end",
    `complete -c ${program} -f -n "${at} ''"`,
  ];
  for (const word of wordsAfter("", commands)) {
    const summary = commands.find(({ words }) => words === word)?.summary ?? "";
    lines.push(`complete -c ${program} -n "${at} ''" -f -a ${word} -d ${fishQuoted(summary)}`);
  }
  for (const group of firstsOfTwo(commands))
    for (const verb of wordsAfter(group, commands))
      lines.push(`complete -c ${program} -n "${at} ${group}; and not ${at} '${group} ${verb}'" -f -a ${verb}`);
  for (const command of commands) lines.push(...fishLines(program, at, command));
  return `${lines.join("\n")}\n`;
}

function fishLines(program: string, at: string, { words, flags, arguments: given }: Completable): string[] {
  const where = `complete -c ${program} -n "${at} '${words}'"`;
  return [
    ...(given.length > 0 ? [`${where} -f -a ${fishQuoted(list(given))}`] : []),
    ...flags.map(({ name, short, type, values, description }) =>
      [
        where,
        `-l ${name}`,
        ...(short ? [`-s ${short}`] : []),
        ...(type === "boolean" ? [] : ["-r"]),
        ...(values ? [`-f -a ${fishQuoted(list(values))}`] : []),
        `-d ${fishQuoted(description)}`,
      ].join(" "),
    ),
  ];
}

const psQuoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
const psList = (words: readonly string[]): string => `@(${words.map(psQuoted).join(", ")})`;

/** From the words before the cursor to what may stand there, by the tables above it. */
const POWERSHELL_LOOKUP = [
  "  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })",
  "  if ($wordToComplete -ne '' -and $words.Count -gt 0) { $words = @($words | Select-Object -SkipLast 1) }",
  "  $plain = @($words | Where-Object { -not $_.StartsWith('-') })",
  "  $command = ''",
  '  if ($plain.Count -gt 1 -and $flags.ContainsKey("$($plain[0]) $($plain[1])")) { $command = "$($plain[0]) $($plain[1])" }',
  "  elseif ($plain.Count -gt 0 -and $flags.ContainsKey($plain[0])) { $command = $plain[0] }",
  "  $found = @()",
  "  $previous = if ($words.Count -gt 0) { $words[-1] } else { '' }",
  '  if ($values.ContainsKey("$command $previous")) { $found = $values["$command $previous"] }',
  "  elseif ($wordToComplete.StartsWith('-')) { $found = $flags[$command] }",
  "  elseif ($plain.Count -eq 0) { $found = $first }",
  "  else {",
  "    if ($plain.Count -eq 1 -and $verbs.ContainsKey($plain[0])) { $found += $verbs[$plain[0]] }",
  "    if ($arguments.ContainsKey($command)) { $found += $arguments[$command] }",
  "  }",
  '  $found | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {',
  "    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)",
  "  }",
  "}",
  "",
];

function powershellScript(program: string, commands: readonly Completable[]): string {
  const entries = (rows: readonly (readonly [string, readonly string[]])[]): string[] =>
    rows.map(([key, words]) => `    ${psQuoted(key)} = ${psList(words)}`);
  const verbs = firstsOfTwo(commands).map((group) => [group, wordsAfter(group, commands)] as const);
  const flags = commands.map(({ words, flags }) => [words, flags.map(({ name }) => `--${name}`)] as const);
  const values = commands.flatMap(({ words, flags }) =>
    flags.filter(({ values }) => values).map(({ name, values }) => [`${words} --${name}`, values ?? []] as const),
  );
  const given = commands
    .filter((each) => each.arguments.length > 0)
    .map((each) => [each.words, each.arguments] as const);
  return [
    `# PowerShell completion of ${program}. Load it with: ${program} completion powershell | Out-String | Invoke-Expression`,
    `Register-ArgumentCompleter -Native -CommandName ${program} -ScriptBlock {`,
    "  param($wordToComplete, $commandAst, $cursorPosition)",
    `  $first = ${psList(wordsAfter("", commands))}`,
    "  $verbs = @{",
    ...entries(verbs),
    "  }",
    "  $flags = @{",
    ...entries(flags),
    "  }",
    "  $values = @{",
    ...entries(values),
    "  }",
    "  $arguments = @{",
    ...entries(given),
    "  }",
    ...POWERSHELL_LOOKUP,
  ].join("\n");
}
