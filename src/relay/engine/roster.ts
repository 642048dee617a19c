/**
 * The pipelines of the catalog as this process keeps them: read again when they may have changed, parsed, compared.
 *
 *   new or changed    the row is parsed; one that is invalid is said to have failed, others go on
 *   another version   another configuration, other contents of a file it refers to, disabled -> its worker drains
 *   gone              its worker drains, and it is forgotten
 *
 * What is drained here is taken again by the coordinator, if it is still wanted.
 */
import { stat } from "node:fs/promises";
import type { Session } from "../../pg/session.ts";
import type { Pipeline, PipelineRow } from "../pipeline/pipeline.ts";
import { type CatalogPipeline, discoverPipelines, type GroupLimits, readLimits } from "../store/catalog.ts";
import type { PipelineKey } from "../store/pipeline-key.ts";
import { type Entry, newEntry, versionOf } from "./entry.ts";
import type { RelayOptions } from "./options.ts";
import type { RelayParts } from "./parts.ts";
import { diagnosisOf, PipelineStatus, type Totals } from "./pipeline-status.ts";

/** A configuration that is no longer wanted drains for so long. */
const CHANGE_DRAIN_MS = 5_000;

export class Roster {
  readonly #options: RelayOptions;
  readonly #parts: RelayParts;
  readonly #totals: Totals;
  readonly #entries = new Map<string, Entry>();
  #limits: GroupLimits | undefined;
  #isRead = false;

  constructor(options: RelayOptions, parts: RelayParts, totals: Totals) {
    this.#options = options;
    this.#parts = parts;
    this.#totals = totals;
  }

  /** Whether the catalog was read at all. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** What the catalog bounds every relay of this group by; undefined: nothing. */
  get limits(): GroupLimits | undefined {
    return this.#limits;
  }

  get all(): Entry[] {
    return [...this.#entries.values()];
  }

  /** Those that should run in some process. */
  get wanted(): Entry[] {
    return this.all.filter(
      ({ found, members, isFinished }) => found.row.enabled && members !== undefined && !isFinished,
    );
  }

  /** Those that this process runs. */
  get owned(): Entry[] {
    return this.all.filter(({ owned }) => owned !== undefined);
  }

  /** Reads the catalog. Returns how many queries that took. */
  async read(session: Session): Promise<number> {
    this.#limits = await readLimits(session, this.#options.group);
    const pipelines = await discoverPipelines(session, this.#options);
    this.#isRead = true;
    const seen = new Set<string>();
    for (const found of pipelines) {
      const name = `${found.row.direction}:${found.row.name}`;
      seen.add(name);
      await this.#takeIn(name, found);
    }
    for (const [name, entry] of this.#entries) if (!seen.has(name)) this.#forget(name, entry);
    return 4;
  }

  /** Stops what refers to files that are others by now. */
  async restartChangedFiles(): Promise<void> {
    for (const { owned, files, status, members } of this.#entries.values()) {
      if (owned === undefined || owned.isStopping || files === "" || members === undefined) continue;
      if ((await this.filesOf(members)) === files) continue;
      status.report({ type: "relay.warning", message: "a file that the configuration refers to has changed" });
      owned.stop(CHANGE_DRAIN_MS);
    }
  }

  /** Which version of its files a pipeline has; "": it refers to none. */
  async filesOf(members: readonly Pipeline[]): Promise<string> {
    const paths = new Set(members.flatMap((member) => this.#parts.referencedFiles(member)));
    const versions = [...paths].map(async (path) => {
      try {
        const { mtimeMs, ino, size } = await stat(path);
        return `${path}:${mtimeMs}:${ino}:${size}`;
      } catch {
        return `${path}:missing`;
      }
    });
    return (await Promise.all(versions)).join("\n");
  }

  async #takeIn(name: string, found: CatalogPipeline): Promise<void> {
    const known = this.#entries.get(name);
    if (known !== undefined && JSON.stringify(known.found) === JSON.stringify(found)) return;
    const entry = known ?? this.#newEntry(found);
    this.#entries.set(name, entry);
    const before = versionOf(entry);
    entry.found = found;
    entry.key = this.#keyOf(found.row);
    entry.members = await this.#parse(entry);
    entry.isFinished = false;
    if (before === versionOf(entry)) return;
    entry.notBeforeMs = 0;
    entry.crashes = 0;
    entry.owned?.stop(CHANGE_DRAIN_MS);
  }

  async #parse({ found, status }: Entry): Promise<Pipeline[] | undefined> {
    try {
      return await Promise.all(found.members.map((row) => this.#parts.readPipeline(row)));
    } catch (error) {
      const { code, reason } = diagnosisOf(error);
      status.error("config", { code, reason, isTransient: false });
      status.state("failed", { code, reason });
      return undefined;
    }
  }

  #forget(name: string, entry: Entry): void {
    this.#entries.delete(name);
    entry.owned?.stop(CHANGE_DRAIN_MS);
  }

  #newEntry(found: CatalogPipeline): Entry {
    const status = new PipelineStatus(found.row, this.#options, this.#totals);
    return newEntry({ found, key: this.#keyOf(found.row), status });
  }

  #keyOf({ name, direction, tenant }: PipelineRow): PipelineKey {
    return { group: this.#options.group, tenant, direction, pipeline: name };
  }
}
