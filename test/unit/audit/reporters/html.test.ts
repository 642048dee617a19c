/** The page: what it holds without a browser. How it behaves in one: test/system/audit-page.test.ts. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import html from "../../../../src/audit/reporters/html.ts";
import { EVERYTHING, markupResults } from "../../../support/audit/formats.ts";
import { sampleDocument } from "../../../support/audit/sample.ts";

describe("the page of an audit", () => {
  const page = html.render(EVERYTHING);

  it("[U-05] names nothing to ask of a network: no address, and a policy that would refuse it", () => {
    expect(page).not.toMatch(/https?:|\/\/[a-z]|@import|url\(/i);
    expect(page).not.toMatch(/<(link|img|iframe|object|embed|base|form action)/i);
    expect(page).toContain("default-src 'none'; style-src 'sha256-");
  });

  it("runs and styles nothing but what its policy names by hash", () => {
    const hash = (text: string) => `sha256-${createHash("sha256").update(text).digest("base64")}`;
    const [style] = [...page.matchAll(/<style>([\s\S]*?)<\/style>/g)].map((match) => match[1] ?? "");
    const [script] = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((match) => match[1] ?? "");
    expect(page).toContain(`style-src '${hash(style ?? "")}'`);
    expect(page).toContain(`script-src '${hash(script ?? "")}'`);
    expect(page).not.toMatch(/ style="| on[a-z]+="/);
  });

  it("[U-04] shows names as text, never as elements", () => {
    const hostile = html.render(sampleDocument(markupResults()));
    expect(hostile).not.toContain("<img src=x");
    expect(hostile).not.toContain("<script>alert");
    expect(hostile.match(/<script/g)).toHaveLength(1);
    expect(hostile).toContain("&lt;img src=x onerror=alert(1)&gt;");
  });
});
