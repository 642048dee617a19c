/**
 * What is shipped to run the relay: the image, the manifests, the alerts and the dashboard are what their tools accept, as
 * safe as the guide promises, and name only metrics and flags that there are.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { COMMANDS, GLOBAL_FLAGS } from "../../../src/cli/pg-tide/grammar.ts";
import { METRIC_PREFIX, METRICS } from "../../../src/relay/observe/metric-names.ts";

const DEPLOY = fileURLToPath(new URL("../../../deploy/", import.meta.url));
const text = (path: string): string => readFileSync(join(DEPLOY, path), "utf8");
const isThere = (program: string, word: string): boolean => spawnSync(program, [word]).status === 0;

// biome-ignore lint/suspicious/noExplicitAny: a test knows the fields of the manifests it reads.
type Manifest = any;
const manifests = (): Manifest[] =>
  readdirSync(join(DEPLOY, "kubernetes"))
    .filter((name) => name !== "kustomization.yaml")
    .map((name) => parse(text(`kubernetes/${name}`)));
const manifestOf = (kind: string): Manifest => manifests().find((each) => each.kind === kind);

/** Every metric that `queries` ask for. */
function metricsIn(queries: string): string[] {
  const names = queries.match(new RegExp(`${METRIC_PREFIX}[a-z0-9_]+`, "g")) ?? [];
  return [...new Set(names.map((name) => name.slice(METRIC_PREFIX.length).replace(/_(bucket|count|sum)$/, "")))];
}
const KNOWN = new Set<string>(METRICS.map(({ name }) => name));

describe("the image", () => {
  it("[relay 7.5] runs as a number that is not root, and only the built package is in it", () => {
    const dockerfile = text("Dockerfile");
    expect(dockerfile).toMatch(/^USER 1000:1000$/m);
    expect(dockerfile.lastIndexOf("USER")).toBeGreaterThan(dockerfile.lastIndexOf("FROM"));
    expect(dockerfile.match(/npm (ci|install)[^\n]*/g)?.every((line) => line.includes("--ignore-scripts"))).toBe(true);
    expect(dockerfile).not.toMatch(/:latest|^ADD /m);
    expect(text("Dockerfile.dockerignore")).toMatch(/^node_modules$/m);
  });

  it("has nothing that the Dockerfile linter objects to", async () => {
    const { default: linter } = await import("dockerfilelint");
    const problems = linter.run(DEPLOY, text("Dockerfile"));
    expect(problems).toEqual([]);
  });
});

