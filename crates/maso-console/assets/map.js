// The map: who there is, who may deal with whom, and what goes between them, as it is decided.

import { read } from "./api.js";
import { el, failed, fill, icon, plain } from "./dom.js";
import { Drawing } from "./map-drawing.js";
import { chainFacts, edgeFacts, nodeFacts, tally, who } from "./map-facts.js";
import { sum, Traffic } from "./map-traffic.js";
import { announce, heading, main, start } from "./shell.js";
import { ago, plural, principal, wholeTime } from "./words.js";

/// A busy deployment is asked anew once in so long and no more.
const LOAD_WAIT_MS = 2_000;
/// What is a minute old is no traffic of now.
const REFRESH_EVERY_MS = 5_000;
/// Stops are told to people who hear the page, many at once and not one after the other.
const TELL_WAIT_MS = 5_000;
const ROWS_MAX = 400;
const WORDS_MAX = 60;

let traffic = null;
let agents = [];
let loading = null;
let loaded = null;
/// What came in while the map was asked for: it is newer than what was asked for, or it is in it already.
let heardMeanwhile = null;
let nStopped = { hold: 0, deny: 0 };
let telling = null;
let chosen = null;
let chain = "";
let onlyMoving = new URLSearchParams(location.search).get("show") === "traffic";

const drawing = new Drawing(choose);
const frame = el("div.map-frame", el("div.loading", "Loading the map…"));
const note = el("p.map-note.muted");
const rows = el("tbody");
const end = el("p.end", { hidden: true });
const chains = el("select", { "aria-label": "Chain of a task", change: () => follow(chains.value) }, el("option", { value: "" }, "No chain lit"));
const moving = el("button.button.toggle", { type: "button", "aria-pressed": String(onlyMoving), click: toggleMoving }, "Only what moves");
const aside = el("aside.drawer", { hidden: true, "aria-label": "Details", tabindex: "-1" });

fill(
  main,
  el(
    "div.live.map-page",
    el(
      "div.column",
      heading("Map", "Who may deal with whom, and what goes between them as it is decided."),
      el("div.toolbar", el("label.inline", icon("arrow"), "Chain", chains), moving, legend()),
      frame,
      note,
      el("section.map-table", el("h2", "The same as a table"), el("div.table-frame", { tabindex: "0", role: "region", "aria-label": "Traffic" }, el("table.listing.traffic", el("thead", el("tr", ...["Asks", "Is asked", "By", "Last minute", "In all", "Last"].map((name) => el("th", { scope: "col" }, name)))), rows), end)),
    ),
    aside,
  ),
);
frame.classList.toggle("only-moving", onlyMoving);
start({ heard, opened: load });
new ResizeObserver(() => traffic && frame.clientWidth !== drawing.width && show()).observe(frame);
setInterval(refresh, REFRESH_EVERY_MS);
document.addEventListener("visibilitychange", () => !document.hidden && refresh());
addEventListener("hashchange", readAddress);

function legend() {
  const line = (kind, text) => el(`span.${kind}`, el("i", { "aria-hidden": "true" }), text);
  const sign = (kind, text) => el(`span.${kind}`, icon(kind), text);
  return el("div.map-legend", line("never", "may, and never did"), line("allowed", "hops, more the wider"), sign("hold", "held"), sign("deny", "refused"));
}

async function load() {
  if (loaded) {
    loaded.again = true;
    return;
  }
  loaded = { again: false };
  heardMeanwhile = [];
  const answers = await Promise.all([read("/api/v1/map"), read("/api/v1/agents")]).catch((problem) => ({ problem }));
  const { again } = loaded;
  const meanwhile = heardMeanwhile;
  loaded = heardMeanwhile = null;
  if (again) loadSoon();
  if (answers.problem) {
    if (!traffic) fill(frame, failed(answers.problem, load));
    return;
  }
  const [view, all] = answers;
  traffic = new Traffic(view);
  agents = all;
  for (const hop of meanwhile) traffic.heard(hop);
  show();
  readAddress();
}

