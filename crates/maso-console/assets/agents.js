// The agents, what each may do and how it stands.

import { read } from "./api.js";
import { digest, el, empty, failed, fill, foreign, icon, named, plain, prose } from "./dom.js";
import { decision, facts, phase, risk } from "./evidence.js";
import { section } from "./hop.js";
import { start } from "./shell.js";
import { ago, clock, duration, plural, verb, wholeTime } from "./words.js";

/// How far back an agent's last hop is looked for.
const HOPS_MAX = 500;

let agents = [];
let tasks = [];
let questions = [];
/// The latest hop that each agent sent.
const latest = new Map();
let chosen = decodeURIComponent(location.hash.slice(1));
let shown = "";
let loaded = false;
let loading = null;

const list = el("nav.queue", { "aria-label": "Agents" });
const pane = el("section.pane", { "aria-label": "Mandate", tabindex: "-1" });
const open = el("div.tasks");
fill(
  document.getElementById("main"),
  el("div.page-head", el("h1", "Agents"), el("p.sub", "What each agent is for and what it may do. Everything else does not exist for it.")),
  el("div.split", list, pane),
  open,
);
fill(list, el("div.loading", "Loading agents…"));

start({
  heard(event) {
    if (event.event === "hop") note(event);
    if (event.event !== "ticket") loadSoon();
  },
  opened: load,
});
addEventListener("hashchange", () => {
  chosen = decodeURIComponent(location.hash.slice(1));
  draw();
  pane.focus({ preventScroll: true });
  if (matchMedia("(max-width: 900px)").matches) pane.scrollIntoView();
});

function note(hop) {
  if (hop.from?.startsWith("agent:") && hop.sequence > (latest.get(hop.from)?.sequence ?? 0)) latest.set(hop.from, hop);
}

// Counters change with every hop: a busy deployment is asked once in two seconds and no more.
function loadSoon() {
  loading ??= setTimeout(() => {
    loading = null;
    load();
  }, 2_000);
}

async function load() {
  try {
    const first = !loaded && read(`/api/v1/hops?limit=${HOPS_MAX}`);
    [agents, tasks, questions] = await Promise.all([read("/api/v1/agents"), read("/v1/tasks"), read("/api/v1/clarifications")]);
    if (first) (await first).forEach(note);
    loaded = true;
    draw();
  } catch (problem) {
    if (!loaded) fill(list, failed(problem, load));
  }
}

function draw() {
  if (!loaded) return;
  agents.sort((one, other) => one.workflow.localeCompare(other.workflow) || one.sequence_position - other.sequence_position);
  if (!agents.some((agent) => agent.agent === chosen)) chosen = agents[0]?.agent ?? "";
  const now = JSON.stringify([agents, tasks, questions, chosen, latest.get(`agent:${chosen}`)?.sequence]);
  if (now === shown) return;
  shown = now;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const workflows = [...new Set(agents.map((agent) => agent.workflow))];
  fill(
    list,
    workflows.map((workflow) => el("div.queue-group", el("h2", "Workflow ", foreign("span", workflow)), el("ul", agents.filter((agent) => agent.workflow === workflow).map(listed)))),
  );
  if (focused) [...list.querySelectorAll("a")].find((item) => item.dataset.key === focused)?.focus();
  const agent = agents.find((agent) => agent.agent === chosen);
  const scroll = pane.scrollTop;
  if (agent) fill(pane, details(agent));
  else fill(pane, empty("agents", "No agent is declared", "Agents are declared in the deployment folder, one file each, with their mandates."));
  pane.scrollTop = scroll;
  drawTasks();
}

function listed(agent) {
  return el(
    "li",
    el(
      "a.queue-item",
      { href: `#${encodeURIComponent(agent.agent)}`, "data-key": agent.agent, "aria-current": agent.agent === chosen ? "true" : null },
      el("div.queue-top", foreign("strong", agent.agent), el("span.push"), phase(worst(agent))),
      el("div.queue-foot", el("span.muted", plural(agent.tools.length, "tool")), el("span.muted", `${agent.n_calls_in_hour} calls/h`), agent.dates && !agent.dates.in_force && el("span.warned", icon("warn"), "not in force"), agent.dates?.review_overdue && el("span.warned", icon("clock"), "review overdue"), agent.n_guardrail_blocks > 0 && el("span.warned", icon("warn"), plural(agent.n_guardrail_blocks, "block"))),
    ),
  );
}

function lastSeen(agent) {
  const hop = latest.get(`agent:${agent.agent}`);
  if (!hop) return el("p.muted", `Nowhere in the latest ${HOPS_MAX} hops.`);
  return el(
    "p.last-seen",
    el("time", { title: wholeTime(hop.at) }, `${clock(hop.at)}, ${ago(hop.at)}`), " ",
    el("span.verb", verb(hop)), " ", named("code.object", hop.object), " ", decision(hop), " ",
    el("a", { href: `/console?agent=${encodeURIComponent(hop.from)}` }, "All its hops"),
  );
}

const worst = (agent) => agent.around_phase || agent.phase;

