// Agents: what each is for, what it may do, and how it stands. And the open tasks.

import { read } from "./api.js";
import { digest, el, empty, failed, fill, foreign, icon, plain } from "./dom.js";
import { facts, phase, risk } from "./evidence.js";
import { begin, heading, listen, main } from "./shell.js";
import { ago, plural, wholeTime } from "./words.js";

const list = el("div.queue");
const tasks = el("div.queue");

async function start() {
  fill(main, heading("Agents", "Their mandates, as declared. What is not listed does not exist for them."), list, el("h2.section", "Open tasks"), tasks);
  await begin();
  listen((event) => event.event === "posture" && load());
  await load();
}

async function load() {
  try {
    const [agents, open] = await Promise.all([read("/api/v1/agents"), read("/v1/tasks")]);
    const opened = new Set([...list.querySelectorAll("details[open]")].map((details) => details.dataset.agent));
    if (agents.length) fill(list, agents.map((agent) => card(agent, opened.has(agent.agent) || agents.length === 1)));
    else fill(list, empty("agents", "No agent is declared", "Add one under agents/ in the deployment's folder."));
    fill(tasks, open.length ? open.map(task) : empty("clock", "No task is open", "Agents then work in their standing tasks: they may read what their mandate allows, and whatever carries authority needs a person."));
  } catch (problem) {
    fill(list, failed(problem, load));
  }
}

function card(agent, open) {
  const used = agent.calls_per_hour_max ? Math.min(100, Math.round((100 * agent.n_calls_in_hour) / agent.calls_per_hour_max)) : 0;
  const details = el(
    "details.card.agent",
    { open },
    el(
      "summary",
      el("div.agent-name", icon("agents"), foreign("h2", agent.agent), phase(agent.phase), agent.around_phase !== agent.phase && el("span.muted", `around it: ${agent.around_phase}`)),
      el("p", plain(agent.intent)),
      el("div.counters", counter(`${agent.n_calls_in_hour} of ${agent.calls_per_hour_max}`, "calls this hour", used), counter(agent.n_guardrail_blocks, "guardrail blocks"), counter(agent.n_plan_attempts, "plan attempts, 30 days"), counter(agent.tools.length, "tools")),
    ),
    facts(["Mandate", el("span", plain(agent.mandate), " ", digest(agent.digest))], ["Identity", el("code", plain(agent.spiffe_id))], ["Workflow", `${agent.workflow}, position ${agent.sequence_position}`], ["May bring about", plain(agent.outcome)], ["Cleared up to", plain(agent.clearance)]),
    el("h3", "Tools"),
    tools(agent.tools),
    agent.grants.length > 0 && [el("h3", "May ask other agents"), el("ul.plain", agent.grants.map((grant) => el("li", icon("arrow"), foreign("code", `${grant.to}: ${grant.request}`))))],
    el("h3", "Declared intent"),
    el("p", plain(agent.oispec.goal)),
    el("div.columns", criteria("Succeeded when", agent.oispec.success_criteria), criteria("Failed when", agent.oispec.failure_criteria), criteria("Must not", agent.oispec.prohibited_actions)),
  );
  details.dataset.agent = agent.agent;
  return details;
}

function counter(value, name, percent) {
  return el("div.counter", el("strong", String(value)), el("span.muted", name), percent !== undefined && el("progress", { max: "100", value: percent, "aria-label": name }));
}

const PINS = { pinned: ["allow", "pinned"], unapproved: ["warn", "nobody approved it"], drifted: ["warn", "changed since it was approved"], "not seen yet": ["clock", "not seen yet"] };

function tools(list) {
  return el(
    "div.scroll",
    el(
      "table.tools",
      el("thead", el("tr", ["Tool", "Class", "Risk", "Undone", "Bounds", "Definition"].map((name) => el("th", { scope: "col" }, name)))),
      el(
        "tbody",
        list.map((tool) => {
          const [mark, said] = PINS[tool.pin] ?? ["warn", tool.pin];
          return el(
            "tr",
            el("td", foreign("code", tool.tool)),
            el("td", plain(tool.class ?? "unclassified")),
            el("td", risk(tool.risk)),
            el("td", plain(tool.reversibility)),
            el("td", tool.bounds.length ? tool.bounds.map((bound) => foreign("div.bound", bound)) : el("span.muted", "none")),
            el(`td.pin.pin-${mark}`, icon(mark), said),
          );
        }),
      ),
    ),
  );
}

function criteria(name, list) {
  return el("section", el("h4", name), list.length ? el("ul.bullets", list.map((text) => el("li", plain(text)))) : el("p.muted", "nothing declared"));
}

function task(task) {
  return el(
    "article.card",
    el("header", el("div", el("h2", plain(task.workflow)), el("p.muted", { title: wholeTime(task.opened_at) }, `opened ${ago(task.opened_at)}, ${plain(task.accountable_human).textContent} answers for it`)), el("div.marks", digest(task.task, 16))),
    el("blockquote", foreign("p", task.words)),
    task.success_criteria.length > 0 && criteria(`Succeeded when (${plural(task.success_criteria.length, "criterion", "criteria")})`, task.success_criteria),
    el("p.muted", "ends by itself ", wholeTime(task.expires_at)),
  );
}

start();
