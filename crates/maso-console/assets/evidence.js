// The parts that several pages show: decisions, findings, origins, verdicts.

import { el, foreign, icon, plain, prose } from "./dom.js";
import { CONFIDENTIALITY_MEANING, DECISIONS, INTEGRITIES, INTEGRITY_MEANING, PHASES, clock, title, wholeTime } from "./words.js";

const known = (word, words) => (words.includes(word) ? word : "unknown");

/// A decision, in a word and an icon.
export function decision(hop) {
  const kind = known(hop.decision, ["allow", "hold", "deny"]);
  const chip = el(`span.chip.${kind}`, icon(kind === "unknown" ? "warn" : kind), DECISIONS[hop.decision] ?? plain(hop.decision));
  // An allowed hop goes through in either mode.
  if (hop.enforced || hop.decision === "allow") return chip;
  chip.classList.add("unenforced");
  return el("span.chips", chip, el("span.chip.observed", { title: "Observe mode: the decision did not bind" }, icon("eye"), "not enforced"));
}

/// A risk, in a word and bars.
export function risk(word) {
  if (!word) return el("span.muted", "–");
  const grade = ["low", "medium", "high", "critical"].indexOf(word) + 1;
  return el(`span.grade.risk-${known(word, ["low", "medium", "high", "critical"])}`, bars(grade), el("span", plain(word)));
}

/// An integrity, in a word and bars, with the mark that must be reached.
export function integrity(word, needed) {
  const have = INTEGRITIES.indexOf(word) + 1;
  const want = needed ? INTEGRITIES.indexOf(needed) + 1 : 0;
  const short = want > 0 && have < want;
  return el(
    `span.grade.integrity-${known(word, INTEGRITIES)}${short ? ".short" : ""}`,
    { title: INTEGRITY_MEANING[word] ?? "" },
    bars(have, want),
    el("span", plain(word)),
  );
}

/// A label, `integrity/confidentiality`, in words.
export function label(text) {
  const [how, who] = String(text).split("/");
  return el("span.label", integrity(how), who && el("span", { title: CONFIDENTIALITY_MEANING[who] ?? "" }, plain(who)));
}

function bars(filled, wanted = 0) {
  const row = el("span.bars", { "aria-hidden": "true" });
  for (let step = 1; step <= 4; step += 1) {
    row.append(el(`i${step <= filled ? ".on" : ""}${step === wanted ? ".want" : ""}`));
  }
  return row;
}

/// A PACE phase.
export function phase(word) {
  const at = PHASES.indexOf(word);
  // Refused before anyone could say in which phase its sender stands.
  if (word === "unresolved") return el("span.muted", "not established");
  return el(`span.phase.phase-${known(word, PHASES)}`, el("i", { "aria-hidden": "true" }, at < 0 ? "?" : word.charAt(0).toUpperCase()), title(String(word)));
}

export const control = (id) => el("code.control", plain(id));

const WORDS = { GO: "allow", ESCALATE: "hold", "NO-GO": "deny" };

/// What the controls said, most restrictive first.
export function findings(list, none = "No control had anything to say.") {
  if (!list.length) return el("p.muted", none);
  return el(
    "ul.findings",
    list.map((finding) =>
      el(
        `li.${WORDS[finding.word] ?? "hold"}`,
        icon(WORDS[finding.word] ?? "warn"),
        el(
          "div",
          el("div.finding-head", control(finding.control), el("span.word", plain(finding.word)), finding.pointer && foreign("code.pointer", finding.pointer)),
          prose("p", finding.reason),
          finding.excerpt && foreign("pre.excerpt", finding.excerpt),
        ),
      ),
    ),
  );
}

/// Where values came from.
export function origins(list) {
  if (!list.length) return el("p.muted", "No value was traced.");
  return el(
    "ul.origins",
    list.map((origin) =>
      el(
        "li",
        el("div.origin-head", foreign("code.pointer", origin.pointer || "the whole payload"), origin.authority && authority()),
        prose("div.source", "from " + origin.source),
        excerpt(origin),
        el("div.levels", integrity(origin.integrity, origin.needed), origin.needed && needed(origin)),
      ),
    ),
  );
}

/// The words around a value in the source that its origin names, the value marked; nothing where none were kept.
export function excerpt({ excerpt: words }) {
  if (!words) return null;
  return el(
    "blockquote.passage",
    el(
      "bdi",
      words.field && [el("span.passage-field", plain(words.field)), ": "],
      plain(words.before),
      el("mark", plain(words.value)),
      plain(words.after),
    ),
  );
}

/// Whether an origin is good enough for what its value decides.
export function needed(origin) {
  const enough = INTEGRITIES.indexOf(origin.integrity) >= INTEGRITIES.indexOf(origin.needed);
  return el(`span.needed.${enough ? "enough" : "short"}`, icon(enough ? "allow" : "warn"), enough ? "needs " : "needs at least ", plain(origin.needed));
}

export const authority = () =>
  el("span.authority", { title: "This argument decides who is paid, reached or changed" }, icon("key"), "authority");

/// What came of trying an action out where it cannot hurt.
export function dryRun(tried) {
  return el(
    "ul.findings",
    el(
      `li.${tried.succeeded ? "allow" : "deny"}`,
      icon(tried.succeeded ? "allow" : "deny"),
      el(
        "div",
        el("div.finding-head", el("span", el("strong", tried.succeeded ? "It would succeed" : "It would not succeed"), ", says"), foreign("code", tried.tool), el("time.muted", { title: wholeTime(tried.at) }, clock(tried.at))),
        tried.fault && prose("p", tried.fault),
        tried.says && foreign("pre.excerpt", tried.says),
      ),
    ),
  );
}

const OPINIONS = { approve: "allow", flag: "hold", escalate: "hold", block: "deny", silent: "hold" };

/// What the judges said.
export function verdicts(list, none = "No judge was asked.") {
  if (!list.length) return el("p.muted", none);
  return el(
    "ul.findings",
    list.map((verdict) =>
      el(
        `li.${OPINIONS[verdict.opinion] ?? "hold"}`,
        icon("judge"),
        el("div", el("div.finding-head", foreign("strong", verdict.judge), foreign("span.word", verdict.opinion)), prose("p", verdict.reasoning)),
      ),
    ),
  );
}

/// A review, in words.
export function review(needed) {
  if (!needed) return "none";
  const parts = [];
  if (needed.judges) parts.push(needed.judges === 1 ? "a judge" : `${needed.judges} judges`);
  if (needed.people) parts.push(needed.people === 1 ? "a person" : `${needed.people} people`);
  if (needed.dry_run) parts.push("a dry run");
  return parts.length ? parts.join(" + ") : "none before commit";
}

/// Pairs of a name and what it is.
export function facts(...pairs) {
  return el("dl.facts", pairs.filter(Boolean).map(([name, value]) => el("div", el("dt", name), el("dd", value))));
}
