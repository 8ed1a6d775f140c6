// PACE: where every scope stands, moving one, and the kill switch.

import { order, read } from "./api.js";
import { el, failed, fill, foreign, icon, plain, prose } from "./dom.js";
import { phase } from "./evidence.js";
import { announce, mayAs, session, start } from "./shell.js";
import { ago, PHASE_MEANING, PHASES, title, wholeTime } from "./words.js";

let scopes = [];
let loaded = false;

const river = el("section.river", { "aria-label": "PACE river" });
const dialog = el("dialog");
const main = document.getElementById("main");
fill(
  main,
  el("div.page-head", el("h1", "Posture"), el("p.sub", "Downstream is automatic and immediate. The way back needs a person, a reason and the gates.")),
  river,
  el(
    "section.kill",
    el("div", el("h2", icon("stop"), "Kill switch"), el("p", "Stops a scope at once: every hop is refused, every grant is void, whatever its agents or their orchestrator do. Only an incident commander ends it.")),
    el("button.button.danger", { type: "button", id: "kill", click: () => askKill("deployment") }, "Stop…"),
  ),
  dialog,
);
fill(river, el("div.loading", "Loading posture…"));
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

start({
  heard(event) {
    if (event.event === "posture") show(event.scopes);
  },
  opened: load,
});

async function load() {
  try {
    await session;
    show((await read("/api/v1/posture")).scopes);
  } catch (problem) {
    if (!loaded) fill(river, failed(problem, load));
  }
}

function show(now) {
  const moved = loaded && now.filter((scope) => scopes.find((other) => other.scope === scope.scope)?.phase !== scope.phase);
  scopes = now;
  loaded = true;
  if (moved && moved.length) announce(moved.map((scope) => `${scope.scope} is now in ${title(scope.phase)}.`).join(" "));
  draw();
}

function draw() {
  fill(
    river,
    el(
      "table",
      el(
        "thead",
        el(
          "tr",
          el("th.scope", { scope: "col" }, "Scope"),
          ...PHASES.map((name) => el(`th.pier.phase-${name}`, { scope: "col", title: PHASE_MEANING[name] }, el("span.letter", { "aria-hidden": "true" }, name.charAt(0).toUpperCase()), el("span.pier-name", title(name)), el("span.meaning", PHASE_MEANING[name]))),
          el("th", { scope: "col" }, "Why"),
          el("th", { scope: "col" }, el("span.visually-hidden", "Move")),
        ),
      ),
      el("tbody", scopes.map(lane)),
    ),
  );
}

function lane(scope) {
  const at = Math.max(0, PHASES.indexOf(scope.phase));
  const [kind, name] = scope.scope.includes(":") ? [scope.scope.slice(0, scope.scope.indexOf(":")), scope.scope.slice(scope.scope.indexOf(":") + 1)] : ["", scope.scope];
  return el(
    `tr.lane.kind-${kind || "deployment"}`,
    { "data-scope": scope.scope, "data-phase": scope.phase },
    el("th.scope", { scope: "row" }, kind && el("span.party-kind", kind), foreign("span", name)),
    PHASES.map((name, index) =>
      el(
        `td.pier.phase-${name}${index === at ? ".here" : index < at ? ".passed" : ""}`,
        index === at ? el("span.stone", el("span.visually-hidden", `stands in ${name}`)) : el("span.ring", { "aria-hidden": "true" }),
      ),
    ),
    el(
      "td.because",
      phase(scope.phase),
      scope.trigger ? [prose("span", scope.trigger), el("span.muted.since", scope.since ? [el("time", { title: wholeTime(scope.since) }, ago(scope.since)), ", "] : "", "by ", foreign("span", scope.by ?? "maso"))] : el("span.muted", "normal work"),
      loosening(scope),
    ),
    el("td.act", el("button.button", { type: "button", click: () => askMove(scope) }, "Move…")),
  );
}

const named = (role) => role.replaceAll("-", " ");
const article = (role) => (/^[aeiou]/.test(role) ? "An " : "A ");

/// Who may bring a scope back, and what that takes.
function loosening(scope) {
  const back = (scope.moves ?? []).filter((move) => PHASES.indexOf(move.to) < PHASES.indexOf(scope.phase));
  const first = back.find((move) => move.to === "primary");
  if (!first) return null;
  const takes = first.review ? "the cause, its fix and a complete review" : "the cause and its fix";
  return el("p.way-back", icon("key"), el("span", article(first.role), el("strong", named(first.role)), ` may bring it back, with ${takes}.`));
}

