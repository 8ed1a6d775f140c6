// The map as a drawing. It is drawn at most once in a frame of the browser, whatever happens in between.

import { icon, plain, svg } from "./dom.js";
import { layout, way } from "./map-layout.js";
import { isDeclared, sum } from "./map-traffic.js";
import { PHASES, plural, principal, title } from "./words.js";

const TRAVEL_MS = 900;
/// What was stopped stays to be seen where it was stopped.
const STOPPED_MS = 1_400;
const STOPPED_AT = 0.5;
/// Hops that are seen on their way at once; of more, the lines alone tell.
const TRAVELLERS_MAX = 40;
const DASH = 36;
const LETTER_WIDTH = 6.9;
/// From this height on there is room for a second line under a name.
const ROOMY_HEIGHT = 40;
/// How far from who asks an edge among many is marked.
const STOP_AT = 11;
/// Instances of one agent that are drawn; how many there are stands beside them or is said.
const DOTS_MAX = 8;
const KINDS = { server: "tool", operator: "person", stranger: "ask" };

const stillness = matchMedia("(prefers-reduced-motion: reduce)");

export class Drawing {
  /// `choose` is told what was picked: a party, or the key of an edge.
  constructor(choose) {
    this.choose = choose;
    this.wires = svg("g.wires");
    this.badges = svg("g.badges", { "aria-hidden": "true" });
    this.boxes = svg("g.boxes", { "aria-hidden": "true" });
    this.people = svg("g.nodes");
    this.travellers = svg("g.travellers", { "aria-hidden": "true" });
    this.root = svg("svg.map", { role: "group", "aria-label": "Map: arrow keys move between agents and servers, Enter opens one" }, tips(), this.boxes, this.wires, this.people, this.badges, this.travellers);
    this.root.addEventListener("keydown", (event) => this.step(event));
    this.root.addEventListener("click", (event) => event.target === this.root && choose(null));
    this.edges = new Map();
    this.nodes = new Map();
    this.underWay = [];
    this.dirty = new Set();
    this.waiting = false;
    this.chosen = null;
    this.chain = null;
  }

