// The flight record: the latest records, how each follows from the one before, and the head of the chain.

import { order, read } from "./api.js";
import { copy, digest, el, empty, failed, fill, foreign, icon, named, plain } from "./dom.js";
import { party } from "./hop.js";
import { announce, start } from "./shell.js";
import { ago, clock, DECISIONS, duration, plural, title, verb, wholeTime, ZONE } from "./words.js";

const PAGE = 100;
const RECORDS_MAX = 500;

let records = [];
let opened = wantedNow();
let loaded = false;
let latest = true;
let loading = null;
/// An id that the shown records are about; empty for all of them.
let subject = new URLSearchParams(location.search).get("about") ?? "";
/// From which record on there is more about that id.
let next = null;
/// What came of the latest check of the whole record.
let verified = null;

const head = el("section.chain-head");
const body = el("tbody");
const note = el("div.note-area");
const aside = el("aside.drawer", { hidden: true, "aria-label": "Record", tabindex: "-1" });
const wanted = el("input", { type: "search", placeholder: "Number, id of a hop, ticket or task, or agent:name", "aria-label": "Find a record", spellcheck: "false", autocomplete: "off" });
const problem = el("span.found-nothing", { role: "status" });
const newest = el("button.button", { type: "button", click: toLatest, hidden: true }, "Latest");
fill(
  document.getElementById("main"),
  el(
    "div.live",
    el(
      "div.column",
      el("div.page-head", el("h1", "Record"), el("p.sub", "Everything that happened, in order. Each record carries the hash of the one before it."), newest),
      head,
      el("form.toolbar", { role: "search", submit: find }, el("span.search", icon("search"), wanted), el("button.button", { type: "submit" }, "Find"), problem),
      el("div.table-frame", el("table.records", el("thead", el("tr", ...["No.", `Time (${ZONE})`, "What", "About", "Hash"].map((name) => el("th", { scope: "col" }, name)))), body), note),
    ),
    aside,
  ),
);
fill(note, el("div.loading", "Loading the record…"));

start({
  heard() {
    if (latest) loadSoon();
  },
  opened: () => load(),
});
addEventListener("hashchange", () => {
  opened = wantedNow();
  if (records.some((record) => record.sequence === opened)) draw();
  else if (opened) load();
});
addEventListener("keydown", (event) => event.key === "Escape" && !aside.hidden && close());

function wantedNow() {
  const number = Number(location.hash.slice(1));
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}

function loadSoon() {
  loading ??= setTimeout(() => {
    loading = null;
    load();
  }, 500);
}

async function load() {
  try {
    const status = await read("/api/v1/status");
    verified ??= await read("/api/v1/verification");
    drawHead(status);
    if (subject) {
      latest = false;
      ({ records, next } = await about(subject, 1));
      loaded = true;
      if (records.length) draw();
      else nothing();
      return;
    }
    const far = opened && opened <= status.n_records - PAGE;
    latest = !far;
    records = await read(far ? `/api/v1/records?from=${Math.max(1, opened - PAGE / 2)}&limit=${PAGE}` : `/api/v1/records?limit=${PAGE}`);
    loaded = true;
    draw();
  } catch (problem) {
    if (!loaded) fill(note, failed(problem, load));
  }
}

/// A page of what is on the record about an id. A long record is searched in steps, some of which find nothing.
async function about(id, from) {
  let page;
  do page = await read(`/api/v1/records/about/${encodeURIComponent(id)}?from=${page?.next ?? from}&limit=${PAGE}`);
  while (!page.records.length && page.next);
  return page;
}

async function more(event) {
  const button = event.currentTarget;
  button.disabled = true;
  const id = subject;
  try {
    const page = await about(id, next);
    if (subject !== id) return;
    const known = new Set(records.map((record) => record.sequence));
    records = [...records, ...page.records.filter((record) => !known.has(record.sequence))];
    next = page.next;
    draw();
  } catch (problem) {
    fill(note, failed(problem, () => draw()));
  }
}

function nothing() {
  records = [];
  loaded = true;
  newest.hidden = false;
  fill(body);
  fill(note, empty("search", "Nothing on the record is about it", `No record names \u201C${subject}\u201D. Ids are found by their whole length.`));
}

