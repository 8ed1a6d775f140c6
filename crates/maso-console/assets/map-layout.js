// Where everybody stands on the map. The same nodes in the same width stand in the same places, whatever order they
// come in and whatever goes between them: whoever looks twice finds everything where it was.

import { isDeclared } from "./map-traffic.js";

/// Up to so many agents there is room for much, or for something; of more, each is a line.
const AGENTS_LARGE_MAX = 8;
const AGENTS_ROOMY_MAX = 24;
const LARGE = { width: 208, height: 56, gap: 30, gutter: 62 };
const ROOMY = { width: 176, height: 44, gap: 16, gutter: 46 };
const COMPACT = { width: 116, height: 24, gap: 6, gutter: 22 };
const MARGIN = 12;
const LANE_GAP = 72;
const GROUP = { pad: 14, head: 28, gap: 24 };
const COLUMNS_MAX = 6;
const ROWS_OF_FEW = 6;
/// Lines that run side by side through a gap.
const STRANDS = 9;
const STRAND_GAP = 2;
const CORNER = 7;
/// A lane of servers that would be longer than the agents beside it becomes two, but not before this height.
const LANE_HEIGHT_MIN = 420;
const OUTSIDE = ["operator", "stranger"];

const byName = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

/// Places everybody: `places` by party, `groups` of agents by workflow, and how large all of it is.
export function layout(nodes, edges, width) {
  const agents = nodes.filter((node) => node.kind === "agent");
  const servers = nodes.filter((node) => node.kind === "server");
  const outside = nodes.filter((node) => OUTSIDE.includes(node.kind)).sort((one, other) => byName(one.party, other.party));
  const wanted = agents.length > AGENTS_ROOMY_MAX ? COMPACT : agents.length > AGENTS_LARGE_MAX ? ROOMY : LARGE;
  const beside = (lanes) => 2 * MARGIN + lanes * (wanted.width + LANE_GAP) + wanted.width + wanted.gutter + GROUP.pad;
  // Where there is no room beside the agents for a lane of servers and one of others, they stand above and below.
  const isBeside = width >= beside((outside.length ? 1 : 0) + (servers.length ? 1 : 0));
  const size = isBeside ? wanted : COMPACT;
  const places = new Map();
  const box = { places, size, isBeside };

  const laneOf = (count, height) => Math.max(1, Math.ceil((count * (size.height + size.gap)) / Math.max(height, LANE_HEIGHT_MIN)));
  const laneWidth = (columns) => columns * size.width + (columns - 1) * size.gap;
  const left = isBeside && outside.length ? size.width + LANE_GAP : 0;
  let nColumns = 1;
  let right = isBeside && servers.length ? laneWidth(1) + LANE_GAP : 0;
  let drawn = placeGroups(box, agents, MARGIN + left, width - 2 * MARGIN - left - right);
  if (isBeside) {
    const nColumnsMax = 1 + Math.floor((width - beside((outside.length ? 1 : 0) + 1)) / (size.width + size.gap));
    nColumns = Math.max(1, Math.min(laneOf(servers.length, drawn.height), nColumnsMax));
    if (nColumns > 1) {
      right = laneWidth(nColumns) + LANE_GAP;
      drawn = placeGroups(box, agents, MARGIN + left, width - 2 * MARGIN - left - right);
    }
  }

  const ordered = inOrder(servers, edges, places);
  if (!isBeside) {
    let y = placeGrid(box, outside, width, MARGIN);
    const shift = y - MARGIN;
    for (const [party, place] of places) if (party.startsWith("agent:")) move(place, shift);
    for (const group of drawn.groups) group.y += shift;
    y = placeGrid(box, ordered, width, MARGIN + shift + drawn.height + 48);
    return { ...box, groups: drawn.groups, width, height: y + MARGIN };
  }
  const nRows = Math.ceil(ordered.length / nColumns);
  const tall = (count) => count * (size.height + size.gap) - size.gap;
  const height = Math.max(drawn.height, tall(nRows), tall(outside.length), 160) + 2 * MARGIN;
  const shift = (height - 2 * MARGIN - drawn.height) / 2;
  for (const place of places.values()) move(place, shift);
  for (const group of drawn.groups) group.y += shift;
  const lane = (list, x, columns) => {
    const rows = Math.ceil(list.length / columns);
    // Few in a high lane stand further apart, up to twice.
    const step = Math.min(2 * (size.height + size.gap), Math.max(size.height + size.gap, (height - 2 * MARGIN) / Math.max(rows, 1)));
    const from = (height - ((rows - 1) * step + size.height)) / 2;
    list.forEach((node, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      places.set(node.party, { x: x + column * (size.width + size.gap), y: from + row * step, width: size.width, height: size.height });
    });
  };
  lane(ordered, width - MARGIN - laneWidth(nColumns), nColumns);
  lane(outside, MARGIN, 1);
  return { ...box, groups: drawn.groups, width, height };
}

