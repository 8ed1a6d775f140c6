// One hop: as a row of the live view, and with everything that is known of it.

import { digest, el, foreign, icon, plain } from "./dom.js";
import { control, decision, facts, findings, origins, phase, review, risk, verdicts } from "./evidence.js";
import { clock, principal, verb, wholeTime } from "./words.js";

const WEIGHT = { "NO-GO": 2, ESCALATE: 1, GO: 0 };

/// Why a hop was decided so: the findings that decided.
export function reasons(hop) {
  const most = Math.max(0, ...hop.findings.map((finding) => WEIGHT[finding.word] ?? 1));
  return most === 0 ? [] : hop.findings.filter((finding) => (WEIGHT[finding.word] ?? 1) === most);
}

const party = (name) => {
  const { kind, name: bare } = principal(name);
  return el("span.party", kind && el("span.kind", plain(kind)), foreign("span", bare));
};

/// A row: when, what became of it, who did what, and why.
export function row(hop, open) {
  const why = reasons(hop);
  const element = el(
    `tr.hop.${["allow", "hold", "deny"].includes(hop.decision) ? hop.decision : "unknown"}`,
    { tabindex: "0", "aria-label": `Details of the hop to ${hop.object}` },
    el("td.time", { title: wholeTime(hop.at) }, clock(hop.at)),
    el("td.decision", decision(hop)),
    el("td.what", party(hop.from), el("span.verb", verb(hop)), foreign("code.object", hop.object)),
    el("td.why", why.length ? [control(why[0].control), " ", foreign("span", why[0].reason), why.length > 1 && el("span.muted", ` +${why.length - 1}`)] : el("span.muted", hop.refusal ?? "")),
    el("td.risk", risk(hop.risk)),
  );
  element.addEventListener("click", () => open(hop, element));
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(hop, element);
    }
  });
  return element;
}

/// Everything that is known of a hop.
export function details(hop) {
  return el(
    "div.details",
    el("div.details-head", decision(hop), el("h2", party(hop.from), el("span.verb", verb(hop)), foreign("code.object", hop.object))),
    facts(
      ["Decided", wholeTime(hop.at)],
      ["To", party(hop.to)],
      ["Kind", plain(hop.kind)],
      hop.refusal && ["Told the agent", el("code", plain(hop.refusal))],
      ["Risk", el("span", risk(hop.risk), hop.reversibility && el("span.muted", ` ${hop.reversibility}`))],
      ["Review needed", review(hop.review)],
      ["Label", hop.label ? el("code", plain(hop.label)) : el("span.muted", "–")],
      ["Phase", phase(hop.phase)],
      hop.task && ["Task", digest(hop.task, 14)],
      hop.accountable_human && ["Answers for it", plain(hop.accountable_human)],
      ["Hop", digest(hop.hop, 14)],
      ["Record", el("a", { href: `/console/record#${hop.sequence}` }, `no. ${hop.sequence}`)],
    ),
    el("h3", "What the controls said"),
    findings(hop.findings),
    hop.origins.length > 0 && [el("h3", "Where its values came from"), origins(hop.origins)],
    hop.verdicts.length > 0 && [el("h3", "What the judges said"), verdicts(hop.verdicts)],
    hop.approvals.length > 0 && [el("h3", "Who approved"), el("ul.plain", hop.approvals.map((approval) => el("li", icon("person"), plain(approval.by))))],
  );
}
