/**
 * Notices when the events of a topic change their fields, for pipelines with `on_schema_change`.
 *
 * Compared are the names at the top of the payload as it is delivered. The database keeps what is known; this remembers
 * its answers for a while, so that only new shapes cost a question:
 *
 *   judge   "pass", "ask" (not known here: call `ask`, then judge again), or why the event is a dead letter
 *   ask     puts the question. False: nothing from this event on may be taken, and `pause` is to be called
 */
import { tameLine } from "../../base/tame.ts";
import type { Delivery } from "../message.ts";
import type { SchemaPolicy } from "../pipeline/pipeline.ts";
import { observeSchema, pausePipeline, type SchemaChange } from "../store/schemas.ts";
import type { Item } from "./lanes.ts";
import type { WorkerContext } from "./worker.ts";

/** 60 s: shapes that pass are told to the database again, which notes when they were seen. */
const PASSES_FOR_MS = 60_000;
/** 2 s: somebody may have accepted a shape that was refused. */
const REFUSED_FOR_MS = 2_000;
/** Answers that are remembered. Topics made of ids have no schema worth watching. */
const MOST_ANSWERS = 2_000;
const MOST_NAMES = 5;
const MAX_TOPIC_LENGTH = 200;

export type Verdict = "pass" | "ask" | NonNullable<Item["refusal"]>;

interface Answer {
  verdict: Verdict;
  untilMs: number;
}

interface Question {
  id: string;
  topic: string;
  fields: readonly string[];
}

export interface SchemaWatchOptions {
  context: WorkerContext;
  policy: SchemaPolicy;
}

export class SchemaWatch {
  readonly #options: SchemaWatchOptions;
  readonly #answers = new Map<string, Answer>();
  #question: Question | undefined;
  #stoppedBy: string | undefined;
  #hasTold = false;

  constructor(options: SchemaWatchOptions) {
    this.#options = options;
  }

  readonly judge = ({ message, subject }: Delivery): Verdict => {
    const topic = (subject ?? message.outbox).slice(0, MAX_TOPIC_LENGTH);
    const fields = fieldsOf(message.payload);
    const id = JSON.stringify([topic, fields]);
    const answer = this.#answers.get(id);
    if (answer !== undefined && answer.untilMs > this.#nowMs()) return answer.verdict;
    if (answer === undefined && this.#answers.size >= MOST_ANSWERS) return this.#tooMany();
    this.#question = { id, topic, fields };
    return "ask";
  };

  /** Answers what `judge` could not. Throws what the session throws. */
  async ask(): Promise<boolean> {
    const question = this.#question;
    if (question === undefined) return true;
    const { context, policy } = this.#options;
    const { topic, fields } = question;
    const pipeline = context.pipeline.name;
    const change = await context.lease.use((session) => observeSchema(session, { pipeline, topic, fields, policy }));
    const nowMs = this.#nowMs();
    const told = wording(topic, change);
    if (change.action === "pause") {
      this.#stoppedBy = told;
      return false;
    }
    if (change.action === "warn") context.voice.report({ type: "relay.warning", message: told });
    const isRefused = change.action === "dlq";
    this.#answers.set(question.id, {
      verdict: isRefused ? { kind: "decode", reason: told } : "pass",
      untilMs: nowMs + (isRefused ? REFUSED_FOR_MS : PASSES_FOR_MS),
    });
    return true;
  }

  /** Switches the pipeline off, once what came before is sent: an earlier stop would leave that for ever. */
  async pause(): Promise<void> {
    const reason = this.#stoppedBy;
    if (reason === undefined) return;
    this.#stoppedBy = undefined;
    const { lease, voice, pipeline } = this.#options.context;
    const code = "PGTIDE_PIPELINE_INVALID";
    voice.error("config", { code, reason, isTransient: false });
    const isOff = await lease.use((session) => pausePipeline(session, pipeline.name, reason));
    voice.state(isOff ? "paused" : "failed", { code, reason });
  }

  #tooMany(): Verdict {
    const { voice } = this.#options.context;
    const message = `more than ${MOST_ANSWERS} topics and shapes: further ones are not watched for changes`;
    if (!this.#hasTold) voice.report({ type: "relay.warning", message });
    this.#hasTold = true;
    return "pass";
  }

  #nowMs(): number {
    return this.#options.context.options.clock.monotonicMs();
  }
}

/** Names at the top of a payload; none when it is no object. */
function fieldsOf(payload: string): string[] {
  const value: unknown = JSON.parse(payload);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
}

function wording(topic: string, { added, removed }: SchemaChange): string {
  const changes = [listed("added", added), listed("removed", removed)].filter((part) => part !== "");
  return tameLine(`the fields of events of "${topic}" changed: ${changes.join("; ")}`);
}

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
  return `${what} ${names.slice(0, MOST_NAMES).join(", ")}${more}`;
}
