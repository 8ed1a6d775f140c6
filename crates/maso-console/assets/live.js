// The live view: every hop as it is decided, newest first.

import { read } from "./api.js";
import { el, empty, failed, fill, icon } from "./dom.js";
import { details, row } from "./hop.js";
import { begin, heading, listen, main } from "./shell.js";
import { plural, principal } from "./words.js";

const ROWS_MAX = 500;

let hops = [];
let paused = false;
let n_unseen = 0;
const wanted = { agent: "", decision: "", text: "" };

const rows = el("tbody");
const count = el("span.muted.count", { role: "status" });
const drawer = el("aside.drawer", { hidden: true, "aria-label": "Details", tabindex: "-1" });
const agents = el("select", { "aria-label": "Agent", change: (event) => filter("agent", event.target.value) }, el("option", { value: "" }, "All agents"));
const decisions = el(
  "select",
  { "aria-label": "Decision", change: (event) => filter("decision", event.target.value) },
  [["", "All decisions"], ["allow", "Allowed"], ["hold", "Held"], ["deny", "Refused"]].map(([value, said]) => el("option", { value }, said)),
);
const text = el("input", { type: "search", placeholder: "Tool, control, reason…", "aria-label": "Search", input: (event) => filter("text", event.target.value) });
const pause = el("button.button", { type: "button", click: togglePause }, icon("pause"), "Pause");

async function start() {
  fill(
    main,
    heading("Live", "Every hop as it is decided, newest first.", el("label.search", icon("search"), text), agents, decisions, pause),
    el("div.live", el("div.list", el("table.hops", el("thead", el("tr", ["Time", "Decision", "Who does what", "Why", "Risk"].map((name) => el("th", { scope: "col" }, name)))), rows), count), drawer),
  );
  await begin();
  listen((event) => event.event === "hop" && take(event));
  await load();
}

async function load() {
  try {
    const earlier = await read("/api/v1/hops?limit=200");
    const known = new Set(hops.map((hop) => hop.sequence));
    hops = [...hops, ...earlier.filter((hop) => !known.has(hop.sequence)).reverse()].sort((one, other) => other.sequence - one.sequence).slice(0, ROWS_MAX);
    hops.forEach(noteAgent);
    show();
  } catch (problem) {
    fill(rows, el("tr", el("td", { colspan: "5" }, failed(problem, load))));
  }
}

function take(hop) {
  if (hops.some((known) => known.sequence === hop.sequence)) return;
  hops.unshift(hop);
  hops.length = Math.min(hops.length, ROWS_MAX);
  noteAgent(hop);
  if (paused) {
    n_unseen += 1;
    fill(pause, icon("play"), `Go on (${n_unseen})`);
    return;
  }
  if (!fits(hop)) return;
  rows.querySelector(".nothing")?.remove();
  const fresh = row(hop, open);
  fresh.classList.add("fresh");
  rows.prepend(fresh);
  while (rows.children.length > ROWS_MAX) rows.lastElementChild.remove();
  say();
}

function noteAgent(hop) {
  for (const party of [hop.from, hop.to]) {
    const { kind, name } = principal(party);
    if (kind === "agent" && ![...agents.options].some((option) => option.value === party)) {
      agents.append(el("option", { value: party }, name));
    }
  }
}

function fits(hop) {
  if (wanted.agent && hop.from !== wanted.agent && hop.to !== wanted.agent) return false;
  if (wanted.decision && hop.decision !== wanted.decision) return false;
  if (!wanted.text) return true;
  const all = [hop.object, hop.from, hop.to, hop.refusal, hop.hop, hop.task, ...hop.findings.flatMap((finding) => [finding.control, finding.reason])];
  return all.some((part) => String(part ?? "").toLowerCase().includes(wanted.text));
}

function filter(name, value) {
  wanted[name] = name === "text" ? value.trim().toLowerCase() : value;
  show();
}

function show() {
  const shown = hops.filter(fits);
  if (shown.length) fill(rows, shown.map((hop) => row(hop, open)));
  else {
    const [said, about] = hops.length
      ? ["No hop fits", "Widen the filter to see others."]
      : ["No hop yet", "As soon as an agent asks for something, it shows here with what became of it and why."];
    fill(rows, el("tr.nothing", el("td", { colspan: "5" }, empty("live", said, about))));
  }
  say();
}

function say() {
  const n_shown = rows.querySelectorAll("tr.hop").length;
  count.textContent = n_shown ? `${plural(n_shown, "hop")}${hops.length >= ROWS_MAX ? ", the latest" : ""}` : "";
}

function togglePause() {
  paused = !paused;
  n_unseen = 0;
  fill(pause, icon(paused ? "play" : "pause"), paused ? "Go on" : "Pause");
  if (!paused) show();
}

function open(hop, from) {
  rows.querySelectorAll("tr.open").forEach((other) => other.classList.remove("open"));
  from.classList.add("open");
  const close = () => {
    drawer.hidden = true;
    from.classList.remove("open");
    from.focus();
  };
  fill(drawer, el("button.close", { type: "button", "aria-label": "Close", click: close }, icon("close")), details(hop));
  drawer.onkeydown = (event) => event.key === "Escape" && close();
  drawer.hidden = false;
  drawer.scrollTop = 0;
  drawer.focus();
}

start();
