/**
 * Asks for a connection when a person is there and nothing names one.
 *
 * The answers become the run's own input, as if they had been flags, and the password stands in for PGPASSWORD of this
 * run; nothing is remembered unless the person says so. A failed test shows the reason and lets the answers be
 * changed. Only a terminal gets here: without one a missing connection stays a failure.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, Prompter } from "../../base/operation.ts";
import { Secret } from "../../base/secrets.ts";
import { PGMI_YAML, readPgmiYaml } from "../../config/pgmi-yaml.ts";
import { loadSettings, type Settings } from "../../config/settings.ts";
import type { ConnectionRequest } from "../../pg/connect/input.ts";
import { openSession } from "../../pg/connect/open.ts";
import { defaultPasswordFile, storePassword } from "../../pg/connect/password-file.ts";
import { resolveConnection } from "../../pg/connect/resolve.ts";
import type { ConnectionSettings } from "../../pg/session.ts";
import { askConnection, type ConnectionAnswers, saveConnection, wizardLeft } from "./questions.ts";

/** Input that the wizard can complete. */
interface Completable extends ConnectionRequest {
  path: string;
  config?: string | undefined;
  env?: string | undefined;
  force?: boolean | undefined;
}

interface Completed<Input> {
  input: Input;
  context: OperationContext;
}

/** 10: whoever has not got there by then needs the documents, not another round. */
const MAX_ROUNDS = 10;

/**
 * Input and context with a connection: as they are when one is named or nobody can be asked.
 *
 * Throws CANCELLED when the person leaves, and what the last test threw when it is not to be repeated.
 */
export async function withConnection<Input extends Completable>(
  input: Input,
  context: OperationContext,
): Promise<Completed<Input>> {
  const { prompt } = context;
  if (!prompt || input.force || context.settings) return { input, context };
  const project = resolve(context.workingDirectory, input.path);
  // Without a script there is nothing to connect for; the run says so better.
  if (!existsSync(join(project, "deploy.sql"))) return { input, context };
  const settings = await settingsOf(input, context, project);
  if (!settings || namesConnection(input, settings)) return { input, context };
  return await new Wizard(input, context, { prompt, project, settings }).run();
}

/** undefined: a file is broken, which the run reports itself. */
async function settingsOf(
  { config, env }: Completable,
  { workingDirectory, environment }: OperationContext,
  projectDirectory: string,
): Promise<Settings | undefined> {
  try {
    return await loadSettings({ projectDirectory, workingDirectory, environment, config, env });
  } catch (error) {
    if (error instanceof PgkeepError) return undefined;
    throw error;
  }
}

function namesConnection(input: Completable, { environment, connection, embedded }: Settings): boolean {
  const flags = [input.connection, input.host, input.database, input.googleInstance, input.embedded ? "yes" : ""];
  const strings = ["PGKEEP_CONNECTION_STRING", "PGMI_CONNECTION_STRING", "DATABASE_URL", "PGSERVICE"];
  const variables = strings.map((name) => environment[name]);
  const files = [connection.host, connection.database, connection.google_instance, embedded].map((each) => each?.value);
  if ([...flags, ...variables, ...files].some((value) => value)) return true;
  return Boolean(environment.PGHOST && environment.PGDATABASE);
}

interface Surroundings {
  prompt: Prompter;
  /** Absolute path of the project. */
  project: string;
  settings: Settings;
}

class Wizard<Input extends Completable> {
  readonly #input: Input;
  readonly #context: OperationContext;
  readonly #around: Surroundings;

  constructor(input: Input, context: OperationContext, around: Surroundings) {
    this.#input = input;
    this.#context = context;
    this.#around = around;
  }

