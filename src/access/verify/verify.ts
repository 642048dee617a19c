/**
 * Proves a model on a server: for every role of the file, what must work works and what must not is refused.
 *
 *   surroundings read -> room opened -> new objects made -> role by role: tried, then asked what could not be tried
 *   -> real logins -> room closed (rolled back) -> judged
 *
 * Expectations come from the model alone, answers from the server; where something cannot be tried without an effect
 * the catalog's own functions answer and the result says "computed". What nobody could answer is "unknown" and never
 * counts as good. Nothing that was done remains, whatever happens in between.
 */
import { randomBytes } from "node:crypto";
import type { ProgressEvent } from "../../base/operation.ts";
import { ServerError, type Session } from "../../pg/session.ts";
import { privilegeKinds } from "../catalog/kinds.ts";
import type { Snapshot } from "../catalog/snapshot.ts";
import type { AccessModel, RoleModel } from "../model/model.ts";
import type { PrivilegeKind } from "../privileges/privilege-kind.ts";
import type { DesiredObject } from "./desired.ts";
import { Expectations } from "./expectations.ts";
import { loginOutcomes, type OpenLogin } from "./logins.ts";
import {
  creationProbe,
  creationStatements,
  type NewObjects,
  newObjectProbes,
  newObjectProbesOfAll,
  newObjects,
} from "./new-object-probes.ts";
import { objectProbes, type ProbeSource } from "./object-probes.ts";
import { type Answer, judge, type Probe, type ProbeOutcome, type VerifyCounts, type VerifyReport } from "./probe.ts";
import { callProbes, promisedProbe } from "./promised-probes.ts";
import { publicProbes } from "./public-probes.ts";
import { type Actor, endedByServer, type Inside, ProbeRoom } from "./room.ts";
import { rowSecurityProbes } from "./row-security-probes.ts";
import { type Sampling, sampled } from "./sample.ts";
import { isProbed, serverProbes } from "./server-probes.ts";
import { readSurroundings, type Surroundings } from "./surroundings.ts";

export interface VerifyOptions {
  signal: AbortSignal;
  /** Objects per kind and schema; absent: all of them. */
  sample?: Sampling | undefined;
  /** Whether the routines that the model lists are called. */
  call?: boolean | undefined;
  /** Opens a session as a role of `verify.logins`, in another database when one is named. Absent: no logins are tried. */
  openLogin?: OpenLogin | undefined;
  report?: ((event: ProgressEvent) => void) | undefined;
}

/**
 * Verifies. `snapshot` must be of the same session, and of the same transaction when one is open. Throws
 * ACCESS_CATALOG_UNREADABLE, ACCESS_SQL_FAILED, CONNECT_LOST, and the signal's reason.
 */
export async function verifyAccess(
  session: Session,
  { model, snapshot }: { model: AccessModel; snapshot: Snapshot },
  options: VerifyOptions,
): Promise<VerifyReport> {
  const surroundings = await readSurroundings(session);
  const kinds = await privilegeKinds();
  const expectations = new Expectations(model, snapshot, kinds);
  const nonce = randomBytes(4).toString("hex");
  const { present } = expectations;
  const room = await ProbeRoom.open(session, { snapshot, surroundings, present, nonce, signal: options.signal });
  try {
    const run = new Verification({ expectations, kinds, surroundings, room, options, nonce });
    const outcomes = await run.outcomes();
    await room.close();
    const logins = await loginOutcomes(expectations, options);
    return reportOf([...outcomes, ...logins], { expectations, room, options, notes: run.notes });
  } catch (error) {
    options.signal.throwIfAborted();
    throw error instanceof ServerError ? endedByServer(error) : error;
  } finally {
    await room.close();
  }
}

interface VerificationParts {
  expectations: Expectations;
  kinds: readonly PrivilegeKind[];
  surroundings: Surroundings;
  room: ProbeRoom;
  options: VerifyOptions;
  nonce: string;
}

class Verification {
  readonly notes: string[] = [];
  readonly #parts: VerificationParts;
  readonly #objects: readonly DesiredObject[];

  constructor(parts: VerificationParts) {
    this.#parts = parts;
    const { expectations, options, surroundings, room } = parts;
    this.#objects = options.sample ? sampled(expectations.objects, options.sample) : expectations.objects;
    if (room.why !== undefined) this.notes.push(`Nothing was tried: ${room.why}.`);
    else if (expectations.snapshot.executor.superuser && surroundings.eventTriggers.length > 0) {
      const count = surroundings.eventTriggers.length;
      this.notes.push(
        `${count} event trigger${count === 1 ? " was" : "s were"} switched off during the probes, so what only they forbid counts as allowed.`,
      );
    }
  }