function loadSoon() {
  loading ??= setTimeout(() => {
    loading = null;
    load();
  }, LOAD_WAIT_MS);
}

function heard(event) {
  if (event.event === "hop") {
    heardMeanwhile?.push(event);
    hop(event);
  } else if (["posture", "tasks", "instances"].includes(event.event)) {
    loadSoon();
  } else if (event.event === "revoked" && traffic) {
    if (traffic.revoked(event)) loadSoon();
    else if (chain) showChain();
  }
}

function hop(event) {
  const happened = traffic?.heard(event);
  if (happened === undefined) return;
  if (happened === null) {
    loadSoon();
    return;
  }
  drawing.happened(happened);
  tableSoon();
  if (event.verb === "request" && !event.answers) {
    listChains();
    if (chain === event.task) showChain();
  }
  if (happened.decision !== "allow") tell(happened.decision);
}

/// Says how much was stopped; what was allowed would drown it.
function tell(decision) {
  nStopped[decision] += 1;
  telling ??= setTimeout(() => {
    const parts = [nStopped.deny && `${nStopped.deny} refused`, nStopped.hold && `${nStopped.hold} held`].filter(Boolean);
    announce(`${parts.join(", ")}.`);
    nStopped = { hold: 0, deny: 0 };
    telling = null;
  }, TELL_WAIT_MS);
}

/// Everybody in their places.
function show() {
  if (!frame.contains(drawing.root)) fill(frame, drawing.root);
  drawing.show(traffic, Math.max(320, frame.clientWidth));
  listChains();
  drawTable();
  const n_agents = [...traffic.nodes.values()].filter((node) => node.kind === "agent").length;
  fill(note, plural(n_agents, "agent"), ", ", plural(traffic.nodes.size - n_agents, "other party", "other parties"), ", ", plural(traffic.edges.size, "edge"), traffic.nLeftOut > 0 && `. ${traffic.nLeftOut.toLocaleString("en")} decisions on further edges are not drawn`, ".");
  drawing.light();
}

function refresh() {
  if (!traffic || document.hidden) return;
  drawing.refresh();
  tableSoon();
}

let tabling = false;
/// The table follows more slowly than the drawing: it is read, not watched.
function tableSoon() {
  if (tabling) return;
  tabling = true;
  setTimeout(() => {
    tabling = false;
    drawTable();
  }, 1_000);
}

const drawn = new Map();

function drawTable() {
  if (!traffic) return;
  const edges = [...traffic.edges.values()].filter((edge) => !onlyMoving || sum(edge.decided) > 0);
  edges.sort((one, other) => (one.key < other.key ? -1 : 1));
  const shown = edges.slice(0, ROWS_MAX);
  const keep = new Set(shown.map((edge) => edge.key));
  for (const [key, row] of drawn) {
    if (keep.has(key)) continue;
    row.element.remove();
    drawn.delete(key);
  }
  let before = null;
  for (const edge of shown) {
    const said = JSON.stringify([edge.decided, traffic.lately(edge), edge.last_at && ago(edge.last_at)]);
    let row = drawn.get(edge.key);
    if (!row) drawn.set(edge.key, (row = { element: tableRow(edge), said: "" }));
    if (row.said !== said) {
      row.said = said;
      const [minute, all, last] = [...row.element.children].slice(3);
      fill(minute, sum(traffic.lately(edge)) ? tally(traffic.lately(edge)) : el("span.muted", "–"));
      fill(all, tally(edge.decided));
      fill(last, edge.last_at ? el("time", { title: wholeTime(edge.last_at) }, ago(edge.last_at)) : el("span.muted", "never"));
    }
    const place = before ? before.nextSibling : rows.firstChild;
    if (row.element !== place) rows.insertBefore(row.element, place);
    before = row.element;
  }
  end.hidden = edges.length <= ROWS_MAX;
  fill(end, `The first ${ROWS_MAX} of ${edges.length.toLocaleString("en")} edges. `, "The drawing has all of them.");
}

