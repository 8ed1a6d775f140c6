// One open task: the words that agents may act on, what they ask about them, and what they assume.

import { order } from "./api.js";
import { assumed, isUnanswered } from "./assumption.js";
import { digest, el, fill, foreign, icon, plain, prose } from "./dom.js";
import { facts } from "./evidence.js";
import { party, section } from "./hop.js";
import { mayAs } from "./shell.js";
import { clock, duration, wholeTime } from "./words.js";

/// As many characters as an answer may have.
const ANSWER_CHARACTERS_MAX = 4_000;

/// A task, the questions about it and what is assumed in it; without a task, those of a standing one. `kept` keeps what is being
/// answered, `done` is called once something was said, `again` looks it all up anew.
export function taskDetails(task, questions, assumptions, hands) {
  const waiting = questions.filter((question) => !question.answered_by);
  const said = questions.filter((question) => question.answered_by);
  return el(
    "article.details.task",
    { "data-task": task?.task ?? (questions[0] ?? assumptions[0]).task },
    el(
      "div.details-head",
      task && el("span.chip.allow", icon("play"), "Open"),
      task?.unclear && el("span.chip.hold", icon("warn"), "Unclear"),
      waiting.length > 0 && el("span.chip.hold", icon("ask"), waiting.length === 1 ? "A question waits" : `${waiting.length} questions wait`),
      el("span.push"),
      task && el("span.countdown", { title: `Until ${wholeTime(task.expires_at)}` }, icon("clock"), `until ${clock(task.expires_at)}`),
    ),
    el("h2.details-title", task ? ["Workflow ", foreign("span", task.workflow)] : ["Standing task of ", party(`agent:${questions[0]?.asked_by ?? assumptions[0].made_by}`)]),
    task
      ? [
          foreign("blockquote.words", task.words),
          el("p.by", "The operator's own words. ", foreign("strong", task.accountable_human), " answers for it; opened ", el("time", { title: wholeTime(task.opened_at) }, clock(task.opened_at)), "."),
          task.vague && el("p.warned.vague", icon("warn"), el("span", "Nobody can measure ", foreign("q", task.vague), ".")),
        ]
      : el("p.lead", "Nobody opened it: an agent that carries no task works in it, and asks what it is to do."),
    task?.unclear && section("What it leaves open", unclear(task, hands)),
    waiting.length > 0 && section("What agents ask", el("p.muted", "Agents wrote these questions and what to choose from. What you answer counts as the task's own words do, once."), el("ol.questions", waiting.map((question) => hands.kept(question.question, question, () => asked(question, hands))))),
    assumptions.some(isUnanswered) && section("What agents assume", el("p.muted", "Agents wrote this. Each keeps it to itself until you say for whom it holds, once."), el("ol.questions", assumptions.filter(isUnanswered).map((one) => hands.kept(one.assumption, one, () => assumed(one, hands))))),
    task && section("How far it goes", bounds(task)),
    said.length > 0 && section("What was said since", el("ol.questions", said.map(answered))),
    assumptions.some((one) => !isUnanswered(one)) && section("What was said of assumptions", el("ol.questions", assumptions.filter((one) => !isUnanswered(one)).map((one) => assumed(one, hands)))),
    task &&
      section(
        "Details",
        facts(
          ["Ends by itself", el("time", `${wholeTime(task.expires_at)}, after ${duration(task.expires_at - task.opened_at).replace(/ 00 (s|min)$/, "")}`)],
          ["Task", digest(task.task, 20)],
          ["Specification", digest(task.specification, 20)],
          ["On the record", el("a", { href: `/console/record?about=${encodeURIComponent(task.task)}` }, "All of it")],
        ),
      ),
  );
}

function bounds(task) {
  const list = (name, kind, texts, none) => el("div", el("h4", name), texts?.length ? el(`ul.criteria.${kind}`, texts.map((text) => foreign("li", text))) : el("p.muted", none));
  return [
    task.scope ? foreign("p.goal", task.scope) : el("p.muted", "It names no scope."),
    el("div.criteria-columns", list("It succeeded when", "good", task.success_criteria, "It names no criteria of its own."), list("Out of scope", "never", task.out_of_scope, "Nothing is named.")),
  ];
}

const PARTS = { objective: "what is to be done", scope: "its scope", "success-criteria": "when it succeeded", "out-of-scope": "what is out of scope" };

/// A part of the task by its name, or the request that a question is about.
const matter = (about) => (about in PARTS ? foreign("span", PARTS[about]) : ["the request ", digest(about, 20)]);