  /// Draws everything anew: somebody came or went, or there is another width.
  show(traffic, width) {
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.party : null;
    this.traffic = traffic;
    this.width = width;
    this.place = layout([...traffic.nodes.values()], [...traffic.edges.values()], width);
    const { height } = this.place;
    for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) this.root.setAttribute(name, value);
    for (const part of [this.boxes, this.wires, this.people, this.badges, this.travellers]) part.replaceChildren();
    this.isCompact = this.place.size.height < ROOMY_HEIGHT;
    this.root.classList.toggle("compact", this.isCompact);
    this.edges.clear();
    this.nodes.clear();
    this.underWay = [];
    for (const group of this.place.groups) this.boxes.append(box(group));
    for (const edge of traffic.edges.values()) this.wire(edge);
    // In the order in which they are read: agents by workflow, then servers, then others.
    for (const party of this.place.places.keys()) this.node(traffic.nodes.get(party));
    this.rove(this.nodes.has(focused) ? focused : this.nodes.keys().next().value);
    if (this.nodes.has(focused)) this.focus(focused);
    this.refresh();
  }

  /// Every edge is drawn anew with the next frame, and what has ended a little fainter.
  refresh() {
    for (const party of this.nodes.keys()) this.dots(party);
    for (const key of this.edges.keys()) this.dirty.add(key);
    this.ask();
  }

  /// A hop was decided on an edge.
  happened({ edge, isAnswer, decision }) {
    if (!this.edges.has(edge.key)) this.wire(edge);
    this.dirty.add(edge.key);
    if (!stillness.matches && !document.hidden && this.underWay.length < TRAVELLERS_MAX) this.send(edge, isAnswer, decision);
    this.ask();
  }

  /// What was picked is lit, and what it has to do with; the rest steps back.
  pick(chosen) {
    this.chosen = chosen;
    this.light();
  }

  /// The links of a task are lit.
  follow(chain) {
    this.chain = chain;
    this.light();
  }

  light(near = null) {
    const chosen = near ?? this.chosen;
    const lit = new Set();
    const standing = new Set();
    if (this.chain && !near) {
      for (const link of this.chain.links) {
        lit.add(`${link.from}>${link.to}`);
        standing.add(link.from).add(link.to);
      }
    } else if (chosen) {
      standing.add(chosen);
      for (const [key, { edge }] of this.edges) {
        if (key !== chosen && edge.from !== chosen && edge.to !== chosen) continue;
        lit.add(key);
        standing.add(edge.from).add(edge.to);
      }
    }
    this.root.classList.toggle("lit", standing.size > 0);
    for (const [key, drawn] of this.edges) {
      drawn.group.classList.toggle("on", lit.has(key));
      drawn.badge.classList.toggle("on", lit.has(key));
      drawn.group.classList.toggle("chosen", key === this.chosen);
      drawn.group.classList.toggle("revoked", false);
    }
    for (const [party, element] of this.nodes) {
      element.classList.toggle("on", standing.has(party));
      element.classList.toggle("chosen", party === this.chosen);
      element.firstChild.setAttribute("aria-pressed", String(party === this.chosen));
    }
    this.number();
  }

  /// The links that are lit bear their depth; those that were revoked are struck through.
  number() {
    this.badges.querySelectorAll(".depth").forEach((badge) => badge.remove());
    if (!this.chain) return;
    const of = new Map();
    for (const link of this.chain.links) {
      const key = `${link.from}>${link.to}`;
      of.set(key, [...(of.get(key) ?? []), link]);
    }
    for (const [key, links] of of) {
      const drawn = this.edges.get(key);
      if (!drawn) continue;
      const isRevoked = links.every((link) => link.revoked);
      drawn.group.classList.toggle("revoked", isRevoked);
      const { x, y } = pointOf(drawn, 0.5);
      const depths = [...new Set(links.map((link) => link.chain.length + 1))].sort((one, other) => one - other);
      const text = depths.length > 3 ? `${depths[0]}–${depths.at(-1)}` : depths.join(" ");
      const half = 8 + text.length * 3;
      this.badges.append(
        svg(
          `g.depth${isRevoked ? ".revoked" : ""}`,
          { transform: `translate(${x} ${y})` },
          svg("rect", { x: -half, y: -9, width: 2 * half, height: 18, rx: 9 }),
          svg("text", { y: 4, "text-anchor": "middle" }, text),
          isRevoked && svg("path", { d: `M${-half - 3} 6 L${half + 3} -6` }),
        ),
      );
    }
  }

  wire(edge) {
    const d = way(this.place, edge.from, edge.to);
    if (!d) return;
    const isInner = edge.from.startsWith("agent:") && edge.to.startsWith("agent:");
    const group = svg(
      `g.edge${isDeclared(edge) ? ".declared" : ""}`,
      { "data-edge": edge.key },
      svg("path.grab", { d, click: () => this.choose(edge.key) }),
      svg("path.line", { d, "marker-end": isInner && "url(#map-tip)" }),
      svg("path.held", { d }),
      svg("path.refused", { d }),
    );
    this.wires.append(group);
    const badge = svg("g.stop");
    this.badges.append(badge);
    this.edges.set(edge.key, { edge, group, badge, path: group.children[1], length: null });
    this.dirty.add(edge.key);
  }

  draw(key) {
    const drawn = this.edges.get(key);
    if (!drawn) return;
    const { edge, group, badge } = drawn;
    const lately = this.traffic.lately(edge);
    const [perMinute, inAll] = [sum(lately), sum(edge.decided)];
    group.classList.toggle("never", inAll === 0);
    group.classList.toggle("moving", perMinute > 0);
    const thin = this.isCompact ? 0.6 : 1;
    const width = perMinute ? Math.min(6, 1.6 + Math.log2(1 + perMinute) * 0.75) * thin : inAll ? 1.3 * thin : 1;
    const [line, held, refused] = [...group.children].slice(1);
    line.style.strokeWidth = width;
    // As much of the line is dashed as was stopped: of the last minute while anything moves, else of all there ever was.
    const counts = perMinute ? lately : edge.decided;
    dash(held, counts.held / (sum(counts) || 1), DASH / 2, width);
    dash(refused, counts.refused / (sum(counts) || 1), 0, width);
    const stop = lately.refused ? "deny" : lately.held ? "hold" : "";
    if (badge.dataset.stop !== stop) {
      badge.dataset.stop = stop;
      badge.replaceChildren(...(stop ? [mark(stop)] : []));
      if (stop) badge.setAttribute("transform", this.middle(drawn));
    }
  }

  /// Where an edge bears what it is marked with: in its middle or, among many, where it begins.
  middle(drawn) {
    const { x, y } = this.isCompact ? pointOf(drawn, Math.min(0.5, STOP_AT / lengthOf(drawn))) : pointOf(drawn, 0.5);
    const size = this.isCompact ? " scale(.72)" : "";
    return `translate(${round(x)} ${round(y)})${size}`;
  }

  node(node) {
    if (!node) return;
    const place = this.place.places.get(node.party);
    const element = svg(
      "g.node",
      { transform: `translate(${round(place.x)} ${round(place.y)})`, pointerenter: () => this.light(node.party), pointerleave: () => this.light() },
      svg("rect.body", { role: "button", tabindex: "-1", "data-party": node.party, focus: () => this.rove(node.party) }),
    );
    element.addEventListener("click", () => this.choose(node.party));
    dress(element, node, this.place.size);
    element.append(svg("g.instances", { "aria-hidden": "true" }));
    this.people.append(element);
    this.nodes.set(node.party, element);
  }

  /// The instances of an agent, on the lower edge of its box: full when it is there, hollow before it has joined, and small
  /// and fading once it has ended.
  dots(party) {
    const { width, height } = this.place.size;
    const r = this.isCompact ? 2.6 : 4;
    const dots = this.traffic.instances(this.traffic.nodes.get(party)).slice(0, DOTS_MAX).map(({ joined, ended, left }, index) => {
      const kind = ended ? "ended" : joined ? "there" : "coming";
      const dot = svg(`circle.instance.${kind}`, { cx: width - 12 - index * 3 * r, cy: height, r: ended ? r * 0.7 : r });
      dot.style.opacity = round(left * 10) / 10;
      return dot;
    });
    this.nodes.get(party).lastChild.replaceChildren(...dots);
  }

  send(edge, isAnswer, decision) {
    const drawn = this.edges.get(edge.key);
    if (!drawn) return;
    const isStopped = decision !== "allow";
    const element = isStopped ? mark(decision) : svg("circle.traveller", { r: isAnswer ? 2.6 : 3.6 });
    this.travellers.append(element);
    this.underWay.push({ element, drawn, isAnswer, isStopped, from: null });
  }

  ask() {
    if (this.waiting) return;
    this.waiting = true;
    // A hidden page is drawn when it is seen again: the browser gives it no frame before.
    requestAnimationFrame((now) => this.frame(now));
  }

  frame(now) {
    this.waiting = false;
    for (const key of this.dirty) this.draw(key);
    this.dirty.clear();
    this.underWay = this.underWay.filter((traveller) => {
      traveller.from ??= now;
      const { element, drawn, isAnswer, isStopped, from } = traveller;
      const share = (now - from) / TRAVEL_MS;
      if (share >= (isStopped ? 1 + STOPPED_MS / TRAVEL_MS : 1)) {
        element.remove();
        return false;
      }
      const way = Math.min(share, isStopped ? STOPPED_AT : 1);
      const { x, y } = pointOf(drawn, isAnswer ? 1 - way : way);
      element.setAttribute("transform", `translate(${round(x)} ${round(y)})`);
      return true;
    });
    if (this.underWay.length) this.ask();
  }

  /// One of them is reached by the tabulator, the others by arrows from there.
  rove(party) {
    this.nodes.get(this.entrance)?.firstChild.setAttribute("tabindex", "-1");
    this.entrance = party;
    this.nodes.get(party)?.firstChild.setAttribute("tabindex", "0");
  }

  /// The focus goes to somebody.
  focus(party) {
    this.nodes.get(party)?.firstChild.focus({ preventScroll: true });
  }

  step(event) {
    const { party } = event.target.dataset;
    if (!party) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(party);
      return;
    }
    const towards = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!towards) return;
    event.preventDefault();
    const next = this.beside(party, towards);
    if (next) this.nodes.get(next).firstChild.focus();
  }

  /// Whoever is nearest in a direction; what lies off it counts twice as far, and what lies far off it not at all.
  beside(party, [dx, dy]) {
    const here = this.place.places.get(party);
    let [nearest, least] = [null, Infinity];
    for (const [other, place] of this.place.places) {
      const [along, off] = [(place.x - here.x) * dx + (place.y - here.y) * dy, Math.abs((place.x - here.x) * dy) + Math.abs((place.y - here.y) * dx)];
      if (other !== party && along > 1 && off <= 2 * along && along + 2 * off < least) [nearest, least] = [other, along + 2 * off];
    }
    return nearest;
  }
}

