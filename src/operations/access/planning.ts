/**
 * From a model's file and a server to a plan, and the same again inside the transaction that applies it.
 *
 * One place decides which passwords a plan sets: those of new roles, those that the server or our own memory knows to
 * be others, and with `rotate` all of them. What nobody knows stays as it is, and the plan says so.
 */
import { resolve } from "node:path";
import type { Fingerprints } from "../../access/apply/fingerprints.ts";
import {
  comparePasswords,
  type PasswordState,
  type RolePassword,
  resolvePasswords,
} from "../../access/apply/passwords.ts";
import type { Snapshot } from "../../access/catalog/snapshot.ts";
import type { AccessModel, RoleModel } from "../../access/model/model.ts";
import { inspectFor } from "../../access/plan/inspect-for.ts";
import { differences, type ModelDifferences, makePlan } from "../../access/plan/make-plan.ts";
import type { AccessPlan } from "../../access/plan/plan.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext, ZodNamespace } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";
import { settingsFields } from "../../config/input.ts";
import { DEFAULT_SECRET_ROOTS } from "../../config/references.ts";
import { connectionFields } from "../../pg/connect/input.ts";
import type { Session } from "../../pg/session.ts";
import { type Server, type ServerRequest, serverOf } from "../server/connect.ts";
import { loadModel, modelField } from "./model-file.ts";
import { memoryOf, saveMemory, secretFields } from "./secret-input.ts";
import { openTarget } from "./target.ts";

/** What a plan may contain beyond what the model says. */
export interface PlanChoicesRequest {
  cascade?: boolean | undefined;
  includeDefiner?: boolean | undefined;
  rotate?: boolean | undefined;
}

export interface PlanningRequest extends ServerRequest, PlanChoicesRequest {
  model?: string | undefined;
  secretRoot?: readonly string[] | undefined;
  stateFile?: string | undefined;
}

/** The fields of every operation that plans: model, choices, secrets, connection. */
export function planningFields(z: ZodNamespace) {
  return {
    ...modelField(z),
    cascade: z
      .boolean()
      .optional()
      .meta({ description: "Also revoke what others passed on of a grant option that is taken away", group: "what" }),
    includeDefiner: z
      .boolean()
      .optional()
      .meta({ description: "Also change owners of security definer functions and views", group: "what" }),
    rotate: z.boolean().optional().meta({ description: "Set every password of the model again", group: "what" }),
    ...secretFields(z),
    ...settingsFields(z),
    ...connectionFields(z),
  };
}

export interface Planning {
  model: AccessModel;
  server: Server;
  passwords: ReadonlyMap<string, RolePassword>;
  /** Opens the model's database; the maintenance database when there is none yet. */
  open(): Promise<Session>;
  /** Looks, and says thing by thing what is not as the model says. */
  compare(session: Session): Promise<{ plan: AccessPlan; differences: ModelDifferences }>;
  /** The database at the first look and at the last. */
  looks(): { first: Snapshot; last: Snapshot } | undefined;
  /** Keeps fingerprints of passwords that were set, for servers that do not show them. Never throws. */
  remember(roles: readonly string[]): void;
  /** Looks and plans. `set`: roles whose password this transaction has set. */
  plan(session: Session, set?: ReadonlySet<string>): Promise<AccessPlan>;
}

/** `lenient`: a password whose reference has no value here is passed over with a warning, for looking only. */
export interface PlanningOptions {
  lenient: boolean;
  /** Narrows the model before it is planned. */
  narrow?: ((model: AccessModel) => AccessModel) | undefined;
  /** In place of a file. */
  model?: AccessModel | undefined;
}

/** Reads the model, resolves its secrets and the target. Connects to nothing yet. */
export async function planningOf(
  request: PlanningRequest,
  context: OperationContext,
  { lenient, narrow = (model) => model, model: given }: PlanningOptions,
): Promise<Planning> {
  const model = narrow(given ?? (await loadModel(request.model, context)));
  const server = await serverFor(model, request, context);
  const warn = (message: string): void => context.report({ type: "warning", message });
  const passwords = await passwordsOf(model, { request, context, lenient, warn });
  const memory = passwords.size > 0 ? await memoryOf(server, request, context) : undefined;
  const planner = new Planner({ model, passwords, memory, request });
  return {
    model,
    server,
    passwords,
    open: () => openTarget(server, model.database || undefined),
    plan: async (session, set) => (await planner.look(session, set)).plan,
    compare: (session) => planner.compare(session),
    looks: () => planner.looks,
    remember: (roles) => planner.remember(roles, warn),
  };
}

interface PlannerParts {
  model: AccessModel;
  passwords: ReadonlyMap<string, RolePassword>;
  memory: Fingerprints | undefined;
  request: PlanningRequest;
}

