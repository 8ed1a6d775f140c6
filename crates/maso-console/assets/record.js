// The record: its latest entries, and its head.

import { read } from "./api.js";
import { digest, el, empty, failed, fill, foreign, icon } from "./dom.js";
import { begin, heading, listen, main } from "./shell.js";
import { clock, wholeTime } from "./words.js";

const PAGE = 100;
const ROWS_MAX = 500;

let records = [];
const rows = el("tbody");
const older = el("button.button", { type: "button", click: loadOlder }, "Older");

async function start() {
  fill(
    main,
    heading("Record", "Append-only and hash-chained: each entry names the one before it. Verify it with `maso log verify`, or with code of your own.", older),
    el("div.list", el("table.records", el("thead", el("tr", ["No.", "Time", "Kind", "What", "Hash"].map((name) => el("th", { scope: "col" }, name)))), rows)),
  );
  await begin();
  listen((_, id) => id && Number(id) > (records[0]?.sequence ?? 0) && loadNewer());
  const wanted = Number(location.hash.slice(1));
  await load(wanted > 0 ? `?from=${Math.max(1, wanted - 20)}&limit=${PAGE}` : `?limit=${PAGE}`);
  if (wanted > 0) document.getElementById(`record-${wanted}`)?.focus();
}

async function load(query) {
  try {
    take(await read(`/api/v1/records${query}`));
  } catch (problem) {
    fill(rows, el("tr", el("td", { colspan: "5" }, failed(problem, () => load(query)))));
  }
}

const loadNewer = () => load(`?from=${(records[0]?.sequence ?? 0) + 1}&limit=${PAGE}`);

async function loadOlder() {
  const first = records.at(-1)?.sequence ?? 1;
  if (first > 1) await load(`?from=${Math.max(1, first - PAGE)}&limit=${PAGE}`);
}

function take(page) {
  const known = new Set(records.map((record) => record.sequence));
  records = [...records, ...page.filter((record) => !known.has(record.sequence))].sort((one, other) => other.sequence - one.sequence).slice(0, ROWS_MAX);
  older.disabled = (records.at(-1)?.sequence ?? 1) <= 1;
  if (records.length) fill(rows, records.map(row));
  else fill(rows, el("tr", el("td", { colspan: "5" }, empty("record", "Nothing is on the record yet", "The first entry is written when a process opens the deployment."))));
}

function row(record) {
  const { kind, ...rest } = record.body;
  const whole = el("tr.whole", { hidden: true }, el("td", { colspan: "5" }, foreign("pre", JSON.stringify(record, null, 2))));
  const toggle = () => (whole.hidden = !whole.hidden);
  return [
    el(
      "tr.hop",
      { id: `record-${record.sequence}`, tabindex: "0", click: toggle, keydown: (event) => event.key === "Enter" && toggle() },
      el("td.number", record.sequence.toLocaleString("en")),
      el("td.time", { title: wholeTime(record.at) }, clock(record.at)),
      el("td", el("span.tag", foreign("span", kind))),
      el("td.what", foreign("span", summary(kind, rest))),
      el("td", icon("record"), digest(record.hash)),
    ),
    whole,
  ];
}

function summary(kind, body) {
  if (kind === "hop-decided") return `${body.decision}: ${body.from ?? "somebody"} → ${body.to} ${body.verb} ${body.object}`;
  if (kind === "hop-released") return `${body.outcome} after ${body.took_ms} ms`;
  const words = ["task", "ticket", "tool", "scope", "operator", "subject", "to", "answer", "event", "by", "reason", "trigger", "words", "role", "mode"];
  return words.filter((word) => typeof body[word] === "string").map((word) => `${word} ${body[word]}`).join(", ");
}

start();
