/** What a run is told to accept: the waivers of the project, and the findings of a baseline. */
import { dirname, join, resolve } from "node:path";
import { checkEntries } from "../../audit/checks/catalogue.ts";
import { loadBaseline } from "../../audit/report/baseline.ts";
import { loadWaivers, WAIVER_FILE } from "../../audit/report/waiver-file.ts";
import type { Waiver } from "../../audit/report/waivers.ts";
import { PgkeepError } from "../../base/errors.ts";
import type { OperationContext } from "../../base/operation.ts";
import { tameLine } from "../../base/tame.ts";

export interface AcceptedInput {
  waivers?: string | undefined;
  baseline?: string | undefined;
}

/** Where the configuration says that the waivers are, and where it lies itself; both absolute. */
export interface WaiverPlaces {
  waivers?: string | undefined;
  /** pgkeep.yaml; undefined: there is none. */
  file?: string | undefined;
}

type Context = Pick<OperationContext, "workingDirectory" | "clock" | "signal">;

/** Throws CONFIG_FILE_INVALID also for a named file that is not there; only the file at the usual place may be missing. */
export async function acceptedOf(
  input: AcceptedInput,
  places: WaiverPlaces,
  context: Context,
): Promise<{ waivers: readonly Waiver[]; baseline: ReadonlySet<string> | undefined }> {
  const { workingDirectory, signal } = context;
  return {
    waivers: await waiversOf(input, places, context),
    baseline:
      input.baseline === undefined
        ? undefined
        : await loadBaseline(resolve(workingDirectory, input.baseline), input.baseline, signal),
  };
}

/** The file of waivers that `input` or the configuration names, else the one at the usual place. */
export function waiverPath(input: AcceptedInput, places: WaiverPlaces, workingDirectory: string) {
  const named = input.waivers === undefined ? places.waivers : resolve(workingDirectory, input.waivers);
  if (named !== undefined) return { path: named, name: input.waivers ?? named, isNamed: true };
  const directory = places.file === undefined ? workingDirectory : dirname(places.file);
  return { path: join(directory, WAIVER_FILE), name: WAIVER_FILE, isNamed: false };
}

async function waiversOf(input: AcceptedInput, places: WaiverPlaces, { workingDirectory, clock }: Context) {
  const { path, name, isNamed } = waiverPath(input, places, workingDirectory);
  const checks = checkEntries().map(({ id }) => id);
  const waivers = await loadWaivers(path, { name, now: clock.now(), checks });
  if (waivers !== undefined || !isNamed) return waivers ?? [];
  throw new PgkeepError("CONFIG_FILE_INVALID", `the file of waivers "${tameLine(name)}" does not exist`, {
    hint: "Name the file, or write the first one: pgkeep audit waive",
    state: "nothing was started",
  });
}
