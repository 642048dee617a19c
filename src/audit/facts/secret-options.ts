/** Where a command line holds a password, told without it. Pure. */

/** Keys of `--param KEY=VALUE` whose value is a secret by its name. */
const SECRET_KEY = /pass(word|wd|phrase)?|secret|token|api_?key|private_?key|credential/i;

const POSTGRES_URL_WITH_PASSWORD = /\bpostgres(?:ql)?:\/\/[^\s/?#@:]*:[^\s/?#@]+@/i;
const POSTGRES_URL_WITH_PARAMETER = /\bpostgres(?:ql)?:\/\/\S*[?&](?:ssl)?password=[^&\s]/i;
/** A word of a conninfo string; both spaces around the sign are allowed there. */
const CONNINFO_PASSWORD = /(?:^|\s)(?:ssl)?password\s*=\s*(?!\s*$)\S/i;
const ASSIGNED_VARIABLE = /(?:^|[\s;&|"'(])(PGPASSWORD|PGSSLPASSWORD)=[^\s"';$]/;
const OPTION_WITH_PASSWORD = /^(--?(?:[a-z-]*-)?(?:password|passwd|pwd|pass))=(.)/i;

/** Names of the options of `words` (the command line, the program first) that hold a password, each once. */
export function secretOptions(words: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const [index, word] of words.entries()) {
    if (index === 0) continue;
    for (const place of placesIn(word, words[index - 1] ?? "")) found.add(place);
  }
  return [...found];
}

function placesIn(word: string, before: string): string[] {
  const places: string[] = [];
  if (POSTGRES_URL_WITH_PASSWORD.test(word) || POSTGRES_URL_WITH_PARAMETER.test(word)) places.push("a connection URL");
  const option = OPTION_WITH_PASSWORD.exec(word)?.[1];
  if (option !== undefined) places.push(option);
  else if (CONNINFO_PASSWORD.test(word)) places.push("password= of a connection string");
  const variable = ASSIGNED_VARIABLE.exec(word)?.[1];
  if (variable !== undefined) places.push(variable);
  const parameter = parameterIn(word, before);
  if (parameter !== undefined) places.push(parameter);
  return places;
}

/** `--param app_password=x`, in one word or two. */
function parameterIn(word: string, before: string): string | undefined {
  const given = before === "--param" ? word : /^--param=(.*)$/s.exec(word)?.[1];
  const [, key, value] = /^([A-Za-z_]\w{0,62})=(.*)$/s.exec(given ?? "") ?? [];
  return key !== undefined && value && SECRET_KEY.test(key) ? `--param ${key}` : undefined;
}
