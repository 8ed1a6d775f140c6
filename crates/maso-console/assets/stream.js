// What happens, as it happens: server-sent events, read by hand so that a lost connection resumes where it broke, even
// when the program was started anew in between.

import { signIn } from "./api.js";

const WAIT_MS_MIN = 500;
const WAIT_MS_MAX = 15_000;
// The server says something at least every 15 seconds; three times that is silence.
const SILENCE_MS_MAX = 45_000;
const LINE_CHARACTERS_MAX = 4_000_000;

/// Follows the stream. `heard` gets each event; `state` gets `connecting`, `open` or `lost`.
export function follow({ heard, state }) {
  let last = null;
  let wait_ms = WAIT_MS_MIN;
  let abort = null;
  let closed = false;

  async function run() {
    while (!closed) {
      state("connecting");
      abort = new AbortController();
      try {
        await once(abort);
      } catch {
        // Whatever went wrong, the answer is the same: say so, wait, and come back to where it broke.
      }
      if (closed) return;
      state("lost");
      await new Promise((done) => setTimeout(done, wait_ms * (0.75 + Math.random() / 2)));
      wait_ms = Math.min(wait_ms * 2, WAIT_MS_MAX);
    }
  }

  async function once(abort) {
    const headers = { accept: "text/event-stream" };
    if (last !== null) headers["last-event-id"] = last;
    const answer = await fetch("/api/v1/events", { headers, signal: abort.signal, cache: "no-store" });
    if (answer.status === 401) {
      closed = true;
      signIn();
      return;
    }
    if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
    wait_ms = WAIT_MS_MIN;
    state("open");
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    let data = [];
    let id = null;
    for (;;) {
      const silence = setTimeout(() => abort.abort(), SILENCE_MS_MAX);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      text += value;
      if (text.length > LINE_CHARACTERS_MAX) throw new Error("a line too long");
      const lines = text.split(/\r\n|\n|\r(?!$)/);
      text = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (id !== null) last = id;
          if (data.length) tell(data.join("\n"), last);
          data = [];
          id = null;
        } else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
        else if (line.startsWith("id:")) id = line.slice(3).trim();
      }
    }
  }

  function tell(text, id) {
    let event;
    try {
      event = JSON.parse(text);
    } catch {
      return;
    }
    heard(event, id);
  }

  addEventListener("pagehide", () => {
    closed = true;
    abort?.abort();
  });
  // A page that comes back from the browser's memory starts afresh, so that nothing on it is old.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  run();
}
