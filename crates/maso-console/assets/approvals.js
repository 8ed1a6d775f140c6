// The queue: held actions and tool definitions that wait for a person. What is open on the right changes only when the
// person chooses something else, so that no arrival can slip under a click.

import { read } from "./api.js";
import { el, empty, failed, fill, icon, named } from "./dom.js";
import { risk } from "./evidence.js";
import { party } from "./hop.js";
import { announce, heading, main, session, start } from "./shell.js";
import { state, ticketDetails } from "./ticket.js";
import { toolDetails } from "./tool.js";
import { ago, duration, plural, verb } from "./words.js";

const ANSWERED_MAX = 30;
const SOON_MS = 120_000;
const NARROW = matchMedia("(max-width: 900px)");

let tickets = [];
let tools = [];
const tasks = new Map();
let chosen = decodeURIComponent(location.hash.slice(1));
/// What the pane shows, as text: the same thing is not drawn twice.
let shown = "";
let loaded = false;
let waiting = null;
const announced = new Set();

const list = el("nav.queue", { "aria-label": "Queue" });
const pane = el("section.pane", { "aria-label": "Details", tabindex: "-1" });
const keys = el("p.keys", ...[["j", "next"], ["k", "previous"], ["a", "approve"], ["r", "reject"]].map(([key, does]) => el("span", el("kbd", key), ` ${does}`)));
fill(main, heading("Approvals", "What waits for a person. An answer counts for exactly what is shown, once.", keys), el("div.split", list, pane));
fill(list, el("div.loading", "Loading the queue…"));
start({
  heard(event) {
    if (event.event === "ticket" || event.event === "tools" || (event.event === "hop" && event.decision === "hold")) loadSoon();
  },
  opened: load,
});
addEventListener("hashchange", () => choose(decodeURIComponent(location.hash.slice(1))));
setInterval(drawTimes, 1000);
addEventListener("keydown", press);

/// Single keys, away from text. None of them answers by itself: they lead to the step in which a person does.
function press(event) {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName ?? "");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.repeat) return;
  const steps = { j: () => move(1), k: () => move(-1), a: () => approveStep(pane.querySelector(".answer .button.approve:not(.strong)")), r: () => pane.querySelector("#reason")?.focus() };
  const step = steps[event.key];
  if (!step) return;
  event.preventDefault();
  step();
}

/// Opens the step in which the approval is confirmed; a button that would approve at once is only reached.
function approveStep(button) {
  if (button?.dataset.grave) button.click();
  else button?.focus();
}

function move(by) {
  const items = [...list.querySelectorAll("a")];
  const at = items.findIndex((item) => item.dataset.key === chosen);
  const next = items[Math.min(items.length - 1, Math.max(0, at + by))];
  if (!next) return;
  location.hash = next.hash;
  next.scrollIntoView({ block: "nearest" });
}

function loadSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    load();
  }, 120);
}

async function load() {
  try {
    await session;
    const [held, defined, open] = await Promise.all([read("/api/v1/tickets"), read("/api/v1/tools/waiting"), read("/v1/tasks")]);
    tickets = held;
    tools = defined;
    // A task that ends while its action waits is still the one that asked.
    for (const task of open) tasks.set(task.task, task);
  } catch (problem) {
    if (!loaded) fill(list, failed(problem, load));
    return;
  }
  tellNew();
  loaded = true;
  draw();
}

function tellNew() {
  const fresh = tickets.filter((ticket) => ticket.state === "open" && !announced.has(ticket.ticket));
  for (const ticket of fresh) announced.add(ticket.ticket);
  if (!loaded || !fresh.length) return;
  announce(fresh.length === 1 ? `New approval: ${fresh[0].hop.object}, risk ${fresh[0].hop.risk ?? "unknown"}.` : `${fresh.length} new approvals.`);
}

const keyOf = (tool) => `tool:${tool.tool}`;

