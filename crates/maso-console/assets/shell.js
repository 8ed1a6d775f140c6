// What every page has: how the deployment stands, the banners, the stream, and who is signed in.

import { read, signOut } from "./api.js";
import { el, fill, icon, plain } from "./dom.js";
import { phase } from "./evidence.js";
import { follow } from "./stream.js";
import { PHASES, PHASE_MEANING, TIERS, title } from "./words.js";

const STATUS_WAIT_MS = 250;
const STATUS_EVERY_MS = 15_000;

const at = (id) => document.getElementById(id);

export const main = at("main");
/// The name of who is signed in, once it is known.
export let operator = "";
let roles = [];

/// In the order in which each may do what those before it may, as to posture.
const OFFICES = ["operator", "supervisor", "security", "incident-commander"];
/// Whether whoever is signed in holds an office that is enough. The server decides; this only says so beforehand.
export const mayAs = (office) => roles.some((role) => OFFICES.indexOf(role) >= OFFICES.indexOf(office));
/// Whether whoever is signed in may answer held actions and approve definitions.
export const mayAnswer = () => roles.includes("supervisor");

let status = null;
let reachable = true;
let connection = "connecting";
let asked = null;
let drawnBanners = "";

/// Starts a page. `heard` gets each event of the stream; `opened` is called whenever the stream has opened, which is when
/// a snapshot misses nothing that follows.
export function start({ heard = () => {}, opened = () => {} }) {
  at("sign-out").addEventListener("click", signOut);
  refresh();
  setInterval(refresh, STATUS_EVERY_MS);
  follow({
    heard(event, id) {
      refreshSoon();
      heard(event, id);
    },
    state(now) {
      connection = now;
      draw();
      if (now !== "connecting") refresh();
      if (now === "open") opened();
    },
  });
}

/// Says something to people who hear the page.
export function announce(text) {
  // An unchanged text is not read out: it is emptied in between.
  at("announce").textContent = "";
  setTimeout(() => (at("announce").textContent = text), 50);
}

/// A page's heading.
export const heading = (text, about, ...rest) => el("div.page-head", el("h1", text), el("p.sub", about), ...rest);

function refreshSoon() {
  asked ??= setTimeout(() => {
    asked = null;
    refresh();
  }, STATUS_WAIT_MS);
}

async function refresh() {
  try {
    status = await read("/api/v1/status");
    reachable = true;
  } catch {
    reachable = false;
  }
  draw();
}

/// Settled when it is known who is signed in, or that nobody can tell.
export const session = showSession();

async function showSession() {
  try {
    ({ operator, roles } = await read("/api/v1/session"));
    fill(at("operator"), plain(operator));
    fill(at("roles"), plain(roles.map((role) => role.replaceAll("-", " ")).join(", ")));
  } catch {
    fill(at("operator"), "unknown");
  }
}

function draw() {
  drawBanners();
  if (!status) return;
  drawStrip();
  const n_waiting = status.n_open_tickets + status.n_waiting_tools;
  badge("waiting", n_waiting, ["waits", "wait"]);
  badge("questions", status.n_open_questions, ["question waits", "questions wait"]);
  const observing = status.mode === "observe" ? "OBSERVING · " : "";
  const n_all = n_waiting + status.n_open_questions;
  document.title = (n_all ? `(${n_all}) ` : "") + observing + document.title.replace(/^(\(\d+\) )?(OBSERVING · )?/, "");
}

/// How much waits for a person, beside the page where it does.
function badge(id, count, [one, many]) {
  at(id).hidden = count === 0;
  fill(at(id), String(count), el("span.visually-hidden", ` ${count === 1 ? one : many}`));
}

function drawBanners() {
  const wanted = [];
  if (status?.mode === "observe") {
    wanted.push(["observe", "eye", "OBSERVING: nothing is blocked", "Decisions are recorded and do not bind. Only unknown senders and what a person stopped are refused."]);
  }
  if (status && status.phase !== "primary") {
    const kind = PHASES.includes(status.phase) ? status.phase : "emergency";
    wanted.push([`pace.phase-${kind}`, "warn", `${title(status.phase)}.`, binding(status), "/console/posture"]);
  }
  if (!reachable) {
    wanted.push(["unreachable", "warn", "maso does not answer", "What you see may be out of date. This page tries again by itself."]);
  }
  // Drawn anew only when they change: an alert that is rewritten is read out again.
  const key = JSON.stringify(wanted);
  if (key === drawnBanners) return;
  drawnBanners = key;
  fill(
    at("banners"),
    wanted.map(([kind, image, head, text, href]) =>
      el(`div.banner.${kind}`, { role: "alert" }, icon(image), el("strong", head), el("span", text), href && el("a", { href }, "See posture")),
    ),
  );
}

/// What the deployment's phase does. What only observes moves no phase, so a person's stop is all that binds there.
function binding({ mode, phase }) {
  if (mode !== "observe") return PHASE_MEANING[phase] ?? "";
  return phase === "emergency" ? "A person stopped everything, and that binds in observe mode too." : "In observe mode only what a person stopped is refused.";
}

const CONNECTIONS = { open: "Live", connecting: "Connecting…", lost: "Connection lost, trying again" };

function drawStrip() {
  fill(
    at("strip"),
    el("strong.deployment", { title: status.trust_domain }, el("bdi", plain(status.deployment))),
    item("Tier", `${status.tier} ${TIERS[status.tier] ?? ""}`),
    el("span.item", el("span.key", "PACE"), phase(status.phase)),
    el(`span.item.mode-${status.mode === "enforce" ? "enforce" : "observe"}`, el("span.key", "Mode"), plain(status.mode)),
    el("span.item", { title: status.digest }, el("span.key", "Version"), el("span", plain(signedBy(status)))),
    item("Records", status.n_records.toLocaleString("en")),
    el(`span.connection.${connection}`, { title: `maso ${status.version}` }, el("i", { "aria-hidden": "true" }), CONNECTIONS[connection]),
  );
}

const signedBy = ({ signers }) => (signers.length ? `signed by ${signers.join(", ")}` : "UNSIGNED");

const item = (key, value) => el("span.item", el("span.key", key), el("span", plain(value)));