  async outcomes(): Promise<ProbeOutcome[]> {
    const { expectations, options } = this.#parts;
    const { made, failed } = await this.#makeNewObjects();
    const outcomes = [...failed, ...this.#missingRoles()];
    const roles = [...expectations.model.roles.values()].filter(({ name }) => isProbed(expectations, name));
    for (const [index, role] of roles.entries()) {
      options.signal.throwIfAborted();
      options.report?.({ type: "access.verify_role", role: role.name, done: index, total: roles.length });
      outcomes.push(...(await this.#outcomesOf(role, made)));
    }
    if (
      outcomes.some(
        ({ result, object, schema }) => result === "fail" && object === "schema public" && schema === undefined,
      )
    ) {
      this.notes.push(
        'The model does not speak of schema "public"; "public: { revoke_public: [create] }" under schemas closes it.',
      );
    }
    const ofAll = [
      ...this.#ofPublic(),
      ...newObjectProbesOfAll(expectations, made),
      ...this.#promised({ login: "", actor: "" }),
    ];
    outcomes.push(...(await this.#asked(ofAll, "PUBLIC cannot be acted as")));
    return outcomes;
  }

  /** A role that becomes another at login is probed twice: its own rights, and those that it then has. */
  async #outcomesOf({ name, runAs }: RoleModel, made: readonly NewObjects[]): Promise<ProbeOutcome[]> {
    const actor = runAs ?? name;
    const own = serverProbes(this.#source(name));
    const acting = [...this.#objectProbes(actor, made), ...this.#promised({ login: name, actor })].map((probe) => ({
      ...probe,
      role: name,
    }));
    if (actor === name) return await this.#tried([...own, ...acting], { login: name, actor });
    return [
      ...(await this.#tried(own, { login: name, actor: name })),
      ...(await this.#tried(acting, { login: name, actor })),
    ];
  }

  #objectProbes(actor: string, made: readonly NewObjects[]): Probe[] {
    const source = this.#source(actor);
    return [
      ...this.#objects.flatMap((desired) => objectProbes(source, desired)),
      ...rowSecurityProbes(source),
      ...newObjectProbes(source, made),
      ...(this.#parts.options.call ? callProbes(source) : []),
    ];
  }

  #ofPublic(): Probe[] {
    const kinds = new Map(this.#parts.kinds.map((kind) => [kind.name, kind]));
    return this.#objects.flatMap((desired) => {
      const kind = kinds.get(desired.object.kind);
      return kind ? publicProbes(desired, kind) : [];
    });
  }

  /** What the file asks for by name of `login`, tried with the rights of `actor`. */
  #promised({ login: role, actor }: Actor): Probe[] {
    const { expectations, surroundings } = this.#parts;
    const source = { expectations, surroundings, freshName: this.#freshName() };
    return expectations.model.verify.expectations
      .filter((expectation) => expectation.role === role)
      .map((expectation) => promisedProbe(source, { ...expectation, role: actor }));
  }

  #source(role: string): ProbeSource {
    const { expectations, surroundings } = this.#parts;
    return { expectations, surroundings, role, freshName: this.#freshName() };
  }

  #freshName(): string {
    return `pgkeep_probe_${this.#parts.nonce}`;
  }

  async #tried(probes: readonly Probe[], actor: Actor): Promise<ProbeOutcome[]> {
    const { room } = this.#parts;
    const done = await room.inside(actor, async (inside) => await answered(probes, inside));
    return "refused" in done ? await this.#asked(probes, done.refused) : done.result;
  }

  /** As the executor, from the catalog alone. */
  async #asked(probes: readonly Probe[], why: string): Promise<ProbeOutcome[]> {
    const asking = probes.map((probe) => asAsk(probe, why));
    const questions = asking.flatMap(({ attempt }) => (attempt.kind === "ask" ? [attempt.question] : []));
    const answers = (await this.#parts.room.askAll(questions)).values();
    return asking.map((probe) => judge(probe, probe.attempt.kind === "ask" ? nextOf(answers) : NO_ANSWER));
  }

  async #makeNewObjects(): Promise<{ made: NewObjects[]; failed: ProbeOutcome[] }> {
    const { expectations, room, nonce } = this.#parts;
    const made: NewObjects[] = [];
    const failed: ProbeOutcome[] = [];
    for (const objects of newObjects(expectations, nonce)) {
      const probe = creationProbe(objects);
      const items = creationStatements(objects).map((sql) => `k0 ${sql}`);
      const actor = { login: objects.login, actor: objects.creator };
      const done = await room.inside(actor, async (inside) => await inside.tryAll(items), { keeps: true });
      if ("refused" in done) {
        failed.push({ ...judge({ ...probe, attempt: { kind: "none", why: done.refused } }, NO_ANSWER) });
        continue;
      }
      const bad = done.result.find(({ outcome }) => outcome !== "ok");
      if (bad) failed.push(judge(probe, bad));
      else made.push(objects);
    }
    return { made, failed };
  }

