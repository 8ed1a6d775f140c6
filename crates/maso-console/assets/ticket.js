// A held action: exactly what would happen, where each value came from, and the answer.

import { order } from "./api.js";
import { copy, el, fill, foreign, hasLookalikes, icon, plain } from "./dom.js";
import { authority, decision, facts, findings, integrity, needed, risk, verdicts } from "./evidence.js";
import { ago, duration, plural, principal, wholeTime } from "./words.js";

const DEPTH_MAX = 6;
const GRAVE = new Set(["high", "critical"]);

/// A card for a ticket. `tasks` are the open tasks; `answered` gets the ticket as it stands after an answer.
export function card(ticket, tasks, answered) {
  const { hop } = ticket;
  const task = tasks.find((task) => task.task === hop.task);
  const element = el(
    `article.card.ticket.${ticket.state}`,
    { "aria-label": `Held action ${hop.object}` },
    el(
      "header",
      el("div", el("h2", foreign("span", principal(hop.from).name), " asks to ", el("span.verb", hop.verb.replaceAll("_", " ")), " ", foreign("code.object", hop.object)), el("p.muted", { title: wholeTime(hop.at) }, `asked ${ago(hop.at)}`)),
      el("div.marks", risk(hop.risk), hop.reversibility && el("span.tag", plain(hop.reversibility)), !hop.enforced && decision(hop)),
    ),
    parameters(ticket),
    el(
      "div.columns",
      el("section", el("h3", "Why it waits"), findings(hop.findings.filter((finding) => finding.word !== "GO"), "Its risk alone asks for a person."), el("h3", "What the judges said"), verdicts(hop.verdicts)),
      el(
        "section",
        el("h3", "In which task"),
        task ? el("blockquote", foreign("p", task.words), el("footer", "the operator's own words, ", plain(task.accountable_human), " answers for them")) : el("p.muted", "The agent's standing task: no operator has asked for this in words."),
        el("h3", "If nobody answers"),
        el("p", plain(ticket.if_unanswered)),
        facts(["Needs", plural(ticket.n_people, "person", "people")], ticket.approvals.length > 0 && ["Approved by", ticket.approvals.map((approval) => approval.by).join(", ")], ["Action", el("span.digest", { title: ticket.action }, ticket.action.replace(/^sha256:/, "").slice(0, 16) + "…", copy(ticket.action))]),
      ),
    ),
    el("footer", { "data-expires": ticket.expires_at }, countdown(ticket), answer(ticket, answered)),
  );
  return element;
}

/// Each argument on its own row, beside where its value came from.
function parameters(ticket) {
  const found = new Map(ticket.hop.origins.map((origin) => [origin.pointer, origin]));
  const leaves = [...flatten(ticket.payload ?? null, "", 0)];
  if (ticket.payload === null || ticket.payload === undefined) {
    return el("p.problem", icon("warn"), "The parameters cannot be read, so there is nothing to approve.");
  }
  return el(
    "table.parameters",
    el("thead", el("tr", ["Argument", "Exact value", "Where it came from"].map((name) => el("th", { scope: "col" }, name)))),
    el(
      "tbody",
      leaves.map(([pointer, value]) => {
        const origin = found.get(pointer);
        const shown = typeof value === "string" ? value : JSON.stringify(value);
        return el(
          `tr${origin?.authority ? ".authority-row" : ""}`,
          el("th", { scope: "row" }, foreign("code", pointer || "/"), origin?.authority && authority()),
          el("td.value", foreign("code", shown), hasLookalikes(shown) && el("span.lookalike", icon("warn"), "has letters beyond ASCII")),
          el("td.origin", origin ? [foreign("div.source", origin.source), el("div.levels", integrity(origin.integrity, origin.needed), origin.needed && needed(origin))] : el("span.muted", "not traced")),
        );
      }),
    ),
  );
}

function* flatten(value, pointer, depth) {
  const nested = value && typeof value === "object" && depth < DEPTH_MAX && Object.keys(value).length > 0;
  if (!nested) {
    yield [pointer, value];
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    yield* flatten(inner, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
  }
}

function countdown(ticket) {
  if (ticket.state !== "open") return el("span.state", stateWords(ticket));
  const left_ms = ticket.expires_at - Date.now();
  return el(`span.countdown${left_ms < 60_000 ? ".soon" : ""}`, { title: wholeTime(ticket.expires_at) }, icon("clock"), left_ms > 0 ? `denied in ${duration(left_ms)}` : "its time is over");
}

function stateWords(ticket) {
  if (ticket.state === "rejected") return `Rejected by ${ticket.rejected?.[0] ?? "a person"}`;
  return { approved: "Approved, not used yet", expired: "Nobody answered in time: denied", spent: "Approved and done" }[ticket.state] ?? ticket.state;
}

/// Renews the countdowns inside an element.
export function tick(root, tickets) {
  for (const footer of root.querySelectorAll("footer[data-expires]")) {
    const ticket = tickets.find((ticket) => ticket.ticket === footer.closest("article").dataset.ticket);
    if (ticket) footer.firstElementChild.replaceWith(countdown(ticket));
  }
}

function answer(ticket, answered) {
  if (ticket.state !== "open") return null;
  const reason = el("input.reason", { type: "text", maxlength: "2000", placeholder: "Reason, kept on the record", "aria-label": "Reason" });
  const problem = el("p.problem", { role: "alert", hidden: true });
  const buttons = el("div.buttons");
  const give = async (word) => {
    buttons.querySelectorAll("button").forEach((button) => (button.disabled = true));
    try {
      answered(await order(`/api/v1/tickets/${encodeURIComponent(ticket.ticket)}`, { action: ticket.action, answer: word, reason: reason.value.trim() }));
    } catch (refused) {
      problem.hidden = false;
      fill(problem, icon("warn"), refused.message, " ", refused.help ?? "");
      ask();
    }
  };
  const confirm = () =>
    fill(
      buttons,
      el("span.sure", "This cannot be taken back. Approve exactly this, once?"),
      el("button.button.good", { type: "button", click: () => give("approve") }, icon("allow"), "Yes, approve"),
      el("button.button", { type: "button", click: ask }, "Not yet"),
    );
  function ask() {
    const grave = GRAVE.has(ticket.hop.risk) || !ticket.hop.risk;
    fill(
      buttons,
      el("button.button.good", { type: "button", disabled: ticket.payload === null || ticket.payload === undefined, click: () => (grave ? confirm() : give("approve")) }, icon("allow"), "Approve"),
      el("button.button.bad", { type: "button", click: () => give("reject") }, icon("deny"), "Reject"),
    );
  }
  ask();
  return el("div.answer", reason, buttons, problem);
}
