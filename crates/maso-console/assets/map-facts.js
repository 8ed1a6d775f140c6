// What is known of somebody on the map, or of an edge: the same that the drawing shows, in words, with the hops behind it.

import { read } from "./api.js";
import { digest, el, failed, fill, foreign, icon, named, plain, prose } from "./dom.js";
import { decision, facts, phase, risk } from "./evidence.js";
import { party, section } from "./hop.js";
import { isDeclared, sum } from "./map-traffic.js";
import { ago, clock, duration, plural, principal, verb, wholeTime } from "./words.js";

/// Deeper links stand no further in.
const DEEP_MAX = 4;
const NAMES = { agent: "Agent", server: "Tool server", operator: "Person", stranger: "Nobody who was declared" };

/// A party by its name; all whom nobody declared have none.
export const who = (name) => (name === "stranger" ? el("span.party.party-unknown", "strangers") : party(name));

/// What is known of somebody.
export function nodeFacts(traffic, name, agents) {
  const node = traffic.nodes.get(name);
  const agent = node.agent;
  const edges = traffic.of(name).filter((edge) => sum(edge.decided) > 0 || isDeclared(edge));
  const mandate = agents.find((other) => `agent:${other.agent}` === name);
  return el(
    "div.details",
    el("h2.details-title", who(name)),
    el("p.muted", NAMES[node.kind] ?? plain(node.kind), node.kind === "stranger" && ": senders whom nobody established, and names that nobody declared."),
    agent?.revoked && el("p.callout.bad", icon("stop"), el("span", el("strong", "Revoked. "), "Nothing that it shows is believed.")),
    agent?.stopped && el("p.callout.bad", icon("stop"), el("span", el("strong", "Stopped. "), "Nothing of it passes. ", el("a", { href: "/console/posture" }, "See posture"))),
    agent && section("How it stands", facts(
      ["PACE phase", phase(agent.phase)],
      agent.around_phase !== agent.phase && ["Around it", phase(agent.around_phase)],
      ["Workflow", foreign("span", agent.workflow)],
      ["Credentials", agent.n_credentials ? `${agent.n_credentials} in force, the last until ${wholeTime(agent.credentials_until)}` : "none in force"],
      mandate && ["Calls in the last hour", `${mandate.n_calls_in_hour.toLocaleString("en")} of ${mandate.calls_per_hour_max.toLocaleString("en")}`],
      mandate?.context && ["Context", `${mandate.context.used.toLocaleString("en")} of ${mandate.context.tokens.toLocaleString("en")} tokens`],
      ["Mandate", el("a", { href: `/console/agents#${encodeURIComponent(principal(name).name)}` }, "See what it may do")],
    )),
    agent?.instances.latest.length > 0 && section("Instances that agents started", instancesFacts(traffic, node)),
    section("Deals with", edges.length ? el("ul.dealings", edges.map((edge) => dealing(traffic, edge, name))) : el("p.muted", "Nobody.")),
    latest(`of=${encodeURIComponent(name)}`),
  );
}

function instancesFacts(traffic, node) {
  const { n_live } = node.agent.instances;
  const shown = traffic.instances(node);
  const nMore = n_live - shown.filter(({ ended }) => !ended).length;
  const line = ({ instance, by, since, until, joined, ended }) =>
    el(
      `li${ended ? ".ended" : ""}`,
      foreign("code.object", instance),
      el("p.muted", "by ", who(by), ", ", el("time", { title: wholeTime(since) }, clock(since)), ended ? `; ended at ${clock(ended.at)}: ` : `; ${joined ? "there" : "not joined yet"}, until ${clock(until)} at the latest`, ended && plain(ENDINGS[ended.why] ?? ended.why)),
    );
  return [
    el("p", n_live ? `${plural(n_live, "instance")} now.` : "None now."),
    el("ul.instances", shown.map(line)),
    nMore > 0 && el("p.muted", `${nMore.toLocaleString("en")} more that count are not told apart here.`),
  ];
}

const ENDINGS = {
  left: "it was done",
  expired: "its time was over",
  "not-joined": "nobody joined as it",
  "task-closed": "its task was closed",
  revoked: "it was revoked, or what it rests on",
  "with-its-starter": "the one that started it had ended",
};

function dealing(traffic, edge, name) {
  const isFrom = edge.from === name;
  return el(
    "li",
    el("a.dealing", { href: `#${encodeURIComponent(edge.key)}` }, el("span.muted", isFrom ? "asks " : "is asked by "), who(isFrom ? edge.to : edge.from)),
    " ", tally(edge.decided),
  );
}

/// Numbers of decisions, each with its sign; those that are none are left out.
export function tally(counts) {
  if (!sum(counts)) return el("span.muted", "nothing yet");
  return el("span.tally", ["allowed", "held", "refused"].filter((word) => counts[word]).map((word) => el(`span.${SIGNS[word]}`, { title: word }, icon(SIGNS[word]), counts[word].toLocaleString("en"), el("span.visually-hidden", ` ${word} `))));
}

const SIGNS = { allowed: "allow", held: "hold", refused: "deny" };