/// Agents in boxes by workflow, each in the order of its sequence, row after row, centred.
function placeGroups({ places, size }, agents, left, room) {
  const of = new Map();
  for (const node of agents) {
    const workflow = node.agent?.workflow ?? "";
    of.set(workflow, [...(of.get(workflow) ?? []), node]);
  }
  const cell = size.width + size.gutter;
  const nColumnsMax = Math.max(1, Math.floor((room - 2 * GROUP.pad) / cell));
  const workflows = [...of.keys()].sort(byName);
  for (const members of of.values()) members.sort((one, other) => (one.agent?.sequence_position ?? 0) - (other.agent?.sequence_position ?? 0) || byName(one.party, other.party));
  // Few stand below each other. Of many, so many columns to a box as make all of it least high, and the fewest of these.
  const few = (n_members) => Math.min(nColumnsMax, Math.ceil(n_members / ROWS_OF_FEW));
  const counts = size === COMPACT ? Array.from({ length: COLUMNS_MAX }, (_, index) => () => Math.min(index + 1, nColumnsMax)) : [few];
  const packed = counts.map((count) => pack(workflows, of, size, count, room));
  const least = Math.min(...packed.map(heightOf));
  const shelves = packed.find((shelves) => heightOf(shelves) === least);
  let y = MARGIN;
  for (const shelf of shelves) {
    let x = left + Math.max(0, (room - shelf.width) / 2);
    for (const group of shelf.groups) {
      Object.assign(group, { x, y });
      group.members.forEach((node, index) => {
        // Down the first column, then the next: who comes after another stands below it.
        const [column, row] = [Math.floor(index / group.rows), index % group.rows];
        places.set(node.party, {
          x: x + size.gutter + column * cell,
          y: y + GROUP.head + row * (size.height + size.gap),
          width: size.width,
          height: size.height,
          // Where lines leave the box that lead far: below it, and on the right of all.
          below: y + shelf.height + GROUP.gap / 2,
          beyond: left + room + LANE_GAP / 6,
          strand: (index % STRANDS) - (STRANDS - 1) / 2,
        });
      });
      x += group.width + GROUP.gap;
    }
    y += shelf.height + GROUP.gap;
  }
  return { groups: shelves.flatMap((shelf) => shelf.groups), height: Math.max(0, y - MARGIN) };
}

/// Boxes side by side while there is room, then below.
function pack(workflows, of, size, columnsOf, room) {
  const shelves = [];
  for (const workflow of workflows) {
    const members = of.get(workflow);
    const columns = Math.min(columnsOf(members.length), members.length);
    const rows = Math.ceil(members.length / columns);
    const group = { workflow, members, rows, width: columns * (size.width + size.gutter) + GROUP.pad, height: GROUP.head + rows * (size.height + size.gap) - size.gap + GROUP.pad };
    const last = shelves.at(-1);
    if (last && last.width + GROUP.gap + group.width <= room) {
      last.groups.push(group);
      last.width += GROUP.gap + group.width;
      last.height = Math.max(last.height, group.height);
    } else {
      shelves.push({ groups: [group], width: group.width, height: group.height });
    }
  }
  return shelves;
}

const heightOf = (shelves) => shelves.reduce((sum, shelf) => sum + shelf.height + GROUP.gap, 0);

function move(place, shift) {
  place.y += shift;
  if (place.below) place.below += shift;
}

/// Servers by how high those stand who may ask them, so that few lines cross. Only what is declared counts: traffic moves
/// nobody.
function inOrder(servers, edges, places) {
  const asked = new Map(servers.map((node) => [node.party, []]));
  for (const edge of edges) {
    const place = places.get(edge.from);
    if (place && isDeclared(edge)) asked.get(edge.to)?.push(place.y);
  }
  const height = (party) => {
    const all = asked.get(party);
    return all.length ? all.reduce((sum, y) => sum + y, 0) / all.length : Infinity;
  };
  const keyed = servers.map((node) => [height(node.party), node]);
  // Two that nobody asks are as high as each other.
  keyed.sort(([one, a], [other, b]) => (one === other ? 0 : one - other) || byName(a.party, b.party));
  return keyed.map(([, node]) => node);
}

