// One held action: what exactly would happen, where each value came from, and the answer.

import { order, read } from "./api.js";
import { digest, el, fill, foreign, hasLookalikes, icon, named, plain, prose } from "./dom.js";
import { authority, dryRun, excerpt, facts, findings, integrity, label, needed, phase, review, risk, verdicts } from "./evidence.js";
import { outcome as told, party, section } from "./hop.js";
import { announce, mayAnswer, operator } from "./shell.js";
import { clock, duration, plural, until, verb, wholeTime, wish } from "./words.js";

const DEPTH_MAX = 12;
const ROWS_MAX = 400;
const LONG_CHARACTERS = 200;
const SOON_MS = 120_000;

/// A held action with what answers it. `answered` gets the ticket as it stands afterwards; `again` looks it up anew.
export function ticketDetails(ticket, task, { answered, again }) {
  const { hop } = ticket;
  const open = ticket.state === "open";
  return el(
    "article.details.ticket",
    { "data-ticket": ticket.ticket, "data-state": ticket.state },
    el(
      "div.details-head",
      risk(hop.risk),
      hop.reversibility && el(`span.effect${hop.reversibility === "irreversible" ? ".irreversible" : ""}`, plain(hop.reversibility)),
      phase(hop.phase),
      el("span.push"),
      open ? countdown(ticket) : state(ticket),
    ),
    el("h2.details-title", party(hop.from), el("span.verb", open ? wish(hop) : verb(hop)), named("code.object", hop.object)),
    open && unanswered(ticket),
    section("In which task", asked(hop, task)),
    section("Exact parameters", parameters(ticket)),
    section("Why a person is asked", because(ticket), findings(hop.findings.filter((finding) => finding.word !== "GO" || finding.control === "EC-2.11"), "")),
    hop.dry_run && section("What trying it out showed", dryRun(hop.dry_run)),
    section("What the judges said", verdicts(hop.verdicts)),
    section("Who has answered", answers(ticket)),
    section(
      "Details",
      facts(
        ["Asked", el("time", wholeTime(hop.at))],
        ["Sent to", party(hop.to)],
        ["Review needed", review(hop.review)],
        hop.label && ["Label", label(hop.label)],
        hop.task && ["Task", digest(hop.task, 20)],
        ["Action", digest(ticket.action, 20)],
        ["Ticket", digest(ticket.ticket, 20)],
      ),
    ),
    open ? answerForm(ticket, { answered, again }) : outcome(ticket),
  );
}

function asked(hop, task) {
  if (!task) return el("p.muted", hop.task ? "The agent's standing task, or one that has ended: no operator's words ask for this." : "None: nobody's words ask for this.");
  return [
    foreign("blockquote.words", task.words),
    el("p.by", "The operator's own words. ", foreign("strong", task.accountable_human), " answers for it; opened ", el("time", { title: wholeTime(task.opened_at) }, clock(task.opened_at)), "."),
  ];
}

/// What silence means for this action, and when.
function unanswered(ticket) {
  return el(
    "p.unanswered",
    icon("clock"),
    el("span", el("strong", "If nobody answers by ", el("time", { title: wholeTime(ticket.expires_at) }, until(ticket.expires_at)), ": "), prose("span", ticket.if_unanswered), "."),
  );
}

/// Why people are asked, one reason a line.
function because(ticket) {
  const reasons = ticket.asked_because ?? [];
  return reasons.length > 0 && el("ul.reasons", reasons.map((reason) => prose("li", reason)));
}

/// Who answered so far, when and why, as the record has it, and how many must still.
function answers(ticket) {
  const missing = Math.max(0, ticket.n_people - ticket.approvals.length);
  const waits = ticket.state === "open" && el("p.muted", missing === 1 ? "One person's approval is missing." : `The approvals of ${missing} people are missing.`);
  const list = el("ol.timeline");
  if (ticket.approvals.length || ticket.state !== "open") {
    read(`/api/v1/hops/${encodeURIComponent(ticket.ticket)}`).then(
      (records) => fill(list, records.filter(({ body }) => body.kind.startsWith("ticket-")).map(told)),
      (problem) => fill(list, el("li", el("span.muted", problem.message))),
    );
  }
  return [list, waits];
}