function details(agent) {
  return el(
    "article.details.mandate",
    { "data-agent": agent.agent },
    el("div.details-head", phase(agent.phase), agent.around_phase !== agent.phase && el("span.muted", "around it: ", phase(agent.around_phase)), el("span.push"), el("span.muted", foreign("code", agent.mandate))),
    el("h2.details-title", foreign("span", agent.agent)),
    foreign("p.lead", agent.intent),
    standing(agent.dates),
    el(
      "div.meters",
      meter("Calls in the last hour", agent.n_calls_in_hour, agent.calls_per_hour_max),
      agent.context && meter("Context, in tokens", agent.context.used, agent.context.tokens, 0.85),
      counter("Guardrail blocks", agent.n_guardrail_blocks, `${agent.guardrail_blocks_max} in ${duration(agent.guardrail_window_ms).replace(/ 00 (s|min)$/, "")} open the breaker`),
      counter("Plan attempts", agent.n_plan_attempts, `tools outside its mandate, in 30 days; ${agent.plan_attempts_max} are accepted`),
    ),
    section("Last seen", lastSeen(agent)),
    section("Tools", tools(agent)),
    section("May ask", grants(agent)),
    section("Intent specification", intent(agent.oispec)),
    section("Identity", facts(
      ["SPIFFE id", foreign("code", agent.spiffe_id)],
      ["Outcome", foreign("span", agent.outcome)],
      ["Clearance", plain(agent.clearance)],
      agent.dates && ["In force from", foreign("span", agent.dates.effective)],
      agent.dates && ["Review due", foreign("span", agent.dates.review)],
      ["Place in the sequence", String(agent.sequence_position)],
      ["Mandate digest", digest(agent.digest, 20)],
    )),
  );
}

/// What the dates of the workflow's mandate mean today; nothing where all is as it should be.
function standing(dates) {
  if (!dates) return null;
  if (!dates.in_force) return el("p.callout.bad", icon("warn"), el("span", el("strong", "Not in force. "), "Its workflow's mandate takes effect on ", foreign("span", dates.effective || "a day that it does not name"), ". Until then everything is refused."));
  return dates.review_overdue && el("p.callout.loud", icon("clock"), el("span", el("strong", "Review overdue. "), "Its workflow's mandate was to be reviewed by ", foreign("span", dates.review), ". It still holds."));
}

function meter(name, value, most, high = 0.9) {
  const bar = el("span.fill");
  bar.style.width = `${Math.min(100, most ? (100 * value) / most : 0)}%`;
  return el(
    `div.meter${most && value >= high * most ? ".high" : ""}`,
    el("div.meter-name", name),
    el("div.meter-value", value.toLocaleString("en"), el("span.muted", ` of ${most.toLocaleString("en")}`)),
    el("div.track", { role: "meter", "aria-label": name, "aria-valuemin": "0", "aria-valuemax": most, "aria-valuenow": value }, bar),
  );
}

const counter = (name, value, note) =>
  el(`div.meter${value > 0 ? ".some" : ""}`, el("div.meter-name", name), el("div.meter-value", value.toLocaleString("en")), el("div.meter-note", note));

const PINS = {
  pinned: ["allow", "pinned"],
  drifted: ["deny", "changed, blocked"],
  unapproved: ["hold", "not approved, blocked"],
};

function pin(word) {
  const [kind, name] = PINS[word] ?? ["none", word];
  return el(`span.pin.${kind}`, kind !== "none" && icon(kind), plain(name));
}

function tools(agent) {
  if (!agent.tools.length) return el("p.muted", "None: it may call no tool.");
  return el(
    "div.table-frame.inner",
    el(
      "table.listing",
      el("thead", el("tr", ...["Tool", "Class", "Risk", "Effect", "Bounds", "Definition"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", agent.tools.map((tool) => el(
        "tr",
        el("th", { scope: "row" }, named("code.object", tool.tool)),
        el("td", tool.class ? plain(tool.class) : el("span.warned", icon("warn"), "not classified")),
        el("td", risk(tool.risk)),
        el("td", plain(tool.reversibility)),
        el("td.bounds", tool.bounds.length ? el("ul", tool.bounds.map((bound) => prose("li", bound))) : el("span.muted", "–")),
        el("td", pin(tool.pin)),
      ))),
    ),
  );
}

function grants(agent) {
  if (!agent.grants.length) return el("p.muted", "Nobody: it may ask no other agent for work.");
  return el("ul.grants", agent.grants.map((grant) => el("li", foreign("strong", grant.to), el("span.muted", " for "), foreign("code.object", grant.request))));
}

function intent(oispec) {
  const criteria = (name, list, kind) => list.length > 0 && el("div", el("h4", name), el(`ul.criteria.${kind}`, list.map((text) => foreign("li", text))));
  return el(
    "div.intent",
    foreign("p.goal", oispec.goal),
    el("p", el("span.muted", "Risk as a whole: "), risk(oispec.risk_classification)),
    el("div.criteria-columns", criteria("It succeeded when", oispec.success_criteria, "good"), criteria("It failed when", oispec.failure_criteria, "bad"), criteria("It must never", oispec.prohibited_actions, "never")),
  );
}

/// The tasks have a page of their own; here is only said that there are some.
function drawTasks() {
  const nWaiting = questions.filter((question) => !question.answered_by).length;
  fill(
    open,
    el("p.muted", tasks.length ? `${plural(tasks.length, "task is", "tasks are")} open` : "No task is open", nWaiting > 0 && `, and ${plural(nWaiting, "question waits", "questions wait")}`, ". ", el("a", { href: "/console/tasks" }, "See tasks")),
  );
}