/// How much of a line is dashed, and from where on.
function dash(path, share, offset, width) {
  path.classList.toggle("none", share === 0);
  if (!share) return;
  const long = Math.max(5, Math.min(DASH, DASH * share));
  path.style.strokeWidth = width + 0.6;
  path.style.strokeDasharray = long >= DASH ? "none" : `${round(long)} ${round(DASH - long)}`;
  path.style.strokeDashoffset = `${-offset}`;
}

/// What is seen of somebody, and what is said of it. The button is the box alone: the texts over it are in what it says.
function dress(element, node, size) {
  const { kind, name } = principal(node.party);
  const agent = node.agent;
  const isRoomy = size.height >= ROOMY_HEIGHT;
  const phase = agent && (PHASES.includes(agent.around_phase) ? agent.around_phase : "emergency");
  const state = !agent ? "" : agent.revoked ? "revoked" : agent.stopped ? "stopped" : "";
  // Among many the name of the box need not be said again.
  const isSaid = !isRoomy && agent && name.startsWith(`${agent.workflow}-`);
  const whole = node.kind === "stranger" ? "strangers" : name;
  const shown = isSaid ? name.slice(agent.workflow.length + 1) : whole;
  element.setAttribute("class", ["node", node.kind, phase && `phase-${phase}`, state].filter(Boolean).join(" "));
  const middle = size.height / 2;
  const stands = below(node, phase, state);
  const started = agent?.instances.n_live ? plural(agent.instances.n_live, "instance") : "";
  const under = stands || started;
  const said = [whole, stands || kind, phase && `in ${title(phase)}`, started].filter(Boolean).join(", ");
  const room = Math.floor((size.width - (isRoomy ? 46 : 34)) / LETTER_WIDTH);
  for (const [name, value] of Object.entries({ width: size.width, height: size.height, rx: node.kind === "server" ? 3 : 9, "aria-label": said })) element.firstChild.setAttribute(name, value);
  element.append(
    sign(node, phase, isRoomy ? 19 : 15, middle, isRoomy),
    svg("text.name", { "aria-hidden": "true", x: isRoomy ? 36 : 28, y: middle + (under && isRoomy ? -2 : 4.5) }, plain(shown.length > room ? `${shown.slice(0, room - 1)}…` : shown)),
  );
  if (under && isRoomy) element.append(svg("text.under", { "aria-hidden": "true", x: 36, y: middle + 13 }, under));
  if (state && !isRoomy) element.append(svg("path.struck", { d: `M28 ${middle} H${size.width - 8}` }));
}

