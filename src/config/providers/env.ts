/** `${env:NAME}`: the value of an environment variable. An empty one counts as missing, as a lost secret usually is empty. */
import { defineReferenceProvider, ReferenceFailure } from "./provider.ts";

const NAME = /^[A-Za-z0-9_]+$/;

export default defineReferenceProvider({
  name: "env",
  summary: "An environment variable of this process",
  async resolve(name, { environment }) {
    if (!NAME.test(name)) throw new ReferenceFailure("A variable's name holds letters, digits and underscores only.");
    const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value) return value;
    const state = value === undefined ? "not set" : "empty";
    throw new ReferenceFailure(`The environment variable is ${state}.`, `Set ${name} for this process.`);
  },
});
