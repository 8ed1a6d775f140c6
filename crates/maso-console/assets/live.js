// The live view: every hop as it is decided, newest first.

import { read } from "./api.js";
import { el, empty, failed, fill, icon, named, plain, prose } from "./dom.js";
import { control, decision, phase, risk } from "./evidence.js";
import { hopDetails, party } from "./hop.js";
import { announce, heading, main, start } from "./shell.js";
import { clock, DECISIONS, plural, principal, verb, wholeTime, ZONE } from "./words.js";

const HOPS_MAX = 500;
const AGENTS_MAX = 200;
/// Stops are told to people who hear the page, many at once and not one after the other.
const TELL_WAIT_MS = 1_500;

/// Newest first, at most HOPS_MAX.
let hops = [];
/// What arrived while paused.
let heldBack = [];
let paused = false;
let loaded = false;
let scheduled = false;
/// The sequence of the hop whose details are open.
let opened = null;
const rows = new Map();
/// The filters stand in the address, so that what is looked at can be handed on.
const asked = new URLSearchParams(location.search);
const wanted = { answers: asked.get("answers") ?? "", decision: asked.get("decision") in DECISIONS ? asked.get("decision") : "", agent: asked.get("agent") ?? "", text: asked.get("q") ?? "" };
/// Held and refused hops that nobody was told of yet.
let stops = [];
let telling = null;

const body = el("tbody");
const note = el("div.note-area");
const aside = el("aside.drawer", { hidden: true, "aria-label": "Hop details", tabindex: "-1" });
const counts = el("div.segments", { role: "group", "aria-label": "Decision" });
const agents = el("select", { "aria-label": "Agent", change: () => filter("agent", agents.value) }, el("option", { value: "" }, "All agents"));
const search = el("input", {
  type: "search", placeholder: "Search action, reason, control", "aria-label": "Search", spellcheck: "false",
  input: () => filter("text", search.value.trim()),
});
/// Answers that were let through are half of all hops and seldom what is looked for.
const answers = el("button.button.toggle", { type: "button", "aria-pressed": String(wanted.answers === "hide"), click: toggleAnswers }, "Hide answers");
const pause = el("button.button", { type: "button", click: togglePause });

fill(
  main,
  el(
    "div.live",
    el(
      "div.column",
      heading("Live", "Every hop between agents, tools and models, as it is decided."),
      el("div.toolbar", counts, el("span.search", icon("search"), search), agents, answers, pause),
      el(
        "div.table-frame",
        el("table.hops", el("thead", el("tr", ...[`Time (${ZONE})`, "Who", "What", "Decision", "Why", "Risk", "Phase"].map((name) => el("th", { scope: "col" }, name)))), body),
        note,
      ),
    ),
    aside,
  ),
);
search.value = wanted.text;
if (wanted.agent) {
  agents.append(el("option", { value: wanted.agent }, principal(wanted.agent).name));
  agents.value = wanted.agent;
}
drawPause();
fill(note, el("div.loading", "Loading the latest hops…"));
start({ heard: (event) => event.event === "hop" && arrive(event), opened: load });

async function load() {
  try {
    const latest = await read(`/api/v1/hops?limit=${HOPS_MAX}`);
    loaded = true;
    merge(latest);
  } catch (problem) {
    if (!loaded) fill(note, failed(problem, load));
  }
}

function arrive(hop) {
  tell(hop);
  if (!paused) {
    merge([hop]);
    return;
  }
  heldBack.push(hop);
  if (heldBack.length > HOPS_MAX) heldBack.shift();
  drawPause();
}

/// Says what was stopped, where it fits the filters; what was allowed would drown it.
function tell(hop) {
  if (hop.decision === "allow" || !matches(hop)) return;
  stops.push(hop);
  telling ??= setTimeout(() => {
    const [first] = stops;
    const by = principal(first.from).name;
    const one = `${DECISIONS[first.decision] ?? "Refused"}: ${by} ${verb(first)} ${first.object}`;
    announce(stops.length === 1 ? `${one}.` : `${stops.length} hops were held or refused. First ${one}.`);
    [stops, telling] = [[], null];
  }, TELL_WAIT_MS);
}

/// Takes hops in, each once, and keeps the newest.
function merge(more) {
  const known = new Set(hops.map((hop) => hop.sequence));
  const fresh = more.filter((hop) => !known.has(hop.sequence));
  if (fresh.length) {
    hops = [...hops, ...fresh].sort((one, other) => other.sequence - one.sequence);
    for (const gone of hops.splice(HOPS_MAX)) {
      rows.get(gone.sequence)?.remove();
      rows.delete(gone.sequence);
    }
  }
  if (scheduled) return;
  scheduled = true;
  // Many arrivals are drawn at once; a hidden page draws too, or it would not be up to date when it is shown.
  if (document.hidden) setTimeout(draw, 500);
  else requestAnimationFrame(draw);
}

function filter(name, value) {
  wanted[name] = value;
  remember();
  draw();
}

function toggleAnswers() {
  const hide = wanted.answers !== "hide";
  answers.setAttribute("aria-pressed", String(hide));
  filter("answers", hide ? "hide" : "");
}

function remember() {
  const query = new URLSearchParams(Object.entries({ decision: wanted.decision, agent: wanted.agent, answers: wanted.answers, q: wanted.text }).filter(([, value]) => value));
  history.replaceState(null, "", location.pathname + (query.size ? `?${query}` : ""));
}

function matches(hop, anyDecision = false) {
  if (wanted.agent && hop.from !== wanted.agent && hop.to !== wanted.agent) return false;
  if (wanted.answers === "hide" && hop.answers && hop.decision === "allow") return false;
  if (wanted.text && !searchable(hop).includes(wanted.text.toLowerCase())) return false;
  return anyDecision || !wanted.decision || hop.decision === wanted.decision;
}

