// Signing in, by passphrase or by a link that works once.

const PAGES = ["approvals", "agents", "posture", "record"];

const form = document.getElementById("form");
const problem = document.getElementById("problem");
const submit = document.getElementById("submit");
const wait = document.getElementById("wait");

if (!takeLink()) {
  // A session's cookie does not come along when another site's link leads here; then nobody needs to sign in again.
  ask("GET").then((answer) => answer?.ok && enter());
}

// A link that is opened where this page is open already changes nothing but the fragment.
addEventListener("hashchange", takeLink);

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const operator = form.elements.operator.value.trim();
  const passphrase = form.elements.passphrase.value;
  if (!operator || !passphrase) {
    say("Enter your operator name and passphrase.");
    (operator ? form.elements.passphrase : form.elements.operator).focus();
    return;
  }
  submit.disabled = true;
  const answer = await ask("POST", { means: "passphrase", operator, passphrase });
  submit.disabled = false;
  if (answer?.ok) {
    enter();
  } else {
    say(await why(answer, "The operator name or the passphrase is not right."));
    form.elements.passphrase.select();
  }
});

/// Signs in by the link in the fragment; false where there is none.
function takeLink() {
  const token = new URLSearchParams(location.hash.slice(1)).get("link");
  if (!token) return false;
  // The token leaves the address before anything else happens: it must not stay in the history.
  history.replaceState(null, "", location.pathname + location.search);
  byLink(token);
  return true;
}

async function byLink(token) {
  form.hidden = true;
  wait.hidden = false;
  const answer = await ask("POST", { means: "link", token });
  if (answer?.ok) {
    enter();
    return;
  }
  wait.hidden = true;
  form.hidden = false;
  const fallback = "This link does not sign anyone in: it was used already, or it has expired. Sign in with your passphrase, or start again for a new link.";
  say(await why(answer, fallback));
}

/// One request about the session; `null` if nobody answered.
async function ask(method, body) {
  const headers = body ? { "content-type": "application/json" } : {};
  try {
    return await fetch("/api/v1/session", { method, headers, body: body && JSON.stringify(body) });
  } catch {
    return null;
  }
}

async function why(answer, refused) {
  if (!answer) return "maso does not answer. Is it still running?";
  if (answer.status === 401) return refused;
  const told = await answer.json().catch(() => null);
  const title = told?.title ?? `maso answered with status ${answer.status}`;
  return title.charAt(0).toUpperCase() + title.slice(1) + ".";
}

function say(text) {
  problem.textContent = text;
  problem.hidden = false;
}

function enter() {
  const next = new URLSearchParams(location.search).get("next");
  location.replace(PAGES.includes(next) ? `/console/${next}` : "/console");
}