/** Looks at a database as often as it is asked to, and plans from what it saw last. */
class Planner {
  looks: { first: Snapshot; last: Snapshot } | undefined;
  readonly #parts: PlannerParts;
  /** Roles for which the model names a password. */
  readonly #wanted: readonly RoleModel[];

  constructor(parts: PlannerParts) {
    this.#parts = parts;
    const roles = [...parts.model.roles.values()];
    this.#wanted = roles.filter(({ password, state }) => password && state === "present");
  }

  /** `set`: roles whose password this transaction has set. */
  async look(session: Session, set: ReadonlySet<string> = new Set()) {
    const { model, passwords, memory, request } = this.#parts;
    const { rotate = false, cascade = false, includeDefiner = false } = request;
    const snapshot = await inspectFor(model, session);
    this.looks = { first: this.looks?.first ?? snapshot, last: snapshot };
    const states = await comparePasswords(session, passwords, memory?.check);
    const { setPasswords, unknown } = passwordsToSet({ wanted: this.#wanted, states, snapshot, rotate, set });
    const options = { setPasswords, cascade, includeDefiner };
    const made = await makePlan(model, snapshot, options);
    // Of a password that could not be looked up it was said already.
    const unsure = unknown.filter((role) => passwords.has(role)).map(unknownPassword);
    const warnings = [...made.warnings, ...unsure];
    return { plan: { ...made, warnings }, snapshot, options };
  }

  async compare(session: Session) {
    const { plan, snapshot, options } = await this.look(session);
    return { plan, differences: await differences(this.#parts.model, snapshot, options) };
  }

  remember(roles: readonly string[], warn: (message: string) => void): void {
    const { memory, passwords } = this.#parts;
    if (!memory || roles.length === 0) return;
    for (const name of roles) {
      const [role, password] = [this.looks?.last.roles.get(name), passwords.get(name)];
      if (role && password) memory.set(role, password.secret);
    }
    saveMemory(memory, warn);
  }
}

const unknownPassword = (role: string): string =>
  `whether role "${tameLine(role)}" has its password is unknown; --rotate sets it again`;

/** The connection's own database has to be the model's, unless the connection names none. */
export async function serverFor(
  model: AccessModel,
  request: PlanningRequest,
  context: OperationContext,
): Promise<Server> {
  if (request.database !== undefined && model.database !== "" && request.database !== model.database) {
    throw new PgkeepError("CONFIG_CONFLICT", "the model is for another database", {
      detail: `The model says "${tameLine(model.database)}", the connection "${tameLine(request.database)}".`,
      hint: "Leave --database out: the model names it.",
      state: "nothing was started",
    });
  }
  return await serverOf({ ...request, database: model.database || request.database }, context);
}

interface SecretsRequest {
  request: PlanningRequest;
  context: OperationContext;
  warn: (message: string) => void;
}

async function passwordsOf(
  model: AccessModel,
  { request, context, lenient, warn }: SecretsRequest & { lenient: boolean },
): Promise<ReadonlyMap<string, RolePassword>> {
  const { workingDirectory, environment } = context;
  const secretRoots = request.secretRoot?.map((root) => resolve(workingDirectory, root)) ?? DEFAULT_SECRET_ROOTS;
  const sources = { environment, secretRoots };
  if (!lenient) return await resolvePasswords(model, sources);
  const known = new Map<string, RolePassword>();
  for (const [name, role] of model.roles) {
    try {
      const alone = await resolvePasswords({ ...model, roles: new Map([[name, role]]) }, sources);
      for (const password of alone.values()) known.set(name, password);
    } catch (error) {
      if (!(error instanceof PgkeepError) || error.code !== "CONFIG_REFERENCE_UNRESOLVED") throw error;
      warn(`${error.message}; access apply needs it`);
    }
  }
  return known;
}

interface PasswordFacts {
  /** Roles for which the model names a password. */
  wanted: readonly RoleModel[];
  states: ReadonlyMap<string, PasswordState>;
  snapshot: Snapshot;
  rotate: boolean;
  set: ReadonlySet<string>;
}

function passwordsToSet({ wanted, states, snapshot, rotate, set }: PasswordFacts) {
  const setPasswords = new Set<string>();
  const unknown: string[] = [];
  for (const { name: role } of wanted) {
    const state = states.get(role) ?? "unknown";
    if (set.has(role)) {
      // Where the server shows it, it must be there; elsewhere its word that it was set has to do.
      if (state === "different" || state === "unset") setPasswords.add(role);
      continue;
    }
    const isNew = !snapshot.roles.has(role);
    if (isNew || rotate || state === "different" || state === "unset") setPasswords.add(role);
    else if (state === "unknown") unknown.push(role);
  }
  return { setPasswords, unknown };
}
