// How an agent's part in a task was done: its means and its outcome, each by itself, and what they are together.

import { order } from "./api.js";
import { digest, el, fill, foreign, icon, named, plain, prose } from "./dom.js";
import { facts } from "./evidence.js";
import { party, section } from "./hop.js";
import { mayAs, operator } from "./shell.js";
import { plural, title, wholeTime } from "./words.js";

const SUBSTITUTION = "creative-substitution";
/// How each state is shown, and what it is.
const STATES = {
  "normal-operation": ["allow", "allow", "Normal operation", "Right means, right outcome."],
  "execution-failure": ["deny", "deny", "Execution failure", "Right means, wrong outcome: put it right."],
  "visible-failure": ["deny", "warn", "Visible failure", "Wrong means, wrong outcome: an incident."],
  [SUBSTITUTION]: ["alarm", "warn", "Creative substitution", "Wrong means, right outcome. Nothing but a look at the means finds it."],
  undecided: ["hold", "ask", "Undecided", "Something is open that somebody must say. It is never taken for normal."],
};
const MEANS = {
  right: ["allow", "What ran is what its plan prescribes."],
  unfinished: ["hold", "Steps of its plan are open."],
  wrong: ["deny", "What ran is not what its plan prescribes."],
  unspecified: ["hold", "There is no plan that what ran could be held against."],
};
const OUTCOMES = {
  right: ["allow", "Every success criterion is met, and no failure came about."],
  wrong: ["deny", "A criterion was missed, or a failure came about."],
  undecided: ["hold", "Not every criterion is decided."],
};
const RECOMMENDS = { log: "Nothing", decide: "Somebody says what is open", remediate: "Put it right", incident: "Treat it as an incident", contain: "Contain it: it is as urgent as a fraud" };
const PATTERNS = {
  "repeated-tool": "one tool three times or more",
  "several-tasks": "in three tasks, or two workflows",
  rising: "more than twice as many in a week as in each of the three before",
};

export const isSubstitution = (evaluation) => evaluation.class === SUBSTITUTION;

/// A state, in a word and an icon.
export function verdict(word) {
  const [kind, image, name] = STATES[word] ?? ["unknown", "warn", word];
  return el(`span.chip.${kind}`, icon(image), plain(name));
}

/// An evaluation in full. `kept` keeps what is being assessed, `done` is called once something was, `again` looks it up anew.
export function evaluationDetails(evaluation, hands) {
  return el(
    "article.details.evaluation",
    { "data-task": evaluation.task, "data-agent": evaluation.agent, "data-class": evaluation.class },
    el("div.details-head", verdict(evaluation.class), el("span.push"), el("span.muted", { title: "How much of it was decided: each criterion, and the means, count alike" }, `${evaluation.confidence} % decided`)),
    el("h2.details-title", party(`agent:${evaluation.agent}`), el("span.verb", "in workflow"), foreign("span", evaluation.workflow)),
    isSubstitution(evaluation)
      ? el("p.alarm", icon("warn"), el("span", el("strong", "The right result by the wrong means. "), "Nothing but a look at the means finds it, and it is as urgent as a fraud: contain it, then review the mandate. ", el("a", { href: "/console/posture" }, "See posture")))
      : el("p.lead", STATES[evaluation.class]?.[3] ?? ""),
    section("In which task", evaluation.words ? foreign("blockquote.words", evaluation.words) : el("p.muted", "Its words cannot be read any more.")),
    el("div.apart", means(evaluation), outcome(evaluation, hands)),
    section(
      "Details",
      facts(
        ["What to do", plain(RECOMMENDS[evaluation.recommends] ?? evaluation.recommends)],
        evaluation.at && ["Evaluated", el("time", wholeTime(evaluation.at))],
        ["Mandate", foreign("code", evaluation.mandate)],
        ["Task", digest(evaluation.task, 20)],
        ["On the record", el("a", { href: `/console/record?about=${encodeURIComponent(evaluation.task)}` }, "All of it")],
      ),
    ),
  );
}

/// How one of both was, judged by itself.
function judged(word, words) {
  const [kind, meaning] = words[word] ?? ["hold", ""];
  return el("p.judged", el(`span.chip.${kind}`, icon(kind), plain(title(word))), el("span", meaning));
}

function means(evaluation) {
  const attempts = Object.entries(evaluation.plan_attempts);
  return section(
    "Means",
    judged(evaluation.means, MEANS),
    evaluation.departures.length > 0 && el("ul.findings.departures", evaluation.departures.map(departure)),
    attempts.length > 0 && el("div.attempts", el("h4", "Plan attempts"), el("ul", attempts.map(([tool, count]) => el("li", named("code.object", tool), el("span.muted", ` ${plural(count, "time")}`)))), el("p.muted", "Tools outside its mandate that it called, and did not get.")),
    evaluation.patterns.length > 0 && el("p.warned", icon("warn"), el("span", "Its attempts of 30 days stand out: ", plain(evaluation.patterns.map((word) => PATTERNS[word] ?? word).join("; ")), ".")),
  );
}