function askMove(scope) {
  const at = PHASES.indexOf(scope.phase);
  const reason = el("textarea", { id: "move-reason", rows: "3", maxlength: "1000", required: true });
  const hint = el("p.muted");
  const gates = el("fieldset.gates", { hidden: true }, el("legend", "Emergency review"), el("p.muted", "All of it must be true before an Emergency ends."), GATES.map(([key, text, must]) => el("label.check", el("input", { type: "checkbox", name: key }), el("span", text, !must && el("span.muted", " (tier 3)")))), el("label", { for: "risk-owner" }, "Risk owner who approves (role)"), el("input", { id: "risk-owner", type: "text", autocomplete: "off", spellcheck: "false" }));
  const submit = el("button.button.primary", { type: "submit" });
  const problem = el("p.callout.bad", { role: "alert", hidden: true });
  const roleFor = (name) => scope.moves?.find((move) => move.to === name)?.role;
  const may = (name) => name !== scope.phase && (!roleFor(name) || mayAs(roleFor(name)));
  const first = [...PHASES.slice(at + 1), ...PHASES].find(may);
  const choices = PHASES.map((name, index) =>
    el(
      "label.choice",
      el("input", { type: "radio", name: "to", value: name, disabled: !may(name), checked: name === first, change: draw }),
      el("div", phase(name), el("span.muted", index === at ? "Stands here now." : PHASE_MEANING[name], !may(name) && index !== at && ` Needs the role ${named(roleFor(name))}.`)),
    ),
  );
  const form = el(
    "form",
    { method: "dialog", submit: send },
    head("Move ", scope.scope),
    el("fieldset.choices", el("legend.visually-hidden", "To which phase"), choices),
    el("label", { for: "move-reason" }, "Reason"),
    hint,
    reason,
    gates,
    problem,
    el("div.buttons", submit, el("button.button", { type: "button", click: () => dialog.close() }, "Cancel")),
  );
  const to = () => form.elements.to.value;
  const loosens = () => PHASES.indexOf(to()) < at;

  function draw() {
    submit.disabled = !to();
    if (!to()) {
      submit.textContent = "Move";
      hint.textContent = "None of your roles may move it.";
      return;
    }
    hint.textContent = loosens() ? "What the cause was, and how it was fixed." : "What you saw.";
    gates.hidden = !(loosens() && scope.phase === "emergency");
    submit.textContent = `${loosens() ? "Loosen" : "Tighten"} to ${title(to())}`;
  }

  async function send(event) {
    event.preventDefault();
    if (!reason.value.trim()) {
      complain(problem, "Give a reason: it goes on the record with your name.");
      reason.focus();
      return;
    }
    const body = { scope: scope.scope, to: to(), reason: reason.value.trim() };
    if (!gates.hidden) {
      body.review = { risk_owner: form.querySelector("#risk-owner").value.trim() };
      for (const [key] of GATES) body.review[key] = form.elements[key].checked;
    }
    submit.disabled = true;
    await carryOut("/api/v1/posture", body, problem);
    submit.disabled = false;
  }

  draw();
  ask(form);
}

const GATES = [
  ["root_cause_documented", "The root cause is documented", true],
  ["gap_closed", "The gap in the controls is closed", true],
  ["baselines_updated", "Behavioural baselines are updated", true],
  ["triggers_recalibrated", "Triggers are recalibrated", true],
  ["regulator_settled", "The regulator was told, or nothing was due", true],
  ["scenario_added", "The incident joined the next red-team cycle", false],
];

function askKill(first) {
  const scope = el("select", { id: "kill-scope", change: draw }, scopes.map((other) => el("option", { value: other.scope, selected: other.scope === first }, other.scope)));
  const reason = el("textarea", { id: "kill-reason", rows: "2", maxlength: "1000", required: true });
  const typed = el("input", { id: "kill-typed", type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", input: draw });
  const wanted = el("code");
  const submit = el("button.button.danger", { type: "submit" }, icon("stop"), "Stop now");
  const problem = el("p.callout.bad", { role: "alert", hidden: true });
  const form = el(
    "form",
    { method: "dialog", submit: send },
    head("Kill switch"),
    el("p", "Everything in the scope stops at once and stays stopped until an incident commander has reviewed it."),
    el("label", { for: "kill-scope" }, "Scope"),
    scope,
    el("label", { for: "kill-reason" }, "Reason"),
    reason,
    el("label", { for: "kill-typed" }, "Type ", wanted, " to confirm"),
    typed,
    problem,
    el("div.buttons", submit, el("button.button", { type: "button", click: () => dialog.close() }, "Cancel")),
  );

  function draw() {
    fill(wanted, plain(scope.value));
    submit.disabled = typed.value.trim() !== scope.value;
  }

  async function send(event) {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    await carryOut("/api/v1/kill", { scope: scope.value, reason: reason.value.trim() || "kill switch pulled in the console" }, problem);
    draw();
  }

  draw();
  ask(form);
}

const head = (...what) => el("div.dialog-head", el("h2", what.map((part) => el("bdi", plain(part)))), el("button.quiet.icon-only", { type: "button", "aria-label": "Close", click: () => dialog.close() }, icon("close")));

function ask(form) {
  fill(dialog, form);
  dialog.showModal();
}

function complain(problem, ...what) {
  problem.hidden = false;
  fill(problem, icon("warn"), el("span", ...what));
}

async function carryOut(path, body, problem) {
  problem.hidden = true;
  try {
    const after = await order(path, body);
    dialog.close();
    show(after.scopes);
  } catch (refused) {
    complain(problem, refused.message, " ", refused.help);
  }
}
