// One hop in full: what it was, why it was decided so, and what became of it.

import { read } from "./api.js";
import { digest, el, fill, foreign, icon, plain } from "./dom.js";
import { decision, facts, findings, origins, phase, review, risk, verdicts } from "./evidence.js";
import { clock, principal, title, verb, wholeTime } from "./words.js";

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
  loadOutcome(hop, came);
  return el(
    "div.details",
    el("div.details-head", decision(hop), hop.refusal && el("span.told", "the agent was told ", el("code", plain(hop.refusal)))),
    el("h2.details-title", party(hop.from), el("span.verb", verb(hop)), foreign("code.object", hop.object)),
    hop.ticket && hop.decision === "hold" && el("p", el("a.button", { href: `/console/approvals#${encodeURIComponent(hop.ticket)}` }, icon("approvals"), "Open in approvals")),
    section("Why", findings(hop.findings)),
    hop.origins.length > 0 && section("Where its values came from", origins(hop.origins)),
    (hop.verdicts.length > 0 || hop.review?.judges > 0) && section("Judges", verdicts(hop.verdicts)),
    hop.approvals.length > 0 &&
      section("Approved by", el("ul", hop.approvals.map((approval) => el("li", foreign("strong", approval.by), " ", digest(approval.ticket))))),
    section("What came of it", came),
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
        hop.label && ["Label", plain(hop.label)],
        hop.accountable_human && ["Answers for it", foreign("span", hop.accountable_human)],
        hop.task && ["Task", digest(hop.task, 20)],
        ["Hop", digest(hop.hop, 20)],
        hop.answers && ["Answers", digest(hop.answers, 20)],
        hop.sequence > 0 && ["Record", el("a", { href: `/console/record#${hop.sequence}` }, `No. ${hop.sequence.toLocaleString("en")}`)],
      ),
    ),
  );
}

async function loadOutcome(hop, into) {
  let records;
  try {
    records = await read(`/api/v1/hops/${encodeURIComponent(hop.hop)}`);
  } catch (problem) {
    fill(into, el("p.muted", problem.message));
    return;
  }
  const told = records.map(outcome).filter(Boolean);
  const released = hop.decision === "allow" || !hop.enforced;
  const nothing = released ? "Nothing on the record yet." : hop.decision === "hold" ? "Nothing yet: it waits." : "Nothing: it was not released.";
  fill(into, told.length ? el("ol.timeline", told) : el("p.muted", nothing));
}

function outcome({ at, body }) {
  const line = (...what) => el("li", el("time", { title: wholeTime(at) }, clock(at)), el("span", ...what));
  switch (body.kind) {
    case "hop-released":
      return line(OUTCOMES[body.outcome] ?? plain(title(body.outcome)), el("span.muted", ` ${body.took_ms} ms`), body.fault && foreign("p.fault", body.fault));
    case "ticket-answered":
      return line(foreign("strong", body.by), body.answer === "approve" ? " approved it" : " rejected it", body.reason && [": ", foreign("q", body.reason)]);
    case "ticket-expired":
      return line("Nobody answered in time: it was denied.");
    case "ticket-spent":
      return line("The approval was used.");
    default:
      return null;
  }
}
