// One hop in full: what it was, why it was decided so, and what became of it.

import { read } from "./api.js";
import { copy, digest, el, fill, foreign, icon, named, plain } from "./dom.js";
import { decision, dryRun, facts, findings, label, origins, phase, review, risk, verdicts } from "./evidence.js";
import { clock, principal, title, verb, wholeTime } from "./words.js";

const PAYLOAD_CHARACTERS_MAX = 20_000;

const KINDS = ["agent", "server", "operator"];
const OUTCOMES = {
  delivered: "It was delivered.",
  failed: "It was delivered, and the other side said no.",
  unknown: "It broke midway: whether it took effect is not known.",
};

/// A sender or receiver; an agent goes by its bare name.
export function party(name) {
  const { kind, name: bare } = principal(name);
  const said = kind && kind !== "agent" && kind !== "unknown";
  return el(`span.party.party-${KINDS.includes(kind) ? kind : "unknown"}`, said && el("span.party-kind", plain(kind)), el("bdi", plain(bare)));
}

/// A part of some details.
export const section = (name, ...children) => el("section.part", el("h3", name), ...children);

/// Everything about a hop.
export function hopDetails(hop) {
  const came = el("div", el("p.muted", "Loading…"));
  const chain = el("div", el("p.muted", "Loading…"));
  loadRecords(hop, came, chain);
  return el(
    "div.details",
    el("div.details-head", decision(hop), hop.refusal && el("span.told", "the agent was told ", el("code", plain(hop.refusal)))),
    el("h2.details-title", party(hop.from), el("span.verb", verb(hop)), named("code.object", hop.object)),
    hop.ticket && hop.decision === "hold" && el("p", el("a.button", { href: `/console/approvals#${encodeURIComponent(hop.ticket)}` }, icon("approvals"), "Open in approvals")),
    section("Why", findings(hop.findings)),
    hop.origins.length > 0 && section("Where its values came from", origins(hop.origins)),
    hop.dry_run && section("What trying it out showed", dryRun(hop.dry_run)),
    (hop.verdicts.length > 0 || hop.review?.judges > 0) && section("Judges", verdicts(hop.verdicts)),
    hop.approvals.length > 0 &&
      section("Approved by", el("ul", hop.approvals.map((approval) => el("li", foreign("strong", approval.by), " ", digest(approval.ticket))))),
    section("What came of it", came),
    hop.payload && section(hop.answers ? "What was answered" : "What was sent", payload(hop)),
    section(
      "The hop",
      facts(
        ["Decided", wholeTime(hop.at)],
        ["Kind", plain(hop.kind)],
        ["From", party(hop.from)],
        ["To", party(hop.to)],
        ["Risk", risk(hop.risk)],
        hop.reversibility && ["Effect", plain(hop.reversibility)],
        ["Review needed", review(hop.review)],
        ["PACE phase", phase(hop.phase)],
        hop.label && ["Label", label(hop.label)],
        hop.accountable_human && ["Answers for it", foreign("span", hop.accountable_human)],
        hop.task && ["Task", digest(hop.task, 20)],
        ["Hop", digest(hop.hop, 20)],
        hop.answers && ["Answers hop", el("a", { href: `/console/record?about=${encodeURIComponent(hop.answers)}` }, foreign("code", shortened(hop.answers))), copy(hop.answers)],
      ),
    ),
    section("On the record", chain),
  );
}

const shortened = (id) => (id.length > 21 ? id.slice(0, 20) + "…" : id);

/// What a hop carried, fetched only when somebody wants to see it: it may be long, and it may be confidential.
function payload(hop) {
  const into = el("div");
  const open = el("button.button", { type: "button", click: show }, icon("eye"), "Show");
  async function show() {
    open.disabled = true;
    try {
      const text = JSON.stringify(await read(`/api/v1/payloads/${encodeURIComponent(hop.payload)}`), null, 2);
      const isLong = text.length > PAYLOAD_CHARACTERS_MAX;
      fill(
        into,
        foreign("pre.json", isLong ? text.slice(0, PAYLOAD_CHARACTERS_MAX) : text, { tabindex: "0" }),
        isLong && el("p.muted", `The first ${PAYLOAD_CHARACTERS_MAX.toLocaleString("en")} of ${text.length.toLocaleString("en")} characters.`),
      );
      into.querySelector("pre").focus({ preventScroll: true });
    } catch (problem) {
      const isGone = problem.status === 404;
      fill(into, el("p.muted", isGone ? "It is not kept any more; its digest still is." : problem.message));
    }
  }
  fill(into, el("p.muted", "Kept as ", digest(hop.payload, 16), "."), open);
  return into;
}

async function loadRecords(hop, into, chain) {
  let records;
  try {
    records = await read(`/api/v1/hops/${encodeURIComponent(hop.hop)}`);
  } catch (problem) {
    fill(into, el("p.muted", problem.message));
    fill(chain, el("p.muted", problem.message));
    return;
  }
  const own = records.find(({ body }) => body.kind === "hop-decided" && body.hop === hop.hop);
  fill(
    chain,
    own
      ? facts(
          ["Record", el("a", { href: `/console/record#${own.sequence}` }, `No. ${own.sequence.toLocaleString("en")}`)],
          ["Hash", digest(own.hash, 20)],
          ["Before it", digest(own.previous, 20)],
        )
      : el("p.muted", "Its own record was not found."),
  );
  const told = records.map(outcome).filter(Boolean);
  const released = hop.decision === "allow" || !hop.enforced;
  const nothing = released ? "Nothing on the record yet." : hop.decision === "hold" ? "Nothing yet: it waits." : "Nothing: it was not released.";
  fill(into, told.length ? el("ol.timeline", told) : el("p.muted", nothing));
}

/// One line of what came of a hop; `null` for a record that says nothing of that.
export function outcome({ at, body }) {
  const line = (...what) => el("li", el("time", { title: wholeTime(at) }, clock(at)), el("span", ...what));
  switch (body.kind) {
    case "hop-released":
      return line(OUTCOMES[body.outcome] ?? plain(title(body.outcome)), el("span.muted", ` ${body.took_ms} ms`), body.fault && foreign("p.fault", body.fault));
    case "hop-decided":
      return body.answers ? line("Answered by ", party(body.from), ": ", decision(body)) : null;
    case "dry-run-started":
      return line("Tried out by ", foreign("code", body.tool));
    case "dry-run-ended":
      return line(body.outcome === "succeeded" ? "It would succeed" : "It would not succeed", el("span.muted", ` ${body.took_ms} ms`), body.fault && foreign("p.fault", body.fault));
    case "ticket-answered":
      return line(foreign("strong", body.by), body.answer === "approve" ? " approved it" : " rejected it", body.reason && [": ", foreign("q", body.reason)]);
    case "ticket-expired":
      return line("Nobody answered in time: it was denied.");
    case "instruction-used":
      return line("Its instruction is carried out, once: ", el("code", plain(body.instruction)));
    case "ticket-spent":
      return line("The approval was used.");
    default:
      return null;
  }
}