  async run(): Promise<Completed<Input>> {
    let answers = this.#known();
    for (let round = 1; ; round++) {
      try {
        answers = await askConnection(this.#around.prompt, answers);
        const password = await this.#askPassword();
        const completed = this.#completed(answers, password);
        const reached = await this.#test(completed);
        await this.#offerToSave(answers);
        if (password) await this.#offerToStore(reached, password);
        return completed;
      } catch (error) {
        await this.#orAgain(error, round);
      }
    }
  }

  /** What is known without asking: offered as the answers. */
  #known(): ConnectionAnswers {
    const { environment, connection } = this.#around.settings;
    const sources = {
      host: environment.PGHOST || connection.host?.value,
      port: this.#input.port?.toString() || environment.PGPORT || connection.port?.value,
      username: this.#input.username || environment.PGUSER || connection.username?.value,
      database: environment.PGDATABASE || connection.database?.value,
      sslmode: this.#input.sslmode || environment.PGSSLMODE || connection.sslmode?.value,
    };
    return Object.fromEntries(Object.entries(sources).flatMap(([key, value]) => (value ? [[key, value]] : [])));
  }

  /** undefined: there is one already, or none is wanted. */
  async #askPassword(): Promise<Secret | undefined> {
    const { azure, aws, google } = this.#input;
    const { environment, connection } = this.#around.settings;
    if (azure || aws || google || connection.auth_method || environment.PGPASSWORD) return undefined;
    const answer = await this.#around.prompt.secret("password (empty: from the password file, or none)");
    if (answer === undefined) throw wizardLeft();
    return answer === "" ? undefined : new Secret(answer);
  }

  #completed({ host, port, username, database, sslmode }: ConnectionAnswers, password: Secret | undefined) {
    const environment = password
      ? { ...this.#context.environment, PGPASSWORD: password.expose() }
      : this.#context.environment;
    const input: Input = { ...this.#input, host, port: Number(port), username, database, sslmode };
    return { input, context: { ...this.#context, environment } };
  }

  /** Connects and hangs up. A missing database is no failure: the run makes it, or says that it does not. */
  async #test({ input, context }: Completed<Input>): Promise<ConnectionSettings> {
    const { workingDirectory, signal, clock } = context;
    const { PGPASSWORD } = context.environment;
    const environment = { ...this.#around.settings.environment, ...(PGPASSWORD ? { PGPASSWORD } : {}) };
    const sources = { environment, workingDirectory, signal, clock, fileSettings: this.#around.settings.connection };
    const { settings } = await resolveConnection(input, sources);
    try {
      const session = await openSession(settings, { signal, clock });
      await session.close();
    } catch (error) {
      if (!(error instanceof PgkeepError) || error.code !== "CONNECT_DATABASE_MISSING") throw error;
    }
    return settings;
  }

  /** Throws `error` unless the person wants to change the answers. */
  async #orAgain(error: unknown, round: number): Promise<void> {
    if (!(error instanceof PgkeepError) || this.#context.signal.aborted) throw error;
    // The questions say "nothing was written"; here more than that did not happen.
    const failure = new PgkeepError(error.code, error.message, { ...error.parts, state: "nothing was started" });
    if (error.code === "CANCELLED" || round === MAX_ROUNDS) throw failure;
    if (!(await this.#around.prompt.confirm(`${error.message}; change the answers?`))) throw failure;
  }

  async #offerToSave(answers: ConnectionAnswers): Promise<void> {
    const { prompt, project } = this.#around;
    const entries = (await readPgmiYaml(project)) ?? [];
    const loss = entries.length > 0 ? " (its comments are lost)" : "";
    if (!(await prompt.confirm(`it works; save all but the password to ${PGMI_YAML}${loss}?`))) return;
    await this.#orWarn(() => saveConnection(project, entries, answers), `${PGMI_YAML} could not be written`);
  }

  async #offerToStore({ hosts, user, database }: ConnectionSettings, password: Secret): Promise<void> {
    // The person's own variable; a project's .env must not choose where a password is written.
    const { environment } = this.#context;
    const path = environment.PGPASSFILE || defaultPasswordFile(environment);
    const [address] = hosts;
    if (!path || !address) return;
    if (!(await this.#around.prompt.confirm(`store the password in ${path}?`))) return;
    const entry = { host: address.host, port: String(address.port), database, user, password };
    await this.#orWarn(() => storePassword(path, entry), "the password could not be stored");
  }

  /** The run can go on without what was to be remembered. */
  async #orWarn(work: () => Promise<unknown>, message: string): Promise<void> {
    try {
      await work();
    } catch {
      this.#context.report({ type: "warning", id: "wizard", message });
    }
  }
}
