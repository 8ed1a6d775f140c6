// What waits for a person.

import { read } from "./api.js";
import { el, empty, failed, fill } from "./dom.js";
import { announce, begin, heading, listen, main } from "./shell.js";
import { card as ticketCard, tick } from "./ticket.js";
import { card as toolCard } from "./tool.js";
import { plural } from "./words.js";

const SETTLED_MAX = 20;

let tickets = [];
let tools = [];
let tasks = [];
const queue = el("div.queue");
const settled = el("div.queue");

async function start() {
  fill(main, heading("Approvals", "Held actions and tool definitions. An approval counts for exactly what is shown, once."), queue, el("h2.section", "Settled"), settled);
  await begin();
  listen((event) => {
    if (event.event === "hop" && event.decision === "hold") {
      announce(`A held action waits: ${event.object}`);
      load();
    } else if (event.event === "ticket") put(event);
    else if (event.event === "tools") load();
  });
  await load();
  setInterval(() => tick(queue, tickets), 1000);
}

async function load() {
  try {
    [tickets, tools, tasks] = await Promise.all([read("/api/v1/tickets"), read("/api/v1/tools/waiting"), read("/v1/tasks")]);
    show();
  } catch (problem) {
    fill(queue, failed(problem, load));
  }
}

function put(ticket) {
  const at = tickets.findIndex((known) => known.ticket === ticket.ticket);
  if (at < 0) tickets.unshift(ticket);
  else tickets[at] = ticket;
  // A card in which somebody is writing stays: only the one that changed is drawn anew.
  const old = queue.querySelector(`[data-ticket="${CSS.escape(ticket.ticket)}"]`);
  if (old && ticket.state === "open") old.replaceWith(draw(ticket));
  else show();
}

function draw(ticket) {
  const element = ticketCard(ticket, tasks, (answered) => {
    announce(`Answered: ${answered.hop.object}`);
    put(answered);
  });
  element.dataset.ticket = ticket.ticket;
  return element;
}

function show() {
  const open = tickets.filter((ticket) => ticket.state === "open");
  const kept = new Map([...queue.querySelectorAll("article[data-ticket]")].map((card) => [card.dataset.ticket, card]));
  const cards = open.map((ticket) => kept.get(ticket.ticket) ?? draw(ticket));
  const waiting = [...cards, ...tools.map((tool) => toolCard(tool, load))];
  if (waiting.length) fill(queue, el("p.muted.count", `${plural(waiting.length, "thing waits", "things wait")} for a person`), waiting);
  else fill(queue, empty("approvals", "Nothing waits for a person", "When an agent asks for something that needs one, it shows here with its exact parameters and where each of them came from."));
  const done = tickets.filter((ticket) => ticket.state !== "open").slice(0, SETTLED_MAX);
  fill(settled, done.length ? done.map(line) : el("p.muted", "Nothing was settled yet."));
}

function line(ticket) {
  const details = el("details.settled", el("summary"));
  const said = { approved: "Approved, not used yet", rejected: "Rejected", expired: "Nobody answered", spent: "Approved and done" }[ticket.state] ?? ticket.state;
  fill(details.querySelector("summary"), el(`span.chip.${ticket.state === "spent" || ticket.state === "approved" ? "allow" : "deny"}`, said), el("code.object", ticket.hop.object), el("span.muted", ticket.rejected?.[0] ?? ticket.approvals.map((approval) => approval.by).join(", ")));
  details.addEventListener("toggle", () => details.open && details.children.length === 1 && details.append(draw(ticket)));
  return details;
}

start();
