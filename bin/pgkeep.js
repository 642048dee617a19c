#!/usr/bin/env node
// The title comes first: it overwrites the command line that other users of the machine can read in the process list.
process.title = "pgkeep";
const { main } = await import("../dist/cli/main.js");
process.exit(await main(process.argv));
