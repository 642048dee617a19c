/**
 * The page of an audit in a real Chromium: it asks nothing of a network, runs nothing but its own script, breaks no rule of
 * accessibility, and does what its controls say.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditDocument } from "../../src/audit/report/document.ts";
import html from "../../src/audit/reporters/html.ts";
import { EVERYTHING, markupResults } from "../support/audit/formats.ts";
import { hostileResults, sampleDocument } from "../support/audit/sample.ts";
import { HOSTILE_NAMES } from "../support/hostile-names.ts";
import { needs } from "../support/needs.ts";

const CHROMIUM = "/usr/bin/chromium";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser: Browser | undefined;
let folder = "";

beforeEach(needs(existsSync(CHROMIUM), "Debian package chromium is not installed"));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "pgkeep-page-"));
  if (existsSync(CHROMIUM)) browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
});

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface OpenPage {
  page: Page;
  /** Addresses that were asked for, besides the page itself. */
  requests: string[];
  /** Those of them that were not held back. */
  arrived: string[];
  /** Errors of the page, messages on its console, dialogs. */
  trouble: string[];
}

/** Shows `document` to `use`, and closes the page. */
async function withPage(
  document: AuditDocument,
  use: (open: OpenPage) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const file = join(folder, "audit.html");
  writeFileSync(file, html.render(document));
  const context = await browser?.newContext(options);
  const page = await context?.newPage();
  if (page === undefined) throw new Error("the browser did not start");
  const requests: string[] = [];
  const arrived: string[] = [];
  const trouble: string[] = [];
  const address = pathToFileURL(file).href;
  page.on("request", (request) => request.url() !== address && requests.push(request.url()));
  page.on("requestfinished", (request) => request.url() !== address && arrived.push(request.url()));
  page.on("pageerror", (error) => trouble.push(`error: ${error.message}`));
  page.on("console", (message) => trouble.push(`console: ${message.text()}`));
  page.on("dialog", async (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  await page.goto(address);
  try {
    await use({ page, requests, arrived, trouble });
  } finally {
    await context?.close();
  }
}

/** Ids of the rules that the page breaks, WCAG 2.2 A and AA and good practice. */
async function brokenRules(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const report = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>("axe.run(document)");
  return report.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" ")}`);
}

/** axe is put into the page by the test, which the page's policy would refuse. */
const MAY_BE_TESTED = { bypassCSP: true };

describe("the page of an audit in a browser", () => {
  it.each([
    ["everything there is", EVERYTHING],
    ["hostile names", sampleDocument(hostileResults())],
    ["markup as names", sampleDocument(markupResults())],
    ["nothing found", sampleDocument([])],
  ])("[U-05] asks nothing of a network and has no trouble with %s", async (_, document) => {
    await withPage(document, async ({ page, requests, trouble }) => {
      await page.waitForLoadState("networkidle");
      expect(requests).toEqual([]);
      expect(trouble).toEqual([]);
    });
  });

  it("its policy refuses a script and a request of somebody else", async () => {
    await withPage(EVERYTHING, async ({ page, arrived, trouble }) => {
      await page.evaluate(`{
        const script = document.createElement("script");
        script.textContent = "document.title = 'taken'";
        const image = document.createElement("img");
        image.src = "https://example.org/x.png";
        document.body.append(script, image);
      }`);
      await expect.poll(() => trouble.filter((one) => one.includes("Content Security Policy")).length).toBe(2);
      expect(await page.title()).toBe("Audit of shop");
      expect(arrived).toEqual([]);
    });
  });

  it("[U-04] shows hostile names as text and makes no element of them", async () => {
    await withPage(sampleDocument(markupResults()), async ({ page, trouble }) => {
      expect(await page.locator("script, img, iframe, x").count()).toBe(1);
      await expect.poll(() => page.locator(".object").allTextContents()).toContain("<img src=x onerror=alert(1)>");
      expect(trouble).toEqual([]);
    });
    await withPage(sampleDocument(hostileResults()), async ({ page }) => {
      expect(await page.locator(".finding").count()).toBe(HOSTILE_NAMES.length);
    });
  });

  const VIEWS: [string, BrowserContextOptions][] = [
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["320 px wide", { viewport: { width: 320, height: 800 } }],
    ["with more contrast and less motion", { contrast: "more", reducedMotion: "reduce" }],
  ];

  it.each(VIEWS)("breaks no rule of accessibility: %s", async (_, options) => {
    await withPage(
      EVERYTHING,
      async ({ page }) => {
        expect(await brokenRules(page)).toEqual([]);
        await page.locator("#swap").click();
        await page.locator("summary").click();
        expect(await brokenRules(page)).toEqual([]);
      },
      { ...options, ...MAY_BE_TESTED },
    );
  });

  it.each([
    ["hostile names", sampleDocument(hostileResults())],
    ["nothing found", sampleDocument([])],
  ])("breaks no rule of accessibility with %s", async (_, document) => {
    await withPage(document, async ({ page }) => expect(await brokenRules(page)).toEqual([]), MAY_BE_TESTED);
  });

  it("does not scroll sideways at 320 px, nor at 200 % on a small screen", async () => {
    for (const width of [320, 640]) {
      await withPage(
        sampleDocument(hostileResults()),
        async ({ page }) => {
          await page.locator("#swap").click();
          await page.locator("summary").click();
          const excess = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
          expect(excess).toBeLessThanOrEqual(0);
        },
        { viewport: { width, height: 600 }, deviceScaleFactor: width === 640 ? 2 : 1 },
      );
    }
  });

  it("has targets of at least 24 px", async () => {
    await withPage(EVERYTHING, async ({ page }) => {
      const targets = await page.locator("button, summary, fieldset label, input[type=search]").all();
      const boxes = await Promise.all(targets.map((target) => target.boundingBox()));
      expect(boxes.filter((box) => box !== null && (box.height < 24 || box.width < 24))).toEqual([]);
      expect(boxes.length).toBeGreaterThan(10);
    });
  });
});

describe("the controls of the page", () => {
  const shown = (page: Page) => page.locator(".finding:visible .object").allTextContents();

  it("filter by severity, by status, by pillar and by text, and say how many are shown", async () => {
    await withPage(EVERYTHING, async ({ page }) => {
      await page.getByRole("checkbox", { name: "critical" }).uncheck();
      expect(await shown(page)).not.toContain('"app"');
      expect(await page.locator("#count").textContent()).toBe("7 of 8 findings shown.");
      await page.getByRole("checkbox", { name: "waived" }).uncheck();
      expect(await shown(page)).not.toContain("break_glass");
      await page.getByRole("checkbox", { name: "network" }).uncheck();
      expect(await shown(page)).not.toContain("host all all 0.0.0.0/0 trust");
      await page.getByLabel("Text").fill("ORDERS");
      expect(await shown(page)).toEqual(['"app"."orders"']);
      expect(await page.locator("section.check:visible").count()).toBe(1);
    });
  });

  it("work with the keyboard alone, from a link that skips to the findings", async () => {
    await withPage(EVERYTHING, async ({ page }) => {
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the findings");
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.id")).toBe("swap");
      await page.keyboard.press("Enter");
      expect(await page.locator("#table").isVisible()).toBe(true);
      expect(await page.locator("#chart").isVisible()).toBe(false);
      expect(await page.locator("#swap").textContent()).toBe("Show the chart");
    });
  });

  it("copy exactly the lines of a fix, and say so", async () => {
    await withPage(
      EVERYTHING,
      async ({ page }) => {
        const button = page.locator(".copy").first();
        await button.click();
        await expect.poll(() => button.textContent()).toBe("Copied");
        expect(await page.evaluate("navigator.clipboard.readText()")).toBe('revoke "ops" from "app";');
        expect(await page.locator("#count").textContent()).toBe("Copied.");
      },
      { permissions: ["clipboard-read", "clipboard-write"] },
    );
  });
});

describe("the page without its script", () => {
  it("shows everything: chart, table, findings, fixes, what is unknown, and no dead control", async () => {
    await withPage(
      EVERYTHING,
      async ({ page }) => {
        expect(await page.locator(".finding").count()).toBe(EVERYTHING.findings.length);
        for (const part of ["#chart", "#table", "#unknown", ".fix pre >> nth=0"]) {
          expect(await page.locator(part).isVisible(), part).toBe(true);
        }
        expect(await page.locator("button:visible, input:visible").count()).toBe(0);
      },
      { javaScriptEnabled: false },
    );
  });

  it("prints without its controls", async () => {
    await withPage(EVERYTHING, async ({ page }) => {
      await page.emulateMedia({ media: "print" });
      expect(await page.locator("button:visible, input:visible").count()).toBe(0);
      expect((await page.pdf()).length).toBeGreaterThan(10_000);
    });
  });
});
