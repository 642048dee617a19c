/** What an install did or would do, and what comes next. */
import { shellWord } from "../../base/shell.ts";
import { tameLine } from "../../base/tame.ts";
import type operation from "../../operations/relay.install.ts";
import { defineRenderer } from "../renderer.ts";

type Output = Awaited<ReturnType<(typeof operation)["run"]>>;

const DONE: Record<Output["outcome"], string> = {
  made: "schema tide made",
  adopted: "schema tide taken over from pg_tide, its rows as they were",
  upgraded: "schema tide upgraded",
  current: "schema tide is up to date",
};

const WOULD: Record<Output["outcome"], string> = {
  made: "would make schema tide",
  adopted: "would take schema tide over from pg_tide and keep its rows",
  upgraded: "would upgrade schema tide",
  current: "schema tide is up to date",
};

export default defineRenderer<Output>({
  result: (output) => (output.dry_run ? output.migrations.map((name) => `would run ${tameLine(name)}\n`).join("") : ""),
  summary: (output, { ascii }) => {
    const mark = ascii ? "ok" : "✓";
    const what = (output.dry_run ? WOULD : DONE)[output.outcome];
    const facts = [`owner "${tameLine(output.owner)}"`, ...countOf(output), ...rolesOf(output)].join(", ");
    return `${mark} ${tameLine(output.database)}: ${what}: ${facts}${adoptedOf(output)}\nnext: ${nextOf(output)}`;
  },
});

function countOf({ migrations: { length } }: Output): string[] {
  if (length === 0) return [];
  return [length === 1 ? "1 migration" : `${length} migrations`];
}

function rolesOf({ roles, dry_run }: Output): string[] {
  if (!roles) return [];
  return [dry_run ? "would make the roles" : "roles made"];
}

/** "taken over: 2 outboxes, 50 events, 1 pipeline"; nothing when there was nothing of that kind. */
function adoptedOf({ adopted, dry_run }: Output): string {
  if (adopted === null) return "";
  const counts = Object.entries(adopted).flatMap(([what, count]) => {
    const words = what.replace("_", " ");
    return count === 0 ? [] : [`${count.toLocaleString("en-US")} ${count === 1 ? singular(words) : words}`];
  });
  return `\n${dry_run ? "would take over" : "taken over"}: ${counts.join(", ") || "empty tables"}`;
}

function singular(words: string): string {
  return words.replace(/xes$/, "x").replace(/s$/, "");
}

function nextOf({ database, dry_run, roles }: Output): string {
  const target = `-d ${shellWord(database)}`;
  if (dry_run) return `pgkeep relay install ${target}`;
  if (!roles) return `pgkeep relay install ${target} --roles   or   select tide.outbox_create('events');`;
  return `grant tide_publisher to <application>;  grant tide_relay to <relay>;  select tide.outbox_create('events');`;
}
