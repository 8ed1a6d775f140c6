// The tasks: what is open and what waits to be said of it, and how the latest were done. What is open on the right is drawn
// anew only where something about it changed, so that nothing slips under a click and what somebody began to write stays.

import { read } from "./api.js";
import { isUnanswered } from "./assumption.js";
import { el, empty, failed, fill, foreign, icon } from "./dom.js";
import { evaluationDetails, isSubstitution, verdict } from "./evaluation.js";
import { party } from "./hop.js";
import { announce, heading, main, session, start } from "./shell.js";
import { taskDetails } from "./task.js";
import { ago, plural, until } from "./words.js";

/// One order writes several records, and where much is done many of them come: all of it is read once a second and no more.
const LOAD_WAIT_MS = 1_000;
const NARROW = matchMedia("(max-width: 900px)");

let tasks = [];
let questions = [];
let assumptions = [];
let evaluations = [];
let chosen = decodeURIComponent(location.hash.slice(1));
/// What the pane shows, as text: the same thing is not drawn twice.
let shown = "";
let loaded = false;
let waiting = null;
/// What was announced, or was there when the page was opened.
const known = new Set();
/// Parts of the pane that outlive its drawing.
const parts = new Map();

const alarm = el("div.alarms");
const list = el("nav.queue", { "aria-label": "Tasks" });
const pane = el("section.pane", { "aria-label": "Details", tabindex: "-1" });
fill(main, heading("Tasks", "What people asked for, what agents ask back, and by which means it came to its end."), alarm, el("div.split", list, pane));
fill(list, el("div.loading", "Loading tasks…"));
start({ heard: (event) => event.event === "tasks" && loadSoon(), opened: load });
addEventListener("hashchange", () => choose(decodeURIComponent(location.hash.slice(1))));

function loadSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    load();
  }, LOAD_WAIT_MS);
}

async function load() {
  try {
    await session;
    [tasks, questions, assumptions, evaluations] = await Promise.all([read("/v1/tasks"), read("/api/v1/clarifications"), read("/api/v1/assumptions"), read("/api/v1/evaluations")]);
  } catch (problem) {
    if (!loaded) fill(list, failed(problem, load));
    return;
  }
  tellNew();
  const isFirst = !loaded;
  loaded = true;
  draw();
  if (isFirst) showChosen();
}

/// What an address names may stand far down in the list; the page itself stays where it is.
function showChosen() {
  const item = list.querySelector("[aria-current]");
  if (item) list.scrollTop += Math.max(0, item.getBoundingClientRect().bottom - list.getBoundingClientRect().bottom);
}

const keyOf = (evaluation) => `${evaluation.task}/${evaluation.agent}`;
const isOpen = (question) => !question.answered_by;
const about = (task) => questions.filter((question) => question.task === task);
const assumedIn = (task) => assumptions.filter((assumption) => assumption.task === task);

/// Says what needs somebody to people who hear the page.
function tellNew() {
  const fresh = (key) => !known.has(key) && known.add(key);
  const asked = questions.filter((question) => isOpen(question) && fresh(question.question));
  const made = assumptions.filter((assumption) => isUnanswered(assumption) && fresh(assumption.assumption));
  const substituted = evaluations.filter((evaluation) => isSubstitution(evaluation) && fresh(`${keyOf(evaluation)} ${evaluation.at}`));
  if (!loaded) return;
  const told = [
    substituted.length > 0 && `Creative substitution by ${substituted.map((evaluation) => evaluation.agent).join(", ")}.`,
    asked.length > 0 && `${plural(asked.length, "new question")}.`,
    made.length > 0 && `${plural(made.length, "new assumption")}.`,
  ].filter(Boolean);
  if (told.length) announce(told.join(" "));
}

function draw() {
  const substitutions = evaluations.filter(isSubstitution);
  const others = evaluations.filter((evaluation) => !isSubstitution(evaluation));
  const open = [...tasks].sort((one, other) => nWaiting(other.task) - nWaiting(one.task) || other.opened_at - one.opened_at);
  // Agents that carry no task ask and assume in their standing task, which nobody opened.
  const unsaid = [...questions.filter(isOpen), ...assumptions.filter(isUnanswered)];
  const standing = [...new Set(unsaid.map((one) => one.task))].filter((name) => !tasks.some((task) => task.task === name));
  chosen ||= substitutions[0] ? keyOf(substitutions[0]) : (open[0]?.task ?? standing[0] ?? (others[0] ? keyOf(others[0]) : ""));
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const scroll = list.scrollTop;
  fill(
    list,
    substitutions.length > 0 && group("Creative substitutions", substitutions.map(evaluationItem)),
    group("Open tasks", open.map(taskItem), "No task is open. Agents that carry none work in their standing task, in which only reads need nobody."),
    standing.length > 0 && group("Asked without a task", standing.map(standingItem)),
    group("Evaluated", others.map(evaluationItem), evaluations.length ? "Nothing else was evaluated." : "No task was evaluated. That is done when one ends."),
  );
  list.scrollTop = scroll;
  if (focused) [...list.querySelectorAll("a")].find((item) => item.dataset.key === focused)?.focus();
  drawAlarm(substitutions);
  drawPane();
}

