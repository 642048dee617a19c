/** What is kept of the server's reports. */
import { expect, test } from "vitest";
import { MAX_REPORT_BYTES } from "../../../../src/pg/connect/frames.ts";
import { decodeNotice } from "../../../../src/pg/connect/messages.ts";

const report = (text: string): Buffer => Buffer.from(`SNOTICE\0VNOTICE\0C00000\0M${text}`);

test("[D-02] a report that was cut short ends before the cut, where half a secret may stand", () => {
  const secret = "Can4ry-0123456789";
  const whole = report(`${"x".repeat(100)}\0\0`);
  expect(decodeNotice(whole).message).toBe("x".repeat(100));
  const head = report("").length;
  const text = `${"x".repeat(MAX_REPORT_BYTES - head - secret.length + 5)}${secret}`;
  const { message } = decodeNotice(report(text).subarray(0, MAX_REPORT_BYTES));
  expect(message).toMatch(/^x+$/);
  expect(message.length).toBe(MAX_REPORT_BYTES - head - 128);
});