function below(node, phase, state) {
  if (state) return state;
  // Those that nothing is wrong with have nothing to say.
  if (node.kind === "agent") return phase === "primary" ? "" : phase;
  return { server: "tool server", operator: "person", stranger: "nobody established" }[node.kind] ?? "";
}

/// The sign in front of a name: an agent's phase by its letter, what others are by an icon.
function sign(node, phase, x, y, isRoomy) {
  if (phase) {
    const r = isRoomy ? 10 : 8;
    return svg("g.sign", { "aria-hidden": "true" }, svg("circle", { cx: x, cy: y, r }), svg("text", { x, y: y + r * 0.38, "text-anchor": "middle" }, phase.charAt(0).toUpperCase()));
  }
  const image = icon(KINDS[node.kind] ?? "ask");
  for (const [key, value] of Object.entries({ x: x - 8, y: y - 8, width: 16, height: 16 })) image.setAttribute(key, value);
  return image;
}

/// What was refused bears a cross, what is held two bars: the colour never speaks alone.
function mark(decision) {
  const bars = decision === "hold" ? "M-2 -3 V3 M2 -3 V3" : "M-2.8 -2.8 L2.8 2.8 M2.8 -2.8 L-2.8 2.8";
  return svg(`g.mark-${decision}`, {}, svg("circle", { r: 7.5 }), svg("path", { d: bars }));
}

function box({ workflow, x, y, width, height }) {
  return svg("g.workflow", {}, svg("rect", { x: round(x), y: round(y), width, height, rx: 12 }), svg("text", { x: round(x) + 14, y: round(y) + 19 }, plain(workflow)));
}

function tips() {
  return svg("defs", {}, svg("marker", { id: "map-tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0 .8 L7.4 4 L0 7.2z" })));
}

const lengthOf = (drawn) => (drawn.length ??= drawn.path.getTotalLength());
/// The point of an edge at a share of its way.
const pointOf = (drawn, share) => drawn.path.getPointAtLength(lengthOf(drawn) * share);
const round = (value) => Math.round(value * 10) / 10;
