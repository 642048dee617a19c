/** Runs a relay in this process until it is told to stop. */
import { PgkeepError } from "../../base/errors.ts";
import type { Session } from "../../pg/session.ts";
import { catalogueParts } from "./catalogue-parts.ts";
import { Coordinator, type WorkerRequest } from "./coordinator.ts";
import { ForwardWorker } from "./forward.ts";
import { Lookout } from "./lookout.ts";
import { MemoryBudget } from "./memory.ts";
import type { RelayOptions, RelaySummary } from "./options.ts";
import type { RelayParts } from "./parts.ts";
import type { Worker, WorkerContext } from "./worker.ts";

/** 128 MiB of messages of all pipelines together: 16 pages of the largest size, twice over. */
const MEMORY_BYTES = 128 * 1024 * 1024;

/**
 * Takes pipelines of the group, delivers, and shares them with other relays, until `options.signal` aborts; then drains.
 *
 * Throws what keeps the catalog from being read at the start; later failures are reported and tried again.
 */
export function runRelay(options: RelayOptions, parts: RelayParts = catalogueParts): Promise<RelaySummary> {
  const sessions = new SessionCount(options);
  const counted: RelayOptions = { ...options, openDatabase: () => sessions.open() };
  const memory = new MemoryBudget(MEMORY_BYTES);
  const lookout = new Lookout(() => options.clock.monotonicMs());
  const coordinator = new Coordinator({
    options: counted,
    parts,
    workerOf: (context, request) => workerOf(context, request, { parts, memory, lookout }),
    sessionsLeft: () => sessions.left,
  });
  options.onReload?.(() => coordinator.reload());
  return coordinator.run();
}

function workerOf(
  context: WorkerContext,
  request: WorkerRequest,
  { parts, memory, lookout }: { parts: RelayParts; memory: MemoryBudget; lookout: Lookout },
): Worker {
  if (context.pipeline.direction === "reverse") return parts.reverseWorker(context);
  return new ForwardWorker({ ...request, context, parts, memory, lookout, range: undefined });
}

/** Counts the sessions on the relay's database, and refuses one too many. */
class SessionCount {
  readonly #options: RelayOptions;
  #open = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  get left(): number {
    return this.#options.maxConnections - this.#open;
  }

  async open(): Promise<Session> {
    const { maxConnections: limit, clock, report, openDatabase } = this.#options;
    if (this.#open >= limit) {
      throw new PgkeepError("CONNECT_TOO_MANY", `the relay has ${limit} sessions on its database already`, {
        hint: "Raise --max-connections, or lower --max-pipelines.",
      });
    }
    this.#open += 1;
    const startedMs = clock.monotonicMs();
    try {
      const session = await openDatabase();
      report({ type: "relay.connections", open: this.#open, limit, openedInMs: clock.monotonicMs() - startedMs });
      session.onEnd(() => this.#closed());
      return session;
    } catch (error) {
      this.#closed();
      throw error;
    }
  }

  #closed(): void {
    this.#open -= 1;
    this.#options.report({ type: "relay.connections", open: this.#open, limit: this.#options.maxConnections });
  }
}
