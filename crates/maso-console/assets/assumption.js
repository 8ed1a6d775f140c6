// What agents assume in a task, and who lets it travel: until a person does, an assumption stays with the agent that made it.

import { order } from "./api.js";
import { digest, el, fill, foreign, icon, plain } from "./dom.js";
import { party } from "./hop.js";
import { mayAs } from "./shell.js";
import { clock, wholeTime } from "./words.js";

/// For whom it holds, and what is said to let it.
const SCOPES = {
  local: { holds: "its agent alone", order: "Keep it there", asks: "It stays with its agent, and nothing that says the same may travel." },
  task: { holds: "all who work on the task", order: "Let it travel in this task", asks: "All agents of the task may be told of it and rest on it." },
  global: { holds: "everybody", order: "Let it travel everywhere", asks: "All agents may be told of it, as of what holds for everybody." },
};

export const isUnanswered = (assumption) => !assumption.answered_by;

/// One assumption: its words, on what it rests, and what to say of it while nobody has.
export function assumed(assumption, hands) {
  return el(
    "li.question",
    { "data-assumption": assumption.assumption },
    el("p.asks", party(`agent:${assumption.made_by}`), " assumes, ", el("time", { title: wholeTime(assumption.made_at) }, clock(assumption.made_at))),
    assumption.words ? foreign("blockquote.words.question-words", assumption.words) : el("p.muted", "What was assumed cannot be read any more."),
    el("p.muted", assumption.inputs?.length ? ["It rests on ", assumption.inputs.map((input, index) => [index > 0 && ", ", digest(input, 20)]), "."] : "It rests on nothing that its agent names."),
    isUnanswered(assumption)
      ? answerForm(assumption, hands)
      : el("p.answered", icon("allow"), el("span", party(`operator:${assumption.answered_by}`), ` said for whom it holds: ${SCOPES[assumption.scope].holds}.`)),
  );
}

/// An agent wrote what is to be let travel, so what is chosen is read once more before it counts.
function answerForm(assumption, { done, again }) {
  if (!mayAs("operator")) return el("p.callout.bad", icon("warn"), el("span", "Letting it travel needs the role ", el("code", "operator"), ", which you do not hold."));
  const problem = el("p.callout.bad", { role: "alert", hidden: true });
  const step = el("div.saying");

  function choose() {
    const buttons = Object.entries(SCOPES).map(([scope, words]) => el("button.button.option", { type: "button", "data-scope": scope, click: () => confirm(scope) }, words.order));
    fill(step, el("div.buttons", { role: "group", "aria-label": "For whom it holds" }, buttons));
  }

  function confirm(scope) {
    const back = () => {
      choose();
      step.querySelector(`[data-scope=${scope}]`).focus();
    };
    const form = el(
      "form.confirm",
      { "aria-label": "Confirm", tabindex: "-1", submit: (event) => send(event, scope), keydown: (event) => event.key === "Escape" && back() },
      el("p", el("strong", "Please confirm. "), SCOPES[scope].asks, " This is said once."),
      el("div.buttons", el("button.button.approve.strong", { type: "submit" }, icon("allow"), `Yes: ${SCOPES[scope].order.toLowerCase()}`), el("button.button", { type: "button", click: back }, "Back")),
    );
    fill(step, form);
    form.querySelector("button").focus();
    form.scrollIntoView({ block: "nearest" });
  }

  async function send(event, scope) {
    event.preventDefault();
    for (const button of step.querySelectorAll("button")) button.disabled = true;
    problem.hidden = true;
    try {
      await order(`/v1/tasks/${encodeURIComponent(assumption.task)}/assumptions`, { assumption: assumption.assumption, scope });
      await done("Said.");
    } catch (refused) {
      for (const button of step.querySelectorAll("button")) button.disabled = false;
      problem.hidden = false;
      const isLate = refused.status === 409;
      fill(problem, icon("warn"), el("span", isLate && "Your word did not count. ", plain(refused.message), " ", plain(refused.help), isLate && el("button.button", { type: "button", click: again }, "Look again")));
    }
  }

  choose();
  return el("div.say", step, problem);
}
