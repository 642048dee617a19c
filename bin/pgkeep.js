#!/usr/bin/env node
// The title comes first: it overwrites the command line that other users of the machine can read in the process list.
process.title = "pgkeep";
// CommonJS, as bin/package.json says: without an ES module in its way Node starts several milliseconds sooner.
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

// Loads the chunks of dist/bundle, and nothing else, in place of Node's own loader, because that one has no way to hand
// V8 the code it compiled in an earlier run (docs/decisions/0024-code-cache.md). src/cli/code-cache.ts sets `codeFor`.
const chunks = { directory: join(__dirname, "../dist/bundle"), compiled: new Map(), codeFor: undefined };
const loaded = new Map();

function load(name) {
  const known = loaded.get(name);
  if (known !== undefined) return known.exports;
  const chunk = { exports: {} };
  loaded.set(name, chunk);
  try {
    const filename = join(chunks.directory, name);
    compile(name, filename)(chunk.exports, requireFrom, chunk, filename, importPackage);
  } catch (error) {
    loaded.delete(name);
    throw error;
  }
  return chunk.exports;
}

function compile(name, filename) {
  const source = readFileSync(filename, "utf8");
  const script = new Script(`(function (exports, require, module, __filename, importPackage) { ${source}\n})`, {
    filename,
    cachedData: chunks.codeFor?.(name, source),
  });
  chunks.compiled.set(name, { script, source });
  return script.runInThisContext();
}

const requireFrom = (specifier) =>
  /^\.\/[\w.-]+\.cjs$/.test(specifier) ? load(specifier.slice(2)) : require(specifier);
// Kept code loses its tie to Node's loader of ES modules; this file has it, so packages are imported from here.
const importPackage = (specifier) => import(specifier);

load("main.cjs")
  .main(process.argv, chunks)
  .then((status) => process.exit(status));