function draw() {
  const open = tickets.filter((ticket) => ticket.state === "open").sort((one, other) => one.expires_at - other.expires_at);
  const answered = tickets.filter((ticket) => ticket.state !== "open").sort((one, other) => other.hop.at - one.hop.at).slice(0, ANSWERED_MAX);
  chosen ||= open[0]?.ticket ?? (tools[0] ? keyOf(tools[0]) : "");
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const scroll = list.scrollTop;
  fill(
    list,
    group("Held actions", open.length, open.map(ticketItem), "No action waits."),
    group("Tool definitions", tools.length, tools.map(toolItem), "No definition waits."),
    answered.length > 0 && group("Answered", 0, answered.map(ticketItem)),
  );
  list.scrollTop = scroll;
  if (focused) [...list.querySelectorAll("a")].find((item) => item.dataset.key === focused)?.focus();
  drawTimes();
  drawPane();
}

function group(name, count, items, none) {
  return el("div.queue-group", el("h2", name, count > 0 && el("span.count", String(count))), items.length ? el("ul", items) : el("p.muted", none));
}

function item(key, ...children) {
  return el("li", el("a.queue-item", { href: `#${encodeURIComponent(key)}`, "data-key": key, "aria-current": key === chosen ? "true" : null }, ...children));
}

function ticketItem(ticket) {
  const { hop } = ticket;
  const open = ticket.state === "open";
  return item(
    ticket.ticket,
    el("div.queue-top", party(hop.from), el("span.push"), open ? el("span.left", { "data-expires": ticket.expires_at }) : el("span.muted", ago(hop.at))),
    el("div.queue-what", el("span.verb", verb(hop)), " ", named("code.object", hop.object)),
    el("div.queue-foot", open ? risk(hop.risk) : state(ticket), open && ticket.n_people > 1 && el("span.muted", `${ticket.approvals.length} of ${ticket.n_people} people`)),
  );
}

function toolItem(tool) {
  const nWarnings = tool.findings.filter((finding) => finding.word !== "GO").length;
  return item(
    keyOf(tool),
    el("div.queue-what", named("code.object", tool.tool)),
    el("div.queue-foot", el("span.muted", tool.approved ? "changed after approval" : "never approved"), nWarnings > 0 && el("span.warned", icon("warn"), plural(nWarnings, "finding"))),
  );
}

function drawTimes() {
  for (const element of list.querySelectorAll("[data-expires]")) {
    const left_ms = Number(element.dataset.expires) - Date.now();
    element.textContent = left_ms > 0 ? duration(left_ms) : "time is over";
    element.classList.toggle("soon", left_ms < SOON_MS);
  }
}

function choose(key) {
  if (key === chosen) return;
  chosen = key;
  if (!loaded) return;
  for (const element of list.querySelectorAll("a")) {
    if (element.dataset.key === key) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
  }
  drawPane();
  pane.focus({ preventScroll: true });
  if (NARROW.matches) pane.scrollIntoView();
  else scrollTo(0, 0);
}

function drawPane() {
  const ticket = tickets.find((other) => other.ticket === chosen);
  const tool = tools.find((other) => keyOf(other) === chosen);
  const task = ticket && tasks.get(ticket.hop.task);
  // A half-written reason and the place of every button stay as they are until something changed.
  const now = JSON.stringify([chosen, ticket ?? tool ?? null, task ?? null]);
  if (now === shown) return;
  const isSame = shown && JSON.parse(shown)[0] === chosen;
  const written = isSame ? (pane.querySelector("#reason")?.value ?? "") : "";
  shown = now;
  const again = () => {
    shown = "";
    load();
  };
  if (ticket) fill(pane, ticketDetails(ticket, task, { answered: settled, again }));
  else if (tool) fill(pane, toolDetails(tool, { answered: load, again }));
  else if (chosen) fill(pane, empty("allow", "It does not wait any more", "It was answered. Choose something else from the queue."));
  else fill(pane, empty("approvals", "Nothing waits for you", "Actions whose risk asks for a person, and tool definitions that nobody approved, show up here with everything that is known about them."));
  const reason = pane.querySelector("#reason");
  if (reason) reason.value = written;
}

function settled(ticket) {
  tickets = tickets.map((other) => (other.ticket === ticket.ticket ? ticket : other));
  draw();
  const next = tickets.find((other) => other.state === "open" && other.ticket !== ticket.ticket);
  if (next) pane.querySelector(".outcome")?.append(el("p", el("a.button", { href: `#${encodeURIComponent(next.ticket)}` }, icon("arrow"), "Next held action")));
  pane.focus({ preventScroll: true });
}