/// A number opens that record; anything else is looked for as an id.
function find(event) {
  event.preventDefault();
  const text = wanted.value.trim().replace(/^No\.\s*/i, "");
  fill(problem);
  if (!text) toLatest();
  else if (/^[\d,.\u2019' ]+$/.test(text)) {
    subject = "";
    history.replaceState(null, "", `${location.pathname}#${text.replace(/\D/g, "")}`);
    opened = wantedNow();
    load().then(() => records.some((record) => record.sequence === opened) || fill(problem, `There is no record ${opened ?? text} yet.`));
  } else {
    subject = text;
    opened = null;
    aside.hidden = true;
    history.replaceState(null, "", `${location.pathname}?about=${encodeURIComponent(text)}`);
    load();
  }
}

async function older(event) {
  const button = event.currentTarget;
  button.disabled = true;
  const first = records[0].sequence;
  const from = Math.max(1, first - PAGE);
  try {
    records = [...(await read(`/api/v1/records?from=${from}&limit=${first - from}`)), ...records].slice(0, RECORDS_MAX);
    latest = false;
    draw();
  } catch (problem) {
    fill(note, failed(problem, () => draw()));
  }
}

function toLatest() {
  history.replaceState(null, "", location.pathname);
  opened = null;
  subject = wanted.value = "";
  fill(problem);
  aside.hidden = true;
  load();
}

/// Has the whole record checked on the server, with the code of `maso log verify`.
async function verify(event) {
  const button = event.currentTarget;
  button.disabled = true;
  button.lastChild.textContent = "Checking…";
  try {
    verified = await order("/api/v1/verification");
    announce(verified.verified ? "The record holds." : "The record is broken.");
  } catch (refused) {
    fill(problem, refused.message);
  }
  await load();
}

function standing() {
  if (!verified) return el("p.standing", icon("warn"), el("span", "Not checked as a whole since this server started."));
  const when = [el("time", { title: wholeTime(verified.at) }, ago(verified.at)), `, ${plural(verified.records, "record")} and ${plural(verified.payloads, "payload")} in ${verified.took_ms < 1000 ? `${verified.took_ms} ms` : duration(verified.took_ms)}`];
  if (verified.verified) return el("p.standing.good", icon("allow"), el("span", el("strong", "It holds. "), "Checked ", when, "."));
  return el(
    "div.standing.bad", { role: "alert" }, icon("deny"),
    el("div", el("strong", `Broken: ${plural(verified.n_problems, "problem")}. `), "Checked ", when, ".",
      el("ul", verified.problems.map((one) => el("li", one.sequence > 0 && [el("a", { href: `#${one.sequence}` }, `No. ${one.sequence.toLocaleString("en")}`), " "], foreign("span", one.what))))),
  );
}

function drawHead(status) {
  fill(
    head,
    el("div", el("span.key", "Records"), el("strong.figure", status.n_records.toLocaleString("en"))),
    el("div.head-hash", el("span.key", "Head of the chain"), el("code", plain(status.head || "the log is empty")), status.head && copy(status.head)),
    el("button.button.verify", { type: "button", click: verify }, icon("record"), "Verify now"),
    standing(),
    el("p.muted", "Note the head somewhere else from time to time: whoever has it can tell that nothing was cut off or written anew. ", el("code", "maso log verify"), " checks the same without this server."),
  );
}

function draw() {
  newest.hidden = latest;
  const byNumber = new Map(records.map((record) => [record.sequence, record]));
  fill(body, [...records].sort((one, other) => other.sequence - one.sequence).map((record) => row(record, byNumber.get(record.sequence - 1))));
  if (subject && next && records.length < RECORDS_MAX) fill(note, el("p.centre", el("button.button", { type: "button", click: more }, "Later records about it")));
  else if (subject) fill(note, el("p.end", next ? `The first ${records.length} records about ` : "Everything on the record about ", foreign("span", subject), "."));
  else if (!records.length) fill(note, empty("record", "The record is empty", "The first record is written when the deployment is opened."));
  else if (records.length >= RECORDS_MAX) fill(note, el("p.end", `${RECORDS_MAX} records are shown. Open one by its number to go further back.`));
  else if (records[0].sequence > 1) fill(note, el("p.centre", el("button.button", { type: "button", click: older }, "Older records")));
  else fill(note, el("p.end", "The beginning of the record."));
  const record = byNumber.get(opened);
  if (record) show(record);
}

function row(record, before) {
  const broken = before && before.hash !== record.previous;
  return el(
    `tr${record.sequence === opened ? ".opened" : ""}`,
    { "data-sequence": record.sequence },
    el("td.number", el("a", { href: `#${record.sequence}` }, record.sequence.toLocaleString("en"))),
    el("td.time", el("time", { title: wholeTime(record.at) }, clock(record.at))),
    el("td.kind", el(`span.kind-name.kind-${kindGroup(record.body.kind)}`, plain(title(String(record.body.kind).replaceAll("-", " "))))),
    el("td.about", line(record.body)),
    el("td.hash", broken ? el("span.warned", icon("warn"), "does not follow") : null, digest(record.hash, 10)),
  );
}

const kindGroup = (kind) => (/^hop|^dry-run/.test(kind) ? "hop" : /^ticket|^tool/.test(kind) ? "person" : /^phase|^killed|^revoked/.test(kind) ? "posture" : "other");

/// One line about a record.
function line(body) {
  switch (body.kind) {
    case "hop-decided":
      return [party(body.from), " ", el("span.muted", plain(verb(body))), " ", named("code.object", body.object), el(`span.said.${["allow", "hold", "deny"].includes(body.decision) ? body.decision : "deny"}`, DECISIONS[body.decision] ?? plain(body.decision))];
    case "hop-released":
      return [plain(body.outcome), el("span.muted", ` in ${body.took_ms} ms: `), el("a", { href: `?about=${encodeURIComponent(body.hop)}` }, foreign("code", body.hop.length > 18 ? body.hop.slice(0, 17) + "…" : body.hop))];
    case "dry-run-started":
      return [foreign("strong", body.agent), el("span.muted", " tries out "), named("code.object", body.of), el("span.muted", " by "), foreign("code", body.tool)];
    case "dry-run-ended":
      return [foreign("code", body.tool), el(`span.said.${body.outcome === "succeeded" ? "allow" : "deny"}`, plain(body.outcome)), el("span.muted", ` in ${body.took_ms} ms`)];
    case "ticket-answered":
      return [foreign("strong", body.by), body.answer === "approve" ? " approved" : " rejected", body.reason && [": ", foreign("q", body.reason)]];
    case "phase-changed":
      return [foreign("strong", body.scope), ` ${body.from} → ${body.to}: `, foreign("span", body.trigger)];
    case "killed":
      return [foreign("strong", body.scope), " by ", foreign("span", body.by), ": ", foreign("span", body.reason)];
    case "task-opened":
      return foreign("q", body.words);
    case "task-assessed":
      return [foreign("strong", body.by), ` ${body.met ? "met" : "missed"} `, foreign("code", body.criterion), ": ", foreign("q", body.reason)];
    case "task-evaluated":
      return [foreign("strong", body.agent), " ", el(body.class === "creative-substitution" ? "strong.warned" : "span", plain(title(String(body.class).replaceAll("-", " ")))), el("span.muted", ` means ${body.means}, outcome ${body.outcome}`)];
    case "tool-seen":
    case "tool-approved":
      return [foreign("code.object", body.tool), body.by && [" by ", foreign("strong", body.by)]];
    case "operator-session":
      return [foreign("strong", body.operator), " ", plain(String(body.event).replaceAll("-", " ")), el("span.muted", " by ", plain(body.means))];
    case "started":
      return [foreign("strong", body.deployment), el("span.muted", ` ${body.mode}, version ${body.version}`)];
    default:
      return el("span.muted", plain(body.subject ?? body.task ?? body.ticket ?? body.hop ?? ""));
  }
}

function show(record) {
  fill(
    aside,
    el("div.drawer-bar", el("span", `Record ${record.sequence.toLocaleString("en")}`), el("button.quiet.icon-only", { type: "button", "aria-label": "Close details", click: close }, icon("close"))),
    el(
      "div.details",
      el("h2.details-title", title(String(record.body.kind).replaceAll("-", " "))),
      el("p.muted", wholeTime(record.at)),
      el("dl.facts", fact("Hash", record.hash), fact("Previous", record.previous)),
      el("section.part", el("h3", "As it was written"), foreign("pre.json", JSON.stringify(record.body, null, 2), { tabindex: "0" })),
      el("p", el("button.button", { type: "button", click: (event) => link(event.currentTarget, record.sequence) }, icon("copy"), "Copy a link to this record")),
    ),
  );
  const fresh = aside.hidden;
  aside.hidden = false;
  if (fresh) {
    aside.focus({ preventScroll: true });
    body.querySelector(".opened")?.scrollIntoView({ block: "center" });
  }
}

const fact = (name, value) => el("div", el("dt", name), el("dd", el("code.long", plain(value)), " ", copy(value)));

async function link(button, sequence) {
  const done = await navigator.clipboard?.writeText(`${location.origin}/console/record#${sequence}`).then(() => true, () => false);
  button.lastChild.textContent = done ? "Copied" : "The browser did not allow copying";
}

function close() {
  aside.hidden = true;
  const element = body.querySelector(".opened");
  element?.classList.remove("opened");
  element?.querySelector("a")?.focus({ preventScroll: true });
  opened = null;
  history.replaceState(null, "", location.pathname);
}
