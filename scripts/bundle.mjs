/**
 * Packs the command line's own code into a few files, because opening 120 small ones costs more than running them.
 *
 * Four chunks hold what nearly every run needs: starting, reading kept code, running an operation, and a deploy; the rest stays split by
 * its dynamic imports. Packages are never packed. The chunks are CommonJS, so that the usual run never starts Node's
 * loader of ES modules. Numbers: docs/decisions/0010-packed-command-line.md.
 *
 *   node scripts/bundle.mjs
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
const ENTRY = join(DIST, "cli/main.js");
const OUT = join(DIST, "bundle");

/** Files that `path` imports statically, themselves included. */
function closureOf(path, found = new Set()) {
  if (found.has(path) || !existsSync(path)) return found;
  found.add(path);
  for (const [, specifier] of readFileSync(path, "utf8").matchAll(/^(?:import|export)[^;]*?from\s+"(\.[^"]+)"/gms))
    closureOf(resolve(dirname(path), specifier), found);
  return found;
}

/** Chunks by priority: a module goes to the first group that needs it. */
function groups() {
  const within = (...paths) => {
    const files = new Set(paths.flatMap((path) => [...closureOf(join(DIST, path))]));
    return (id) => files.has(id);
  };
  return [
    { name: "start", priority: 4, test: within("cli/main.js") },
    { name: "code-cache", priority: 3, test: within("cli/code-cache.js") },
    { name: "run", priority: 2, test: within("cli/run.js", "cli/failure.js", "cli/renderers/index.js") },
    {
      name: "deploy",
      priority: 1,
      test: within(
        "operations/deploy.run.js",
        "cli/renderers/deploy.run.js",
        "deploy/journal/write.js",
        "deploy/journal/record.js",
      ),
    },
  ];
}

/** Packed code lies elsewhere than its sources, so what they find relative to themselves is told from their old place. */
const keepPlaces = {
  name: "keep-places",
  transform(code, id) {
    if (!code.includes("import.meta.url")) return null;
    const place = relative(OUT, id).replaceAll("\\\\", "/");
    return code.replaceAll("import.meta.url", `new URL(${JSON.stringify(place)}, import.meta.url).href`);
  },
};

/** bin/pgkeep.js imports packages for the chunks: code that V8 took back from an earlier run cannot do it by itself. */
const lendImport = {
  name: "lend-import",
  renderChunk: (code) => code.replaceAll(/\bimport\((?="[^"]+"\))/g, "importPackage("),
};

async function bundle() {
  rmSync(OUT, { recursive: true, force: true });
  const build = await rolldown({
    input: { main: ENTRY },
    platform: "node",
    external: (id) => !/^[./]/.test(id) && !/^[A-Za-z]:/.test(id),
    checks: { ineffectiveDynamicImport: false },
    plugins: [keepPlaces, lendImport],
  });
  await build.write({
    dir: OUT,
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    codeSplitting: { groups: groups() },
  });
  await build.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await bundle();