function departure({ hop, tool, what, detail }) {
  const isOpen = what === "open";
  return el(
    `li.${isOpen ? "hold" : "deny"}`,
    icon(isOpen ? "clock" : "warn"),
    el("div", el("div.finding-head", named("code.object", tool), el("span.word", plain(what)), hop && el("a", { href: `/console/record?about=${encodeURIComponent(hop)}` }, "the call")), prose("p", detail)),
  );
}

/// How a criterion stands; one that says when a task failed is better not met.
function standing({ is_met: isMet, is_failure: isFailure }) {
  if (isMet === null || isMet === undefined) return ["hold", "open"];
  if (isFailure) return isMet ? ["deny", "came about"] : ["allow", "averted"];
  return isMet ? ["allow", "met"] : ["deny", "missed"];
}

function outcome(evaluation, hands) {
  return section(
    "Outcome",
    judged(evaluation.outcome, OUTCOMES),
    evaluation.criteria.length > 0
      ? el("ul.findings.weighed", evaluation.criteria.map((criterion) => hands.kept(`${evaluation.task} ${criterion.id}`, criterion, () => weighed(evaluation.task, criterion, hands))))
      : el("p.muted", "It has no criteria."),
  );
}

function weighed(task, criterion, hands) {
  const [kind, word] = standing(criterion);
  return el(
    `li.${kind}`,
    { "data-criterion": criterion.id },
    icon(kind),
    el(
      "div",
      criterion.text && foreign("p", criterion.text),
      el("div.finding-head", el("span.word", word), criterion.is_failure && el("span.muted", "failure criterion"), foreign("code.pointer", criterion.id), el("span.muted", decider(criterion.decided_by))),
      word === "open" && assessment(task, criterion, hands),
    ),
  );
}

const split = (decidedBy) => [decidedBy.slice(0, decidedBy.indexOf(":")), decidedBy.slice(decidedBy.indexOf(":") + 1)];

function decider(decidedBy) {
  if (!decidedBy) return "any operator decides";
  const [kind, who] = split(decidedBy);
  if (kind === "schema") return ["the record decides, by ", named("code", who)];
  return [plain(kind === "judge" ? "judge " : kind === "field" ? "an operator decides, by " : ""), foreign("span", who), kind !== "field" && " decides"];
}

/// Who else than whoever is signed in decides a criterion; nothing where this person may. The server decides that too.
function another(decidedBy) {
  const [kind, who] = split(decidedBy ?? "");
  if (!mayAs("operator")) return ["Assessing needs the role ", el("code", "operator"), ", which you do not hold."];
  if (kind === "schema") return ["The record decides it, and nobody's word."];
  return kind === "person" && who !== operator.replace(/^operator:/, "") && [foreign("strong", who), " decides it, and nobody else."];
}

/// Says whether an open criterion is met, with the reason.
function assessment(task, criterion, { done, again }) {
  const other = another(criterion.decided_by);
  if (other) return el("p.muted", other);
  const id = `assess-${criterion.id}`;
  const reason = el("textarea", { id, rows: "2", maxlength: "1000", placeholder: "Goes on the record with your name" });
  const problem = el("p.callout.bad", { role: "alert", hidden: true });
  const step = el("div.saying");

  function first() {
    fill(step, el("button.button", { type: "button", click: () => (second(), reason.focus()) }, "Assess…"));
  }

  function second() {
    const back = () => {
      problem.hidden = true;
      first();
      step.querySelector("button").focus();
    };
    const [yes, no] = criterion.is_failure ? ["It came about", "It was averted"] : ["Met", "Missed"];
    fill(
      step,
      el(
        "form.confirm",
        { "aria-label": `Assess ${criterion.id}`, submit: (event) => event.preventDefault(), keydown: (event) => event.key === "Escape" && back() },
        el("label", { for: id }, "How do you know?"),
        reason,
        el("div.buttons", answer(yes, true), answer(no, false), el("button.button", { type: "button", click: back }, "Back")),
      ),
    );
  }

  /// That a failure came about is as bad as that a success was missed.
  const answer = (name, met) => {
    const isBad = met === criterion.is_failure;
    return el(`button.button${isBad ? ".reject" : ".approve"}`, { type: "button", click: () => send(met) }, icon(isBad ? "deny" : "allow"), name);
  };

  function say(...words) {
    problem.hidden = false;
    fill(problem, icon("warn"), el("span", ...words));
  }

  async function send(met) {
    if (!reason.value.trim()) {
      say("Say how you know: the reason goes on the record.");
      reason.focus();
      return;
    }
    for (const button of step.querySelectorAll("button")) button.disabled = true;
    problem.hidden = true;
    try {
      await order(`/v1/tasks/${encodeURIComponent(task)}/assessments`, { criterion: criterion.id, met, reason: reason.value.trim() });
      await done("Assessed.");
    } catch (refused) {
      for (const button of step.querySelectorAll("button")) button.disabled = false;
      say(plain(refused.message), " ", plain(refused.help), refused.status === 409 && el("button.button", { type: "button", click: again }, "Look again"));
    }
  }

  first();
  return el("div.say", step, problem);
}