function tableRow(edge) {
  const given = [[edge.grants, "grant"], [edge.tells, "message"], [edge.tools, "tool"], [edge.resources, "kind of resource", "kinds of resource"], [edge.prompts, "prompt"]];
  const allowed = given.filter(([list]) => list.length).map(([list, ...words]) => plural(list.length, ...words)).join(", ");
  return el(
    "tr",
    { "data-edge": edge.key },
    el("th", { scope: "row" }, el("a", { href: `#${encodeURIComponent(edge.key)}`, "aria-label": `${edge.from} to ${edge.to}` }, who(edge.from))),
    el("td", who(edge.to)),
    el("td", allowed || el("span.muted", "nothing names it")),
    el("td"), el("td"), el("td"),
  );
}

function toggleMoving() {
  onlyMoving = !onlyMoving;
  moving.setAttribute("aria-pressed", String(onlyMoving));
  frame.classList.toggle("only-moving", onlyMoving);
  history.replaceState(null, "", location.pathname + (onlyMoving ? "?show=traffic" : "") + location.hash);
  drawTable();
}

/// What is looked at stands in the address, so that it can be handed on.
function choose(what) {
  if (what === null) close();
  else location.hash = encodeURIComponent(what);
}

function readAddress() {
  if (!traffic) return;
  const asked = decodeURIComponent(location.hash.slice(1));
  if (asked.startsWith("task:")) {
    follow(asked.slice(5));
    return;
  }
  const isNew = asked !== chosen;
  chosen = traffic.nodes.has(asked) || traffic.edges.has(asked) ? asked : null;
  if (!chosen) return;
  drawing.follow(null);
  chain = chains.value = "";
  drawing.pick(chosen);
  const edge = traffic.edges.get(chosen);
  if (isNew || aside.hidden) open(edge ? "Edge" : principal(chosen).kind || "Strangers", edge ? edgeFacts(traffic, edge, agents) : nodeFacts(traffic, chosen, agents), isNew);
}

function listChains() {
  const options = traffic.chains.map(({ task, words, links }) => {
    const text = words ?? `${principal(links[0]?.from).name}: ${task}`;
    return el("option", { value: task }, plain(`${text.slice(0, WORDS_MAX)}${text.length > WORDS_MAX ? "…" : ""} (${links.length})`));
  });
  // A list that is open must not change under the pointer.
  if (document.activeElement === chains && chains.options.length === options.length + 1) return;
  fill(chains, el("option", { value: "" }, traffic.chains.length ? "None lit" : "No work was handed on"), options);
  chains.value = chain;
}

function follow(task) {
  chain = traffic.chains.some((known) => known.task === task) ? task : "";
  chosen = null;
  drawing.pick(null);
  if (!chain) {
    drawing.follow(null);
    close();
    return;
  }
  history.replaceState(null, "", `#${encodeURIComponent(`task:${task}`)}`);
  chains.value = chain;
  showChain();
}

function showChain() {
  const known = traffic.chains.find((other) => other.task === chain);
  drawing.follow(known);
  open("Chain", chainFacts(known), false);
}

function open(kind, details, isFocused) {
  const shut = el("button.quiet.icon-only", { type: "button", "aria-label": "Close details", click: close }, icon("close"));
  fill(aside, el("div.drawer-bar", el("span", kind.charAt(0).toUpperCase() + kind.slice(1)), shut), details);
  aside.hidden = false;
  aside.scrollTop = 0;
  if (isFocused) aside.focus({ preventScroll: true });
}

function close() {
  const from = chosen;
  aside.hidden = true;
  chosen = null;
  chain = chains.value = "";
  drawing.follow(null);
  drawing.pick(null);
  history.replaceState(null, "", location.pathname + location.search);
  if (from) drawing.focus(from);
}

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !aside.hidden) close();
});