/// Every argument on its own row, beside its origin.
function parameters(ticket) {
  if (!isShown(ticket)) {
    return el("p.callout.bad", icon("warn"), ticket.payload ? el("span", "A number is too large to be shown exactly here. ", el("code", "maso approvals list"), " shows it, and ", el("code", "maso approvals approve"), " answers.") : "The parameters cannot be read, so there is nothing that could be approved.");
  }
  const origins = new Map(ticket.hop.origins.map((origin) => [origin.pointer, origin]));
  const leaves = [...flatten(ticket.payload, "", 0)];
  const seen = new Set(leaves.map((leaf) => leaf.pointer));
  // An origin may speak of a whole object, or of a value that is not there: it is shown all the same.
  for (const pointer of origins.keys()) if (!seen.has(pointer)) leaves.push({ pointer, value: undefined });
  const isEmpty = leaves.length === 1 && leaves[0].pointer === "" && Object.keys(Object(leaves[0].value)).length === 0 && typeof leaves[0].value === "object";
  if (isEmpty) return el("p.muted", "It takes no parameters.");
  return el(
    "div.table-frame.inner",
    el(
      "table.parameters",
      el("thead", el("tr", ...["Parameter", "Exact value", "Where it came from", "Integrity"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", leaves.slice(0, ROWS_MAX).map((leaf) => parameter(leaf, origins.get(leaf.pointer), ticket))),
    ),
    leaves.length > ROWS_MAX && el("p.callout.bad", icon("warn"), `${plural(leaves.length - ROWS_MAX, "more parameter is", "more parameters are")} not shown. Do not approve what you have not seen.`),
  );
}

/// Whether everything can be shown exactly. A whole number beyond what a browser can hold would be shown as another one.
const isShown = (ticket) => ticket.payload !== undefined && ticket.payload !== null && !hasLost(ticket.payload);
const hasLost = (value) =>
  typeof value === "number" ? Number.isInteger(value) && !Number.isSafeInteger(value) : value !== null && typeof value === "object" && Object.values(value).some(hasLost);

function* flatten(value, pointer, depth) {
  const isNested = value !== null && typeof value === "object" && Object.keys(value).length > 0 && depth < DEPTH_MAX;
  if (!isNested) {
    yield { pointer, value };
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    yield* flatten(inner, `${pointer}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, depth + 1);
  }
}

const unescaped = (key) => key.replaceAll("~1", "/").replaceAll("~0", "~");
const spelled = (pointer) => pointer.split("/").slice(1).map(unescaped).join(" › ") || "(the whole)";

function parameter({ pointer, value }, origin, { hop: { task }, amount }) {
  return el(
    `tr${origin?.authority ? ".with-authority" : ""}`,
    { "data-pointer": pointer },
    el("th", { scope: "row" }, foreign("code", spelled(pointer)), origin?.authority && authority()),
    el("td.value", exact(value), amount?.pointer === pointer && el("strong.amount", foreign("span", amount.shown))),
    el("td.source", origin ? [prose("span", task ? origin.source.replaceAll(task, "this task") : origin.source), excerpt(origin)] : el("span.muted", "not traced")),
    el("td.levels", origin ? [integrity(origin.integrity, origin.needed), origin.needed && needed(origin)] : el("span.muted", "–")),
  );
}

/// A value as it is: text as text, everything else as JSON and marked so.
function exact(value) {
  if (value === undefined) return el("span.muted", "(see its parts)");
  if (value === "") return el("span.muted", "(empty text)");
  const isText = typeof value === "string";
  const text = isText ? value : JSON.stringify(value);
  const notes = [
    !isText && (value === null ? "" : Array.isArray(value) ? "list" : typeof value),
    text.length > LONG_CHARACTERS && plural(text.length, "character"),
  ].filter(Boolean);
  return [
    foreign("pre.exact", text, { tabindex: text.length > LONG_CHARACTERS ? "0" : null }),
    notes.length > 0 && el("span.value-note", notes.join(", ")),
    hasLookalikes(text) && el("span.lookalike", icon("warn"), "has characters beyond ASCII"),
  ];
}

function countdown(ticket) {
  const left = el("span");
  const line = el("span.countdown", { title: `Until ${wholeTime(ticket.expires_at)}` }, icon("clock"), left);
  const tick = () => {
    const left_ms = ticket.expires_at - Date.now();
    left.textContent = left_ms > 0 ? `${duration(left_ms)} left` : "its time is over";
    line.classList.toggle("soon", left_ms < SOON_MS);
  };
  tick();
  const timer = setInterval(() => (line.isConnected ? tick() : clearInterval(timer)), 1000);
  return line;
}

const STATES = {
  approved: ["allow", "Approved, not used yet"],
  rejected: ["deny", "Rejected"],
  expired: ["deny", "Nobody answered"],
  spent: ["allow", "Approved and done"],
};

/// How an answered ticket stands.
export function state(ticket) {
  const [kind, words] = STATES[ticket.state] ?? ["hold", ticket.state];
  return el(`span.chip.${kind}`, icon(kind), plain(words));
}

function outcome(ticket) {
  return el(
    "div.outcome",
    state(ticket),
    ticket.rejected && el("p", foreign("strong", ticket.rejected[0]), " rejected it", ticket.rejected[1] && [": ", foreign("q", ticket.rejected[1])]),
    ticket.approvals.map((approval) => el("p", foreign("strong", approval.by), " approved it")),
    ticket.state === "expired" && el("p", "Its time was over, so it was denied."),
  );
}

/// The answer. What is high, critical or final takes a second step, which says once more what would happen. Where it is
/// about an amount, that is typed: whoever types a number has read it.
function answerForm(ticket, { answered, again }) {
  const { hop } = ticket;
  const isGrave = !["low", "medium"].includes(hop.risk ?? "critical") || hop.reversibility === "irreversible";
  const isMine = ticket.approvals.some((approval) => approval.by === operator || approval.by === `operator:${operator}`);
  const reason = el("textarea", { id: "reason", rows: "1", maxlength: "500", placeholder: "Goes on the record with your name" });
  const problem = el("p.callout.bad", { role: "alert", hidden: true });
  const buttons = el("div.buttons");

  function first() {
    fill(
      buttons,
      !isMine && isShown(ticket) && el("button.button.approve", { type: "button", "data-grave": isGrave ? "yes" : null, click: () => (isGrave ? second() : send("approve")) }, icon("allow"), isGrave ? "Approve…" : "Approve"),
      el("button.button.reject", { type: "button", click: reject }, icon("deny"), "Reject"),
    );
  }

  function second() {
    const decisive = hop.origins.filter((origin) => origin.authority);
    const back = () => {
      first();
      buttons.querySelector("button")?.focus();
    };
    const { amount = null } = ticket;
    const yes = el("button.button.approve.strong", { type: "submit", disabled: amount !== null }, icon("allow"), "Yes, approve");
    const typed = amount !== null && el("input", { id: "typed", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", input: () => (yes.disabled = typed.value.trim() !== amount.value) });
    const step = el(
      "form.confirm",
      { "aria-label": "Confirm approval", tabindex: "-1", submit: confirmed, keydown: (event) => event.key === "Escape" && back() },
      el("p", el("strong", hop.reversibility === "irreversible" ? "This cannot be undone. " : "Please confirm. "), "It may then happen once, with exactly what is shown", decisive.length ? ":" : "."),
      decisive.length > 0 && el("ul.decisive", decisive.map((origin) => el("li", foreign("code", spelled(origin.pointer)), " ", foreign("strong", asText(valueAt(ticket.payload, origin.pointer)))))),
      amount !== null && el("label", { for: "typed" }, "Type ", foreign("code", spelled(amount.pointer)), " exactly as it is shown: ", foreign("code", amount.value), amount.shown !== amount.value && [" (", foreign("span", amount.shown), ")"]),
      typed,
      el("div.buttons", yes, el("button.button", { type: "button", click: back }, "Back")),
    );
    function confirmed(event) {
      event.preventDefault();
      if (!yes.disabled) send("approve");
    }
    fill(buttons, step);
    (typed || step).focus();
    step.scrollIntoView({ block: "nearest" });
  }

  function reject() {
    if (reason.value.trim()) {
      send("reject");
      return;
    }
    say("Say why it must not happen: the reason goes on the record.");
    reason.focus();
  }

  function say(...what) {
    problem.hidden = false;
    fill(problem, icon("warn"), el("span", ...what));
  }

  async function send(answer) {
    for (const button of buttons.querySelectorAll("button")) button.disabled = true;
    problem.hidden = true;
    try {
      const after = await order(`/api/v1/tickets/${encodeURIComponent(ticket.ticket)}`, { action: ticket.action, answer, reason: reason.value.trim() });
      announce(answer === "approve" ? "Approved." : "Rejected.");
      answered(after);
    } catch (refused) {
      first();
      const hasChanged = refused.status === 409;
      say(hasChanged && "Your answer did not count. ", refused.message, " ", refused.help, hasChanged && el("button.button", { type: "button", click: again }, "Look again"));
    }
  }

  first();
  return el(
    "div.answer",
    !hop.enforced && el("p.callout.loud", icon("eye"), el("span", "maso only observes: this was let through when it was asked. Your answer goes on the record and changes nothing.")),
    !mayAnswer() && el("p.callout.bad", icon("warn"), el("span", "Answering needs the role ", el("code", "supervisor"), ", which you do not hold.")),
    ticket.n_people > 1 && el("p.progress", icon("person"), el("span", `${ticket.approvals.length} of ${ticket.n_people} people have approved.`, isMine && " You are one of them; another person must follow.")),
    problem,
    el("div.answer-row", el("div", el("label", { for: "reason" }, "Reason ", el("span.muted", "(needed to reject)")), reason), buttons),
  );
}

const asText = (value) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "(absent)"));
const valueAt = (value, pointer) => pointer.split("/").slice(1).reduce((part, key) => part?.[unescaped(key)], value);