/// What is known of an edge.
export function edgeFacts(traffic, edge, agents) {
  const mandate = agents.find((agent) => `agent:${agent.agent}` === edge.from);
  const terms = new Map((mandate?.tools ?? []).map((tool) => [tool.tool, tool]));
  const lately = traffic.lately(edge);
  return el(
    "div.details",
    el("h2.details-title", who(edge.from), el("span.verb", icon("arrow"), el("span.visually-hidden", "asks")), who(edge.to)),
    !isDeclared(edge) && el("p.muted", "No mandate and no grant names anything here."),
    section("Traffic", facts(
      ["In the last minute", tally(lately)],
      ["In all", tally(edge.decided)],
      sum(edge.decided) > 0 && ["Stopped", `${share(edge.decided.refused, edge)} refused, ${share(edge.decided.held, edge)} held`],
      edge.last_at && ["Last", el("time", { title: wholeTime(edge.last_at) }, ago(edge.last_at))],
    )),
    edge.grants.length > 0 && section("Grants", el("ul.grants", edge.grants.map((grant) => el("li", foreign("code.object", grant.request), el("span.muted", ` ${limits(grant)}`))))),
    edge.tells.length > 0 && section("May tell unasked", el("ul.grants", edge.tells.map((contract) => el("li", foreign("code.object", contract))))),
    edge.tools.length > 0 && section("Tools", el("ul.grants", edge.tools.map((tool) => {
      const known = terms.get(tool);
      return el("li", named("code.object", tool), known && [" ", risk(known.risk)], known?.bounds.length > 0 && el("ul.bounds", known.bounds.map((bound) => prose("li", bound))));
    }))),
    edge.resources.length > 0 && section("Resources", el("ul.grants", edge.resources.map((begin) => el("li", begin === "*" ? "all" : ["those that begin with ", foreign("code.object", begin)])))),
    edge.prompts.length > 0 && section("Prompts", el("ul.grants", edge.prompts.map((prompt) => el("li", prompt === "*" ? "all" : foreign("code.object", prompt))))),
    latest(`from=${encodeURIComponent(edge.from)}&to=${encodeURIComponent(edge.to)}`),
  );
}

const share = (count, edge) => `${((100 * count) / sum(edge.decided)).toLocaleString("en", { maximumFractionDigits: 1 })} %`;

function limits({ depth, ttl_ms }) {
  const onwards = depth === undefined ? "no limit of its own to handing on" : depth === 0 ? "may not be handed on" : `may be handed on ${plural(depth, "time")}`;
  return ttl_ms === undefined ? onwards : `${onwards}, for ${duration(ttl_ms)}`;
}

/// The chain of requests by which the work of a task was handed on.
export function chainFacts(chain) {
  return el(
    "div.details",
    el("h2.details-title", "Who asked whom"),
    chain.words ? foreign("p.lead", chain.words) : el("p.muted", "The task is not open any more, or nobody opened it."),
    facts(["Task", digest(chain.task, 24)], ["On the record", el("a", { href: `/console/record?about=${encodeURIComponent(chain.task)}` }, "See everything about it")]),
    section("Requests", el("ol.links", inOrder(chain.links).map((link) =>
      el(
        `li.deep-${Math.min(link.chain.length, DEEP_MAX)}${link.revoked ? ".revoked" : ""}`,
        { "data-hop": link.hop },
        el("span.depth", { title: "How deep in the chain" }, String(link.chain.length + 1)),
        el(
          "div",
          el(link.revoked ? "s" : "span", who(link.from), " ", icon("arrow"), el("span.visually-hidden", " asks "), " ", who(link.to)),
          named("code.object", principal(link.request).name),
          el("p.muted", el("time", { title: wholeTime(link.at) }, clock(link.at)), " · ", el("a", { href: `/console/record?about=${encodeURIComponent(link.hop)}` }, "record"), link.revoked && el("strong.gone", " · revoked")),
        ),
      ),
    ))),
  );
}

/// Each request before those that it led to, which came after it.
function inOrder(links) {
  const led = new Map([[null, []]]);
  for (const link of links) {
    const parent = [...link.chain].reverse().find((hop) => led.has(hop)) ?? null;
    led.get(parent).push(link);
    if (!led.has(link.hop)) led.set(link.hop, []);
  }
  const below = (hop) => led.get(hop).flatMap((link) => [link, ...below(link.hop)]);
  return below(null);
}

/// The last hops, each with the way to all about it.
function latest(query) {
  const into = el("div", el("p.muted", "Loading…"));
  load();
  return section("Last hops", into);

  async function load() {
    let hops;
    try {
      hops = await read(`/api/v1/map/hops?${query}`);
    } catch (problem) {
      fill(into, failed(problem, load));
      return;
    }
    const line = (hop) =>
      el(
        "li",
        el("time", { title: wholeTime(hop.at) }, clock(hop.at)),
        el("span", el("span.verb", verb(hop)), " ", el("a", { href: `/console/record?about=${encodeURIComponent(hop.hop)}` }, named("code.object", hop.object)), " ", decision(hop)),
      );
    fill(into, hops.length ? el("ol.timeline", hops.map(line)) : el("p.muted", "None yet."));
  }
}