/// The parts that its workflow asks every task to say and this one does not; each may be said here.
function unclear(task, hands) {
  return [
    el("p.muted", "Its workflow asks every task to say this. Until somebody does, nothing but reads is done for it."),
    el("ol.questions", task.unclear.map((part) => hands.kept(`${task.task} ${part}`, part, () => el("li.question", el("p.asks", el("strong", "It does not say "), matter(part), "."), sayForm(task.task, { about: part }, [], hands))))),
  ];
}

function asked(question, hands) {
  const isForPeople = question.asked_of.startsWith("operator:");
  return el(
    "li.question",
    { "data-question": question.question },
    el("p.asks", party(`agent:${question.asked_by}`), " asks ", party(question.asked_of), " about ", matter(question.about), ", ", el("time", { title: wholeTime(question.asked_at) }, clock(question.asked_at))),
    question.words ? foreign("blockquote.words.question-words", question.words) : el("p.muted", "What was asked cannot be read any more."),
    !isForPeople && el("p.muted", "The other agent may answer it too. Whoever is first, answers."),
    sayForm(question.task, { question: question.question }, question.options ?? [], hands),
  );
}

function answered(question) {
  return el(
    "li.question",
    { "data-question": question.question },
    el("p.asks", party(`agent:${question.asked_by}`), " asked about ", matter(question.about), ": ", prose("span", question.words ?? "what cannot be read any more")),
    el("p.answered", icon("allow"), el("span", party(question.answered_by), " answered: ", question.answer ? foreign("q", question.answer) : el("span.muted", "what cannot be read any more"))),
  );
}

let nForms = 0;

/// Says what is meant. An agent wrote what there is to choose from, so a choice is read once more before it counts; what a
/// person wrote is sent as it is.
function sayForm(task, what, options, { done, again }) {
  if (!mayAs("operator")) return el("p.callout.bad", icon("warn"), el("span", "Answering needs the role ", el("code", "operator"), ", which you do not hold."));
  const id = `say-${(nForms += 1)}`;
  const problem = el("p.callout.bad", { role: "alert", hidden: true });
  const step = el("div.saying");
  const isAnswer = "question" in what;

  function choose() {
    fill(
      step,
      el(
        "div.buttons",
        { role: "group", "aria-label": "Answers to choose from" },
        options.map((text, index) => foreign("button.button.option", text, { type: "button", click: () => confirm(text, index) })),
        el("button.quiet", { type: "button", click: () => write().focus() }, "Another answer…"),
      ),
    );
  }

  function confirm(text, index) {
    const back = () => {
      choose();
      step.querySelectorAll(".option")[index].focus();
    };
    const form = el(
      "form.confirm",
      { "aria-label": "Confirm answer", tabindex: "-1", submit: (event) => send(event, text), keydown: (event) => event.key === "Escape" && back() },
      el("p", el("strong", "Please confirm. "), "You answer ", foreign("q", text), "."),
      el("div.buttons", el("button.button.approve.strong", { type: "submit" }, icon("allow"), "Yes, answer"), el("button.button", { type: "button", click: back }, "Back")),
    );
    fill(step, form);
    form.querySelector("button").focus();
    form.scrollIntoView({ block: "nearest" });
  }

  function write() {
    const words = el("textarea", { id, rows: "2", maxlength: String(ANSWER_CHARACTERS_MAX), placeholder: "Goes on the record with your name", keydown: (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form.requestSubmit() });
    const submit = (event) => {
      if (words.value.trim()) return send(event, words.value.trim());
      event.preventDefault();
      say(isAnswer ? "Write an answer first." : "Write it down first.");
      words.focus();
    };
    fill(
      step,
      el(
        "form.answer-row",
        { submit },
        el("div", el("label", { for: id }, isAnswer ? "Your answer" : "What is meant"), words),
        el("div.buttons", el("button.button.approve", { type: "submit" }, icon("allow"), isAnswer ? "Answer" : "Say it"), options.length > 0 && el("button.button", { type: "button", click: () => (choose(), step.querySelector("button").focus()) }, "Back")),
      ),
    );
    return words;
  }

  function say(...words) {
    problem.hidden = false;
    fill(problem, icon("warn"), el("span", ...words));
  }

  async function send(event, answer) {
    event.preventDefault();
    for (const button of step.querySelectorAll("button")) button.disabled = true;
    problem.hidden = true;
    try {
      await order(`/v1/tasks/${encodeURIComponent(task)}/clarifications`, { ...what, answer });
      await done(isAnswer ? "Answered." : "Said.");
    } catch (refused) {
      for (const button of step.querySelectorAll("button")) button.disabled = false;
      const isLate = refused.status === 409;
      say(isLate && "Your answer did not count. ", plain(refused.message), " ", plain(refused.help), isLate && el("button.button", { type: "button", click: again }, "Look again"));
    }
  }

  if (options.length) choose();
  else write();
  return el("div.say", step, problem);
}
