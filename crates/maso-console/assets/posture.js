// PACE: where each scope stands on the river, moving it, and the kill switch.

import { order, read } from "./api.js";
import { el, failed, fill, foreign, icon, plain } from "./dom.js";
import { begin, heading, listen, main } from "./shell.js";
import { PHASES, PHASE_MEANING, title, wholeTime } from "./words.js";

const river = el("div.card.river");
const moving = el("form.card.form", { submit: move });
const killing = el("form.card.form.kill", { submit: kill });
let scopes = [];

const REVIEW = [
  ["root_cause_documented", "The root cause is documented"],
  ["gap_closed", "The gap in the controls is closed"],
  ["baselines_updated", "Behavioural baselines are updated"],
  ["triggers_recalibrated", "Triggers are recalibrated"],
  ["regulator_settled", "The regulator was told, or nothing was due"],
  ["scenario_added", "The incident joined the next red-team cycle"],
];

async function start() {
  fill(main, heading("Posture", "Tightening is automatic and immediate. Loosening takes a person with the office for it, and grounds."), river, el("div.columns.wide", moving, killing));
  await begin();
  listen((event) => event.event === "posture" && show(event));
  await load();
}

async function load() {
  try {
    show(await read("/api/v1/posture"));
  } catch (problem) {
    fill(river, failed(problem, load));
  }
}

function show(posture) {
  const first = scopes.length === 0;
  scopes = posture.scopes;
  fill(
    river,
    el("div.river-head", el("span"), PHASES.map((phase) => el(`div.stage.phase-${phase}`, { title: PHASE_MEANING[phase] }, el("strong", title(phase)), el("span.muted", PHASE_MEANING[phase])))),
    scopes.map((scope) => {
      const at = PHASES.indexOf(scope.phase);
      return el(
        "div.lane",
        el("div.scope", foreign("span", scope.scope)),
        PHASES.map((phase, index) => el(`div.pier${index <= at ? ".passed" : ""}${index === at ? ".here.phase-" + phase : ""}`, index === at ? el("span", { "aria-label": `${scope.scope} is in ${phase}` }, phase.charAt(0).toUpperCase()) : el("i", { "aria-hidden": "true" }))),
        scope.trigger && el("div.because", foreign("span", scope.trigger), el("span.muted", ` since ${wholeTime(scope.since)}, by ${scope.by ?? "maso"}`)),
      );
    }),
  );
  if (first) forms();
}

const field = (label, control) => el("label.field", el("span", label), control);
const choice = (name, values, said = (value) => value) => el("select", { name }, values.map((value) => el("option", { value }, said(value))));

function forms() {
  const names = scopes.map((scope) => scope.scope);
  const review = el("fieldset", { hidden: true }, el("legend", "Review that ends an Emergency"), REVIEW.map(([name, said]) => el("label.check", el("input", { type: "checkbox", name }), said)), field("Risk owner who approves (a role)", el("input", { name: "risk_owner", type: "text" })));
  fill(moving, el("h2", "Move a scope"), field("Scope", choice("scope", names)), field("To", choice("to", PHASES, title)), field("Why", el("textarea", { name: "reason", rows: "3", required: true, placeholder: "To loosen: what the cause was, and how it was fixed" })), review, el("p.problem", { role: "alert", hidden: true }), el("button.button", { type: "submit" }, "Move"));
  moving.addEventListener("change", () => {
    const scope = scopes.find((scope) => scope.scope === moving.elements.scope.value);
    review.hidden = !(scope?.phase === "emergency" && moving.elements.to.value !== "emergency");
  });
  fill(killing, el("h2", icon("stop"), "Kill switch"), el("p", "Stops the scope at once: every hop is refused, held actions do not happen. Only an incident commander ends it."), field("Scope", choice("scope", names)), field("Why", el("input", { name: "reason", type: "text", required: true })), field(el("span", "Type ", el("code", "STOP"), " to confirm"), el("input", { name: "sure", type: "text", autocomplete: "off", required: true })), el("p.problem", { role: "alert", hidden: true }), el("button.button.danger", { type: "submit" }, "Stop now"));
}

async function move(event) {
  event.preventDefault();
  const form = moving.elements;
  const scope = scopes.find((scope) => scope.scope === form.scope.value);
  const body = { scope: form.scope.value, to: form.to.value, reason: form.reason.value.trim() };
  if (scope?.phase === "emergency" && body.to !== "emergency") {
    body.review = { risk_owner: form.risk_owner.value.trim() };
    for (const [name] of REVIEW) body.review[name] = form[name].checked;
  }
  await give(moving, "/api/v1/posture", body);
}

async function kill(event) {
  event.preventDefault();
  const form = killing.elements;
  if (form.sure.value.trim() !== "STOP") {
    say(killing, "Type STOP to confirm.");
    return;
  }
  await give(killing, "/api/v1/kill", { scope: form.scope.value, reason: form.reason.value.trim() });
}

async function give(form, path, body) {
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try {
    show(await order(path, body));
    form.reset();
    form.querySelector(".problem").hidden = true;
  } catch (refused) {
    say(form, refused.message, refused.help);
  }
  button.disabled = false;
}

function say(form, ...texts) {
  const problem = form.querySelector(".problem");
  problem.hidden = false;
  fill(problem, icon("warn"), texts.filter(Boolean).map((text) => [plain(text), " "]));
}

start();