const searchable = (hop) =>
  [hop.from, hop.to, hop.object, hop.verb, hop.kind, hop.refusal, hop.hop, hop.task, ...hop.findings.flatMap((finding) => [finding.control, finding.reason])]
    .join(" ")
    .toLowerCase();

function draw() {
  scheduled = false;
  drawCounts();
  listAgents();
  const shown = hops.filter((hop) => matches(hop));
  const keep = new Set(shown.map((hop) => hop.sequence));
  for (const [sequence, element] of rows) if (!keep.has(sequence)) element.remove();
  let before = null;
  for (const hop of shown) {
    if (!rows.has(hop.sequence)) rows.set(hop.sequence, row(hop));
    const element = rows.get(hop.sequence);
    const place = before ? before.nextSibling : body.firstChild;
    if (element !== place) body.insertBefore(element, place);
    before = element;
  }
  if (loaded) drawNote(shown.length);
}

function drawNote(nShown) {
  if (!hops.length) {
    fill(note, empty("live", "Nothing has happened yet", "Point an agent at maso, or open a task. Each hop shows up here the moment it is decided."));
  } else if (!nShown) {
    fill(note, empty("search", "No hop matches", "None of the hops that are loaded fits these filters."), el("p.centre", el("button.button", { type: "button", click: clear }, "Clear filters")));
  } else {
    fill(note, hops.length === HOPS_MAX && el("p.end", `The latest ${HOPS_MAX} hops. Older ones are in the `, el("a", { href: "/console/record" }, "record"), "."));
  }
}

function clear() {
  Object.assign(wanted, { answers: "", decision: "", agent: "", text: "" });
  answers.setAttribute("aria-pressed", "false");
  agents.value = search.value = "";
  remember();
  draw();
}

function drawCounts() {
  const inScope = hops.filter((hop) => matches(hop, true));
  const segment = (value, name) => {
    const count = value ? inScope.filter((hop) => hop.decision === value).length : inScope.length;
    return el(
      `button.segment${value ? `.${value}` : ""}`,
      { type: "button", "data-decision": value || "all", "aria-pressed": String(wanted.decision === value), click: () => filter("decision", value) },
      value && icon(value), name, el("span.count", count.toLocaleString("en")),
    );
  };
  // The focus stays where it was although the buttons are new.
  const focused = counts.contains(document.activeElement) ? document.activeElement.dataset.decision : null;
  fill(counts, segment("", "All"), ...Object.entries(DECISIONS).map(([value, name]) => segment(value, name)));
  if (focused) counts.querySelector(`[data-decision="${focused}"]`)?.focus();
}

function listAgents() {
  const known = new Set([...agents.options].map((option) => option.value));
  for (const name of hops.flatMap((hop) => [hop.from, hop.to])) {
    if (!name?.startsWith("agent:") || known.has(name) || known.size > AGENTS_MAX) continue;
    known.add(name);
    agents.append(el("option", { value: name }, principal(name).name));
  }
}

function row(hop) {
  const open = el("button.row-open", { type: "button", click: () => show(hop), keydown: step }, el("span.verb", verb(hop)), " ", named("code.object", hop.object));
  return el(
    `tr.hop.${hop.decision in DECISIONS ? hop.decision : "deny"}`,
    { "data-sequence": hop.sequence },
    el("td.time", el("time", { title: wholeTime(hop.at) }, clock(hop.at))),
    el("td.who", party(hop.from), " ", el("span.towards", el("span.to", icon("arrow"), el("span.visually-hidden", " to ")), party(hop.to))),
    el("td.what", open),
    el("td.decided", decision(hop)),
    el("td.why", why(hop)),
    el("td.risk", risk(hop.risk)),
    el("td.pace", phase(hop.phase)),
  );
}

/// What decided, first; findings that had nothing against the hop are left to the details.
function why(hop) {
  const against = hop.findings.filter((finding) => finding.word !== "GO");
  if (!against.length) return el("span.muted", hop.decision === "allow" ? "inside the mandate" : plain(hop.refusal ?? "its risk asks for review"));
  const [first, ...rest] = against;
  return [control(first.control), " ", prose("span", first.reason), rest.length > 0 && el("span.more", ` +${rest.length}`)];
}

/// Up and down move through the rows.
function step(event) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const current = event.currentTarget.closest("tr");
  const next = event.key === "ArrowDown" ? current.nextElementSibling : current.previousElementSibling;
  next?.querySelector(".row-open")?.focus();
  event.preventDefault();
}

function show(hop) {
  rows.get(opened)?.classList.remove("opened");
  opened = hop.sequence;
  rows.get(opened)?.classList.add("opened");
  const shut = el("button.quiet.icon-only", { type: "button", "aria-label": "Close details", click: close }, icon("close"));
  fill(aside, el("div.drawer-bar", el("span", `Hop at ${clock(hop.at)}`), shut), hopDetails(hop));
  aside.hidden = false;
  aside.scrollTop = 0;
  aside.focus({ preventScroll: true });
}

function close() {
  aside.hidden = true;
  const element = rows.get(opened);
  element?.classList.remove("opened");
  element?.querySelector(".row-open")?.focus({ preventScroll: true });
  opened = null;
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !aside.hidden) close();
  if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "")) {
    event.preventDefault();
    search.focus();
  }
});

function togglePause() {
  paused = !paused;
  if (!paused) merge(heldBack.splice(0));
  drawPause();
}

function drawPause() {
  pause.setAttribute("aria-pressed", String(paused));
  fill(pause, icon(paused ? "play" : "pause"), paused ? (heldBack.length ? `Resume, ${plural(heldBack.length, "new hop")}` : "Resume") : "Pause");
}
