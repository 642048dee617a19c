#!/usr/bin/env node
// The title comes first: it overwrites the command line that other users of the machine can read in the process list.
process.title = "pgkeep";
// CommonJS, as bin/package.json says: without an ES module in its way Node starts several milliseconds sooner.
const { main } = require("../dist/bundle/main.cjs");
main(process.argv).then((status) => process.exit(status));