/// Side by side over the whole width; gives where what follows may begin.
function placeGrid({ places, size }, list, width, y) {
  if (!list.length) return y;
  const columns = Math.max(1, Math.floor((width - 2 * MARGIN + size.gap) / (size.width + size.gap)));
  list.forEach((node, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    places.set(node.party, { x: MARGIN + column * (size.width + size.gap), y: y + row * (size.height + size.gap), width: size.width, height: size.height });
  });
  return y + Math.ceil(list.length / columns) * (size.height + size.gap) + 24;
}

/// The way between two places, as a path; `null` where one of them is on no place.
export function way(placed, from, to) {
  const { places, size, isBeside } = placed;
  const [one, other] = [places.get(from), places.get(to)];
  if (!one || !other) return null;
  const middle = (place) => place.y + place.height / 2;
  const far = (place) => place.x + place.width;
  const isInner = from.startsWith("agent:") && to.startsWith("agent:");
  if (size === COMPACT && from.startsWith("agent:") && to.startsWith("server:")) {
    return isBeside ? around(one, [other.x, middle(other)], size) : down(one, [other.x + other.width / 2, other.y], size);
  }
  if (Math.abs(one.x - other.x) < 1 && (isInner || isBeside)) {
    // In one column: a bow on the left, wider the further it leads, and wider on the way up than down.
    const rows = Math.abs(other.y - one.y) / (size.height + size.gap);
    const isUp = other.y < one.y;
    const bow = Math.min(size.gutter * 1.15, size.gutter * (0.6 + 0.14 * rows)) + (isUp ? size.gutter * 0.15 : 0);
    const lean = (isUp ? -1 : 1) * size.height * 0.12;
    return bend([one.x, middle(one) + lean], [one.x - bow, middle(one) + lean], [other.x - bow, middle(other) - lean], [other.x, middle(other) - lean]);
  }
  if (!isInner && !isBeside) {
    const [y1, y2] = other.y > one.y ? [one.y + one.height, other.y] : [one.y, other.y + other.height];
    const pull = (y2 - y1) * 0.5;
    const [x1, x2] = [one.x + one.width / 2, other.x + other.width / 2];
    return bend([x1, y1], [x1, y1 + pull], [x2, y2 - pull], [x2, y2]);
  }
  const isRight = other.x > one.x;
  const [x1, x2] = isRight ? [far(one), other.x] : [one.x, far(other)];
  const pull = (isRight ? 1 : -1) * Math.max(Math.min(26, Math.abs(x2 - x1)), Math.abs(x2 - x1) * 0.45);
  // What a server asks of an agent goes beside what the agent asks of it.
  const aside = from.startsWith("server:") ? size.height * 0.16 : 0;
  return bend([x1, middle(one) + aside], [x1 + pull, middle(one) + aside], [x2 - pull, middle(other) + aside], [x2, middle(other) + aside]);
}

/// Through the gaps between boxes, so that no line of many runs over a name: beside the column, below the box, and on
/// from the right of all.
function around(one, [x, y], size) {
  const strand = one.strand * STRAND_GAP;
  const start = [one.x + one.width, one.y + one.height / 2];
  const beside = start[0] + size.gutter / 2 + strand / 2;
  const below = one.below + strand;
  const beyond = Math.max(one.beyond, beside + 2 * CORNER);
  const pull = (x - beyond) * 0.5;
  return [
    `M${at(start)} H${round(beside - CORNER)} Q${at([beside, start[1]])} ${at([beside, start[1] + CORNER])}`,
    `V${round(below - CORNER)} Q${at([beside, below])} ${at([beside + CORNER, below])}`,
    `H${round(beyond)} C${at([beyond + pull, below])} ${at([x - pull, y])} ${at([x, y])}`,
  ].join(" ");
}

/// The same where servers stand under the agents.
function down(one, [x, y], size) {
  const start = [one.x + one.width, one.y + one.height / 2];
  const beside = start[0] + (size.gutter + one.strand * STRAND_GAP) / 2;
  const pull = Math.max(20, (y - one.below) * 0.5);
  return [
    `M${at(start)} H${round(beside - CORNER)} Q${at([beside, start[1]])} ${at([beside, start[1] + CORNER])}`,
    `V${round(one.below)} C${at([beside, one.below + pull])} ${at([x, y - pull])} ${at([x, y])}`,
  ].join(" ");
}

const bend = (a, b, c, d) => `M${at(a)} C${at(b)} ${at(c)} ${at(d)}`;
const at = ([x, y]) => `${round(x)} ${round(y)}`;
const round = (value) => Math.round(value * 10) / 10;