const nWaiting = (task) => about(task).filter(isOpen).length;

function group(name, items, none) {
  return el("div.queue-group", el("h2", name, items.length > 0 && el("span.count", String(items.length))), items.length ? el("ul", items) : el("p.muted", none));
}

function item(key, ...children) {
  return el("li", el("a.queue-item", { href: `#${encodeURIComponent(key)}`, "data-key": key, "aria-current": key === chosen ? "true" : null }, ...children));
}

const waits = (task) => nWaiting(task) > 0 && el("span.warned", icon("ask"), `${plural(nWaiting(task), "question")} ${nWaiting(task) === 1 ? "waits" : "wait"}`);
/// No work waits for what is assumed.
const assumes = (task) => assumedIn(task).some(isUnanswered) && el("span.muted", plural(assumedIn(task).filter(isUnanswered).length, "assumption"));

function taskItem(task) {
  return item(
    task.task,
    el("div.queue-top", foreign("strong", task.workflow), el("span.push"), el("span.muted", `until ${until(task.expires_at)}`)),
    foreign("div.queue-what.clamped", task.words),
    el("div.queue-foot", waits(task.task), assumes(task.task), task.unclear && el("span.warned", icon("warn"), "unclear"), el("span.muted", ago(task.opened_at))),
  );
}

function standingItem(task) {
  const first = about(task).find(isOpen) ?? assumedIn(task).find(isUnanswered);
  return item(task, el("div.queue-top", party(`agent:${first.asked_by ?? first.made_by}`)), foreign("div.queue-what.clamped", first.words ?? ""), el("div.queue-foot", waits(task), assumes(task)));
}

function evaluationItem(evaluation) {
  return item(
    keyOf(evaluation),
    el("div.queue-top", party(`agent:${evaluation.agent}`), el("span.push"), evaluation.at && el("span.muted", ago(evaluation.at))),
    foreign("div.queue-what.clamped", evaluation.words ?? evaluation.workflow),
    el("div.queue-foot", verdict(evaluation.class)),
  );
}

/// What is as urgent as a fraud stands above everything, whatever is looked at.
function drawAlarm(substitutions) {
  const here = substitutions.filter((evaluation) => keyOf(evaluation) !== chosen);
  fill(
    alarm,
    here.length > 0 &&
      el(
        "div.alarm",
        icon("warn"),
        el("div", el("strong", here.length === 1 ? "Creative substitution. " : `${here.length} creative substitutions. `), "The right result by the wrong means, as urgent as a fraud: ", here.map((evaluation, index) => [index > 0 && ", ", el("a", { href: `#${encodeURIComponent(keyOf(evaluation))}` }, party(`agent:${evaluation.agent}`))]), "."),
      ),
  );
}

function choose(key) {
  if (key === chosen) return;
  chosen = key;
  parts.clear();
  if (!loaded) return;
  for (const element of list.querySelectorAll("a")) {
    if (element.dataset.key === key) element.setAttribute("aria-current", "true");
    else element.removeAttribute("aria-current");
  }
  drawAlarm(evaluations.filter(isSubstitution));
  drawPane();
  pane.focus({ preventScroll: true });
  if (NARROW.matches) pane.scrollIntoView();
  else scrollTo(0, 0);
}

function drawPane() {
  const evaluation = evaluations.find((other) => keyOf(other) === chosen);
  const task = tasks.find((other) => other.task === chosen);
  const [asked, made] = [about(chosen), assumedIn(chosen)];
  const now = JSON.stringify([chosen, evaluation ?? null, task ?? null, asked, made]);
  if (now === shown) return;
  shown = now;
  const focused = pane.contains(document.activeElement) ? document.activeElement : null;
  const hands = { kept, done, again: load };
  if (evaluation) fill(pane, evaluationDetails(evaluation, hands));
  else if (task || asked.length || made.length) fill(pane, taskDetails(task, asked, made, hands));
  else if (chosen) fill(pane, empty("allow", "This task is not open any more", "How it was done is listed once it is evaluated. Choose something else from the list."));
  else fill(pane, empty("tasks", "No task is open, and none was evaluated", ["A person opens a task with ", el("code", "maso tasks open"), ", in words of their own. Agents act on these words with that person's authority."]));
  // Moving a part takes the focus away from it.
  if (focused?.isConnected) focused.focus({ preventScroll: true });
}

/// The part that stood here under this name, as long as what it is about has not changed.
function kept(name, what, build) {
  const now = JSON.stringify(what);
  const before = parts.get(name);
  if (before?.now === now) return before.part;
  const part = build();
  parts.set(name, { now, part });
  return part;
}

/// Something was ordered, and is on the record.
async function done(told) {
  announce(told);
  await load();
  if (!pane.contains(document.activeElement)) pane.focus({ preventScroll: true });
}
