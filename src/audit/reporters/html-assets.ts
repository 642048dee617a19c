/** Style and script of the audit's page. Both are named by hash in its policy, so nothing else can style or run. */

/** Contrast is at least 4.5 to 1 in both schemes; badges keep their own ground in both. */
export const STYLE = `
:root { color-scheme: light dark; --line: #767c87; --soft: #f2f4f7; --text: #16181d; --page: #fff; --bar: #2f5f9e; }
@media (prefers-color-scheme: dark) { :root { --line: #8a919d; --soft: #23262d; --text: #e8eaee; --page: #15171b; --bar: #7fa9dd; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); overflow-wrap: anywhere; }
.skip { position: absolute; left: -100vw; } .skip:focus { left: 1rem; background: var(--page); }
a { color: inherit; }
:focus-visible { outline: 3px solid var(--bar); outline-offset: 2px; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; } h3 { font-size: 1.05rem; margin-top: 2rem; }
.notes { border: 2px solid var(--line); border-radius: .5rem; padding: 0 1rem; } .notes h2 { margin-top: .75rem; }
.overall strong { font-size: 1.75rem; } .overall span { display: block; }
figure { margin: 0; } figure svg { width: 100%; max-width: 36rem; height: auto; }
svg text { fill: var(--text); font: 14px system-ui, sans-serif; } svg .mark { font-size: 12px; }
svg .frame { fill: none; stroke: var(--line); } svg .none { stroke-dasharray: 5 4; } svg .bar { fill: var(--bar); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; } caption { text-align: left; padding: .25rem 0; }
th, td { border: 1px solid var(--line); padding: .25rem .5rem; text-align: left; vertical-align: top; }
thead th { background: var(--soft); } tbody th { font-weight: 600; }
.wide th, .wide td { overflow-wrap: break-word; min-width: 4rem; }
#filters { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin-top: 2rem; padding: .75rem; background: var(--soft); border-radius: .5rem; }
#filters[hidden] { display: none; }
fieldset { border: 1px solid var(--line); border-radius: .25rem; padding: .25rem .5rem; margin: 0; min-width: 0; }
fieldset label { display: inline-block; margin-right: .75rem; min-height: 24px; }
input[type=checkbox] { width: 1.25rem; height: 1.25rem; vertical-align: text-bottom; }
input[type=search] { font: inherit; padding: .25rem; min-height: 2rem; max-width: 100%; }
button { font: inherit; padding: .25rem .75rem; min-height: 2rem; color: var(--text); background: var(--soft); border: 1px solid var(--line); border-radius: .25rem; }
.badge { display: inline-block; padding: 0 .5rem; border-radius: .25rem; font-size: .8125rem; font-weight: 700; color: #fff; background: #4a4f57; }
.badge.critical { background: #8b0000; } .badge.high { background: #a33a00; } .badge.medium { background: #6f5300; } .badge.low { background: #1d5a8a; }
.badge.waived { background: #5b3a8c; }
.id, .sources, .place { font-size: .875rem; } .id { font-family: ui-monospace, monospace; }
.objects { list-style: none; padding: 0; } .finding { border-left: 4px solid var(--line); padding: .25rem 0 .25rem 1rem; margin: 1rem 0; }
.finding p { margin: .25rem 0; } .object { font-family: ui-monospace, monospace; }
.waiver { font-style: italic; }
.code { display: flex; gap: .5rem; align-items: center; } .code pre { flex: 1 1 auto; min-width: 0; } .code button { flex: none; }
pre { background: var(--soft); padding: .5rem; margin: .25rem 0; white-space: pre-wrap; border-radius: .25rem; }
[hidden] { display: none; }
@media (prefers-reduced-motion: no-preference) { button { transition: background .1s; } }
@media print {
  #filters, button { display: none; } body { max-width: none; } .finding, figure { break-inside: avoid; } .wide { overflow: visible; }
  .badge { color: inherit; background: none; border: 1px solid; }
}
`;

/** Findings are shown or hidden by their attributes and their text; nothing is ever made out of text. */
export const SCRIPT = `
"use strict";
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const form = document.getElementById("filters");
const findings = all(".finding");
const texts = new Map(findings.map((one) => [one, (one.textContent + one.closest(".check").querySelector("h3").textContent).toLowerCase()]));
function show() {
  const chosen = {};
  for (const box of all("input[type=checkbox]", form)) {
    chosen[box.name] = chosen[box.name] || new Set();
    if (box.checked) chosen[box.name].add(box.value);
  }
  const wanted = document.getElementById("text").value.toLowerCase();
  let count = 0;
  for (const one of findings) {
    const fits = ["status", "severity", "pillar"].every((name) => chosen[name].has(one.dataset[name]));
    one.hidden = !(fits && texts.get(one).includes(wanted));
    if (!one.hidden) count++;
  }
  for (const check of all(".check")) check.hidden = all(".finding", check).every((one) => one.hidden);
  for (const row of all("#unknown tbody tr")) {
    const fits = ["severity", "pillar"].every((name) => chosen[name].has(row.dataset[name]));
    row.hidden = !(fits && row.textContent.toLowerCase().includes(wanted));
  }
  document.getElementById("count").textContent = count + " of " + findings.length + " findings shown.";
}
form.hidden = false;
form.addEventListener("input", show);
form.addEventListener("submit", (event) => event.preventDefault());
const swap = document.getElementById("swap");
const chart = document.getElementById("chart");
const table = document.getElementById("table");
swap.hidden = false;
table.hidden = true;
swap.addEventListener("click", () => {
  const isTable = table.hidden;
  table.hidden = !isTable;
  chart.hidden = isTable;
  swap.textContent = isTable ? "Show the chart" : "Show the table";
});
for (const button of all(".copy")) {
  button.hidden = false;
  const lines = button.parentElement.querySelector("code");
  button.setAttribute("aria-label", "Copy the fix of " + button.closest(".finding").querySelector(".object").textContent);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(lines.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(lines);
      button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
    }
    document.getElementById("count").textContent = button.textContent + ".";
    setTimeout(() => { button.textContent = "Copy"; }, 3000);
  });
}
addEventListener("beforeprint", () => {
  table.hidden = false;
  chart.hidden = false;
  for (const one of all("details")) one.open = true;
});
`;
