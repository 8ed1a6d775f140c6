// What every page shares: the status strip, the banners, who is signed in, and the stream of what happens.

import { read, remove } from "./api.js";
import { digest, el, fill, icon, plain } from "./dom.js";
import { phase } from "./evidence.js";
import { follow } from "./stream.js";
import { PHASE_MEANING, TIERS, plural, title } from "./words.js";

const REFRESH_MS = 15_000;

export const main = document.getElementById("main");
const strip = document.getElementById("strip");
const banners = document.getElementById("banners");
const waiting = document.getElementById("waiting");
const announcer = document.getElementById("announce");

let status = null;
let connection = "connecting";
const listeners = [];

/// Calls `heard` for each event on the stream.
export function listen(heard) {
  listeners.push(heard);
}

/// Tells people who cannot see the page.
export function announce(text) {
  announcer.textContent = text;
}

/// Begins: who is signed in, how the deployment stands, and everything from here on.
export async function begin() {
  document.getElementById("sign-out").addEventListener("click", async () => {
    await remove("/api/v1/session").catch(() => null);
    location.replace("/console/sign-in");
  });
  read("/api/v1/session").then(showOperator, () => null);
  await refresh();
  setInterval(refresh, REFRESH_MS);
  follow({
    heard(event, id) {
      if (event.event !== "hop") refresh();
      else if (event.decision === "hold") refresh();
      for (const heard of listeners) heard(event, id);
    },
    state(now) {
      connection = now;
      showStrip();
    },
  });
}

function showOperator(session) {
  fill(document.getElementById("operator"), plain(session.operator));
  fill(document.getElementById("roles"), session.roles.map((role) => el("span.role", plain(role.replaceAll("-", " ")))));
}

async function refresh() {
  try {
    status = await read("/api/v1/status");
  } catch {
    return;
  }
  const n_waiting = status.n_open_tickets + status.n_waiting_tools;
  waiting.hidden = n_waiting === 0;
  waiting.textContent = String(n_waiting);
  waiting.setAttribute("aria-label", plural(n_waiting, "thing waits", "things wait"));
  showBanners();
  showStrip();
}

function showBanners() {
  const shown = [];
  if (status.mode === "observe") {
    shown.push(el("div.banner.loud", { role: "alert" }, icon("eye"), el("strong", "OBSERVING: nothing is blocked"), el("span", "Decisions are recorded, and every hop is let through.")));
  }
  if (status.phase !== "primary") {
    const kind = status.phase === "emergency" ? ".danger" : "";
    shown.push(el(`div.banner${kind}`, { role: "alert" }, icon("stop"), el("strong", `${title(status.phase)}`), el("span", PHASE_MEANING[status.phase] ?? ""), el("a", { href: "/console/posture" }, "See posture")));
  }
  fill(banners, shown);
}

const CONNECTIONS = { open: ["Live", "good"], connecting: ["Connecting…", "wait"], lost: ["Connection lost, trying again", "bad"] };

function showStrip() {
  if (!status) return;
  const [said, kind] = CONNECTIONS[connection];
  fill(
    strip,
    el("span.deployment", plain(status.deployment)),
    el("span.fact", `tier ${status.tier}`, el("span.muted", ` ${TIERS[status.tier] ?? ""}`)),
    el("span.fact", phase(status.phase)),
    el("span.fact", el("span.muted", "record "), status.n_records.toLocaleString("en")),
    el("span.fact.head", el("span.muted", "head "), digest(status.head)),
    el(`span.connection.${kind}`, { role: "status" }, el("i", { "aria-hidden": "true" }), said),
  );
}

/// A page's heading.
export const heading = (text, about, ...rest) => el("div.heading", el("div", el("h1", text), about && el("p.muted", about)), el("div.actions", rest));