describe("the manifests", () => {
  it("are valid Kubernetes objects", async () => {
    const { Deployment } = await import("kubernetes-models/apps/v1");
    const { NetworkPolicy } = await import("kubernetes-models/networking.k8s.io/v1");
    const { PodDisruptionBudget } = await import("kubernetes-models/policy/v1");
    const { Namespace, Service, ServiceAccount } = await import("kubernetes-models/v1");
    const models = { Deployment, NetworkPolicy, PodDisruptionBudget, Namespace, Service, ServiceAccount };
    for (const manifest of manifests()) {
      const Model = Object.entries(models).find(([kind]) => kind === manifest.kind)?.[1];
      expect(Model, manifest.kind).toBeDefined();
      if (Model) expect(() => new Model(manifest).validate(), manifest.kind).not.toThrow();
    }
    expect(manifests()).toHaveLength(6);
  });

  it("[relay 7.5] give the pod no right that it does not need", () => {
    const { spec } = manifestOf("Deployment").spec.template;
    expect(spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1000,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      privileged: false,
      capabilities: { drop: ["ALL"] },
    });
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(spec.containers[0].volumeMounts.every(({ readOnly }: { readOnly: boolean }) => readOnly)).toBe(true);
  });

  it("[relay 7.5] give the relay more time to end than it takes to drain", () => {
    const { spec } = manifestOf("Deployment").spec.template;
    const words: string[] = spec.containers[0].args;
    const drainSeconds = Number(words[words.indexOf("--drain-timeout") + 1]);
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(drainSeconds);
  });

  it("[relay 7.5] let in Prometheus, and out to the database, names and listed networks only", () => {
    const { spec } = manifestOf("NetworkPolicy");
    expect(spec.policyTypes).toEqual(["Ingress", "Egress"]);
    expect(spec.ingress).toHaveLength(1);
    expect(spec.ingress[0].from[0].podSelector.matchLabels).toEqual({ app: "prometheus" });
    expect(spec.ingress[0].ports).toEqual([{ protocol: "TCP", port: 9090 }]);
    const ports = spec.egress.map((rule: Manifest) => rule.ports.map(({ port }: { port: number }) => port));
    expect(ports).toEqual([[5432], [53, 53], [443]]);
    const open = spec.egress.filter((rule: Manifest) =>
      rule.to.some((to: Manifest) => to.namespaceSelector && !to.podSelector && !to.namespaceSelector.matchLabels),
    );
    expect(open).toEqual([]);
  });

  it("hold no secret, and use flags, variables and paths that there are", () => {
    const { spec } = manifestOf("Deployment").spec.template;
    const [relay] = spec.containers;
    const flags = new Set(GLOBAL_FLAGS.map(({ name }) => `--${name}`));
    expect(relay.args.filter((word: string) => word.startsWith("--") && !flags.has(word))).toEqual([]);
    expect(COMMANDS.map(({ words }) => words)).toContain(relay.args[0]);
    const variables = new Set(GLOBAL_FLAGS.map(({ variable }) => `PG_TIDE_${variable}`));
    expect(relay.env.filter(({ name }: { name: string }) => !variables.has(name))).toEqual([]);
    expect([relay.livenessProbe.httpGet.path, relay.readinessProbe.httpGet.path]).toEqual(["/livez", "/readyz"]);
    expect(manifests().map(({ kind }) => kind)).not.toContain("Secret");
  });

  it("are put together by kustomize", (context) => {
    if (!isThere("kubectl", "version") && !isThere("kubectl", "help")) context.skip("kubectl is not installed");
    const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", join(DEPLOY, "kubernetes")], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout.split(/^---$/m)).toHaveLength(6);
    expect(stdout).toContain("image: pgkeep-relay:0.1.0");
  });
});

describe("alerts and dashboard", () => {
  it("pass Prometheus' own check", (context) => {
    if (!isThere("promtool", "--version")) context.skip("promtool is not installed");
    const checked = spawnSync("promtool", ["check", "rules", join(DEPLOY, "prometheus/alerts.yaml")], {
      encoding: "utf8",
    });
    expect([checked.status, checked.stdout]).toEqual([0, expect.stringContaining("SUCCESS")]);
  });

  it("[relay 11] ask only for metrics that the relay has", () => {
    const alerts = metricsIn(text("prometheus/alerts.yaml"));
    const panels = metricsIn(text("grafana/relay.json"));
    expect(alerts.length).toBeGreaterThan(5);
    expect(panels.length).toBeGreaterThan(10);
    expect([...alerts, ...panels].filter((name) => !KNOWN.has(name))).toEqual([]);
  });

  it("say for each alert what happened and what to do", () => {
    const [{ rules }] = parse(text("prometheus/alerts.yaml")).groups;
    for (const { alert, annotations, labels } of rules) {
      expect(annotations.summary.length, alert).toBeGreaterThan(10);
      expect(annotations.description.length, alert).toBeGreaterThan(20);
      expect(["critical", "warning", "info"], alert).toContain(labels.severity);
    }
  });

  it("have panels with titles, units and numbers of their own", () => {
    const { panels, uid, templating } = JSON.parse(text("grafana/relay.json"));
    const ids = panels.map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(panels.every(({ title, fieldConfig }: Manifest) => title !== "" && fieldConfig.defaults.unit)).toBe(true);
    expect(uid).toBe("pgkeep-relay");
    expect(templating.list.map(({ name }: { name: string }) => name)).toEqual(["datasource", "pipeline"]);
  });
});
