// The HTTP API. Whoever is signed out is led to the sign-in page.

/// What the API said when it refused.
export class Refused extends Error {
  constructor(status, problem) {
    const title = problem?.title ?? (status ? `maso answered with status ${status}` : "maso does not answer");
    super(title.charAt(0).toUpperCase() + title.slice(1) + (/[.!?]$/.test(title) ? "" : "."));
    this.status = status;
    this.code = problem?.code ?? "";
    const help = problem?.help ?? "";
    this.help = help && help.charAt(0).toUpperCase() + help.slice(1) + (/[.!?]$/.test(help) ? "" : ".");
  }
}

export const read = (path) => request("GET", path);
export const order = (path, body) => request("POST", path, body);
const remove = (path) => request("DELETE", path);

async function request(method, path, body) {
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new Refused(0, { title: "maso does not answer", help: "check that it still runs; this page tries again by itself" });
  }
  if (answer.status === 401) {
    signIn();
    throw new Refused(401, { title: "you are signed out" });
  }
  if (!answer.ok) throw new Refused(answer.status, await answer.json().catch(() => null));
  if (answer.status === 204) return null;
  return answer.json();
}

let isLeaving = false;

/// Leads to the sign-in page, and back here afterwards.
export function signIn() {
  const page = location.pathname.replace(/^\/console\/?/, "");
  leave(page ? `/console/sign-in?next=${encodeURIComponent(page)}` : "/console/sign-in");
}

/// Ends the session, and leads to the sign-in page.
export async function signOut() {
  await remove("/api/v1/session").catch(() => null);
  leave("/console/sign-in");
}

/// Leaves once: many requests may learn at the same time that nobody is signed in any more.
function leave(to) {
  if (isLeaving) return;
  isLeaving = true;
  location.replace(to);
}
