// How times, names and grades are said.

export const DECISIONS = { allow: "Allowed", hold: "Held", deny: "Refused" };
export const PHASES = ["primary", "alternate", "contingency", "emergency"];
export const PHASE_MEANING = {
  primary: "Normal work inside the mandates.",
  alternate: "The suspect agent is isolated; every write needs a person.",
  contingency: "Agents may not talk to each other; a person approves each action.",
  emergency: "Everything is stopped.",
};
export const INTEGRITIES = ["external", "internal", "verified", "operator"];
export const INTEGRITY_MEANING = {
  external: "anyone could have written it",
  internal: "our own systems, not checked",
  verified: "checked against a primary source",
  operator: "a person's own words, or a constant of a mandate",
};
export const TIERS = { 1: "supervised", 2: "managed", 3: "autonomous" };

export const CONFIDENTIALITY_MEANING = {
  public: "anyone may know it",
  internal: "for this organisation",
  confidential: "for those who need it",
  restricted: "for those who are named",
};
export const title = (word) => (word ? word.charAt(0).toUpperCase() + word.slice(1) : "");
export const plural = (count, one, many = one + "s") => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const WHOLE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });

/// The time of day, with the day where it is another one.
export function clock(at_ms) {
  const then = new Date(at_ms);
  const today = then.toDateString() === new Date().toDateString();
  return today ? CLOCK.format(then) : `${DAY.format(then)} ${CLOCK.format(then)}`;
}

/// The time of day without seconds, with the day where it is another one.
export function until(at_ms) {
  const then = new Date(at_ms);
  const time = SHORT.format(then);
  return then.toDateString() === new Date().toDateString() ? time : `${DAY.format(then)} ${time}`;
}

/// What this browser's clock is called: every time on a page is told by it.
export const ZONE = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" }).formatToParts().find((part) => part.type === "timeZoneName")?.value ?? "local";

export const wholeTime = (at_ms) => WHOLE.format(new Date(at_ms));

/// How long, in the two largest units.
export function duration(length_ms) {
  const seconds = Math.max(0, Math.ceil(length_ms / 1000));
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours) return `${hours} h ${String(minutes).padStart(2, "0")} min`;
  if (minutes) return `${minutes} min ${String(rest).padStart(2, "0")} s`;
  return `${rest} s`;
}

export function ago(at_ms) {
  const length_ms = Date.now() - at_ms;
  return length_ms < 60_000 ? "just now" : `${duration(Math.floor(length_ms / 60_000) * 60_000).replace(/ 00 s$/, "")} ago`;
}

/// A principal, without its kind where that is plain: `agent:intake` is `intake`.
export function principal(name) {
  if (!name) return { kind: "unknown", name: "nobody established" };
  const at = name.indexOf(":");
  return at < 0 ? { kind: "", name } : { kind: name.slice(0, at), name: name.slice(at + 1) };
}

const VERBS = {
  call_tool: "calls", read_resource: "reads", get_prompt: "takes prompt", complete: "completes", list: "lists",
  ask_client: "asks client of", notify: "notifies", request: "asks", tell: "tells", report: "reports", sample: "asks the model",
};
const ANSWERS = { call_tool: "answers", read_resource: "gives", get_prompt: "gives prompt", list: "gives list", request: "replies" };

const WISHES = {
  call_tool: "wants to call", read_resource: "wants to read", get_prompt: "wants to take prompt", complete: "wants to complete",
  list: "wants to list", ask_client: "wants to ask the client of", notify: "wants to notify", request: "wants to ask", tell: "wants to tell",
};

/// What a held hop would do.
export const wish = (hop) => (hop.answers ? `wants to let through: ${verb(hop)}` : (WISHES[hop.verb] ?? `wants: ${verb(hop)}`));

/// What a hop does, as a verb.
export const verb = (hop) => (hop.answers ? ANSWERS[hop.verb] : VERBS[hop.verb]) ?? String(hop.verb).replaceAll("_", " ");