  #missingRoles(): ProbeOutcome[] {
    const { model, snapshot } = this.#parts.expectations;
    return [...model.roles.values()].flatMap(({ name, state }): ProbeOutcome[] => {
      const present = snapshot.roles.get(name);
      const base = { row: 1, role: name, action: "exist", object: `role ${name}` };
      if (state === "absent") {
        return present ? [{ ...base, expected: "refused", result: "fail", actual: "allowed" }] : [];
      }
      if (!present) return [{ ...base, expected: "allowed", result: "fail", actual: "refused" }];
      if (present.addressable) return [];
      return [{ ...base, expected: "allowed", result: "unknown", reason: "its name cannot be written in a statement" }];
    });
  }
}

const NO_ANSWER: Answer = { outcome: undefined };

function nextOf(answers: Iterator<Answer, undefined>): Answer {
  return answers.next().value ?? NO_ANSWER;
}

/** Tries everything inside a role, then asks the catalog about what could not be judged. */
async function answered(probes: readonly Probe[], inside: Inside): Promise<ProbeOutcome[]> {
  const ready = probes.map((probe) =>
    probe.attempt.kind === "become" && !inside.becomeAll
      ? asAsk(probe, "the session is not the role's own, so becoming another proves nothing")
      : probe,
  );
  const answers = (await inside.tryAll(ready.flatMap((probe) => itemOf(probe) ?? []))).values();
  const asked = (
    await inside.askAll(ready.flatMap(({ attempt }) => (attempt.kind === "ask" ? [attempt.question] : [])))
  ).values();
  const targets = ready.flatMap(({ attempt }) => (attempt.kind === "become" ? [attempt.role] : []));
  const becoming = ((targets.length > 0 ? await inside.becomeAll?.(targets) : undefined) ?? []).values();
  const answerOf = (probe: Probe): Answer => {
    const { attempt } = probe;
    if (attempt.kind === "become") return nextOf(becoming);
    if (attempt.kind === "ask") return nextOf(asked);
    return itemOf(probe) === undefined ? NO_ANSWER : nextOf(answers);
  };
  const first = ready.map((probe) => ({ probe, outcome: judge(probe, answerOf(probe)) }));
  const open = first.filter(({ probe, outcome }) => outcome.result === "unknown" && probe.otherwise !== undefined);
  const second = await inside.askAll(open.flatMap(({ probe }) => probe.otherwise ?? []));
  const judged = new Map(
    open.map(({ probe, outcome }, index) => {
      const why = `${outcome.reason ?? "there was no answer"}: ${outcome.message ?? ""} (${outcome.sqlstate ?? ""})`;
      return [probe, judge(asAsk(probe, why), second[index] ?? NO_ANSWER)] as const;
    }),
  );
  return first.map(({ probe, outcome }) => judged.get(probe) ?? outcome);
}

/** The probe as a question to the catalog, where it has one. */
function asAsk(probe: Probe, why: string): Probe {
  const { attempt, otherwise } = probe;
  if (attempt.kind === "ask" || attempt.kind === "known" || attempt.kind === "none") return probe;
  if (otherwise === undefined) return { ...probe, attempt: { kind: "none", why } };
  return { ...probe, attempt: { kind: "ask", question: otherwise, why } };
}

/** What the function on the server tries; undefined for what is answered in another way. */
function itemOf({ attempt, relation = 0 }: Probe): string | undefined {
  if (attempt.kind === "run") return `r${relation} ${attempt.sql}`;
  if (attempt.kind === "grant") return `g${relation} ${attempt.sql}`;
  return undefined;
}

interface ReportParts {
  expectations: Expectations;
  room: ProbeRoom;
  options: VerifyOptions;
  notes: readonly string[];
}

function reportOf(probes: ProbeOutcome[], { expectations, room, options, notes }: ReportParts): VerifyReport {
  const { snapshot, model } = expectations;
  return {
    database: snapshot.database,
    server_version: snapshot.version,
    model: model.file,
    model_hash: model.hash,
    executor: { session_user: snapshot.executor.sessionUser, superuser: snapshot.executor.superuser },
    method: room.method,
    ...(options.sample ? { sample: { size: options.sample.size, seed: options.sample.seed } } : {}),
    counts: counted(probes),
    matrix: matrixOf(probes),
    probes,
    notes: [...notes],
  };
}

export function counted(probes: readonly ProbeOutcome[]): VerifyCounts {
  const counts: VerifyCounts = { pass: 0, fail: 0, unknown: 0, computed: 0 };
  for (const { result } of probes) counts[result]++;
  return counts;
}

/** Role by role, its schemas in the order met, what belongs to none first. */
function matrixOf(probes: readonly ProbeOutcome[]): VerifyReport["matrix"] {
  const cells = new Map<string, ProbeOutcome[]>();
  for (const probe of probes) {
    const key = JSON.stringify([probe.role, probe.schema ?? null]);
    const cell = cells.get(key);
    if (cell) cell.push(probe);
    else cells.set(key, [probe]);
  }
  return [...cells.values()].flatMap((cell) => {
    const [first] = cell;
    if (!first) return [];
    const { role, schema } = first;
    return [{ role, ...(schema === undefined ? {} : { schema }), ...counted(cell) }];
  });
}
