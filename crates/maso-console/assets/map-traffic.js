// What the map knows: who there is, who may deal with whom, and what went between them, brought up to date hop by hop.

const NOBODY = { allowed: 0, held: 0, refused: 0 };
const MINUTE_MS = 60_000;
const WORDS = { allow: "allowed", hold: "held", deny: "refused" };

export const keyOf = (from, to) => `${from}>${to}`;
export const sum = (counts) => counts.allowed + counts.held + counts.refused;

/// Whether a mandate or a grant names anything here.
export const isDeclared = (edge) => [edge.tools, edge.resources, edge.prompts, edge.grants, edge.tells].some((list) => list.length > 0);

/// The map as the server gave it, and everything that was heard since.
export class Traffic {
  constructor(view) {
    this.sequence = view.sequence;
    this.spanMs = view.span_ms;
    this.nSpans = Math.max(1, Math.round(MINUTE_MS / view.span_ms));
    // By the server's clock: a browser whose clock is wrong would call everything old.
    this.aheadMs = view.at - Date.now();
    this.endedShownMs = view.ended_shown_ms;
    this.nLeftOut = view.n_left_out;
    this.nodes = new Map(view.nodes.map((node) => [node.party, node]));
    this.edges = new Map();
    const span = this.spanAt(view.at);
    for (const edge of view.edges) this.edges.set(keyOf(edge.from, edge.to), { ...edge, key: keyOf(edge.from, edge.to), span });
    this.chains = view.chains;
  }

  spanAt(at_ms) {
    return Math.floor(at_ms / this.spanMs);
  }

  /// Takes a hop in. Gives its edge and which way it went, or nothing where it is in already; `null` for somebody who is
  /// not on the map, so that it must be asked for anew.
  heard(hop) {
    if (hop.sequence <= this.sequence) return undefined;
    const [asker, asked] = hop.answers ? [hop.to, hop.from] : [hop.from, hop.to];
    const [from, to] = [asker ?? "stranger", asked ?? "stranger"];
    if (!this.nodes.has(from) || !this.nodes.has(to)) return null;
    this.sequence = hop.sequence;
    const key = keyOf(from, to);
    let edge = this.edges.get(key);
    const isNew = !edge;
    if (!edge) this.edges.set(key, (edge = { key, from, to, tools: [], resources: [], prompts: [], grants: [], tells: [], decided: NOBODY, lately: [], span: this.spanAt(hop.at) }));
    const word = WORDS[hop.decision] ?? "refused";
    const add = (counts) => ({ ...counts, [word]: counts[word] + 1 });
    edge.decided = add(edge.decided);
    const lately = this.shifted(edge, this.spanAt(hop.at));
    lately[0] = add(lately[0]);
    edge.lately = lately;
    edge.span = Math.max(edge.span, this.spanAt(hop.at));
    edge.last_at = hop.at;
    this.handedOn(hop);
    return { edge, isNew, isAnswer: Boolean(hop.answers), decision: WORDS[hop.decision] ? hop.decision : "deny" };
  }

  shifted(edge, span) {
    const moved = Math.max(0, Math.min(this.nSpans, span - edge.span));
    const spans = [...Array(moved).fill(NOBODY), ...edge.lately].slice(0, this.nSpans);
    while (spans.length < this.nSpans) spans.push(NOBODY);
    return spans;
  }

  /// What was decided on an edge in the last minute.
  lately(edge) {
    const spans = this.shifted(edge, this.spanAt(Date.now() + this.aheadMs));
    return spans.reduce((all, span) => ({ allowed: all.allowed + span.allowed, held: all.held + span.held, refused: all.refused + span.refused }), NOBODY);
  }

  /// A request that was let through is a link of its task's chain.
  handedOn(hop) {
    const isReleased = hop.decision === "allow" || !hop.enforced;
    if (hop.verb !== "request" || hop.answers || !isReleased || !hop.task) return;
    const known = this.chains.find((chain) => chain.task === hop.task);
    const chain = known ?? { task: hop.task, links: [] };
    chain.links.push({ hop: hop.hop, from: hop.from, to: hop.to, request: hop.object, chain: hop.chain ?? [], at: hop.at, revoked: false });
    this.chains = [chain, ...this.chains.filter((other) => other !== chain)];
  }

  /// What was revoked ends what it led to. Gives whether somebody on the map must be asked about anew.
  revoked({ what, subject }) {
    if (what !== "delegation") return true;
    for (const link of this.chains.flatMap((chain) => chain.links)) {
      if (link.hop === subject || link.chain.includes(subject)) link.revoked = true;
    }
    return false;
  }

  /// The instances of somebody, each with how much of it is left to be seen: all of it while it counts, and less and less
  /// once it has ended.
  instances(node) {
    const now = Date.now() + this.aheadMs;
    const left = ({ ended }) => (ended ? Math.min(1, 1 - (now - ended.at) / this.endedShownMs) : 1);
    return (node.agent?.instances.latest ?? []).map((one) => ({ ...one, left: left(one) })).filter((one) => one.left > 0);
  }

  /// The edges of somebody.
  of(party) {
    return [...this.edges.values()].filter((edge) => edge.from === party || edge.to === party);
  }
}
