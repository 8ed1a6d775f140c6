// Building what is shown. Text becomes text nodes and nothing else: no module writes markup.

const SVG = "http://www.w3.org/2000/svg";

/// An element: `el("p.note", { title: "…" }, "text", child)`. Functions among the attributes are listeners.
export function el(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  const first = rest[0];
  const hasAttributes = first && typeof first === "object" && !Array.isArray(first) && !(first instanceof Node);
  for (const [key, value] of Object.entries(hasAttributes ? first : {})) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  add(element, hasAttributes ? rest.slice(1) : rest);
  return element;
}

/// An element of a drawing: `svg("path.wire", { d: "…" }, child)`.
export function svg(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElementNS(SVG, tag);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, String(value));
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) add(element, child);
    else if (child !== undefined && child !== null && child !== false && child !== "") element.append(child);
  }
}

/// Empties an element and fills it anew.
export function fill(element, ...children) {
  element.replaceChildren();
  add(element, children);
  return element;
}

/// An icon of the page's sprite.
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

// Control and format characters, unassigned ones, and blanks that look like others or like nothing.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cn}\p{Co}\p{Cs}\u00A0\u034F\u115F\u1160\u17B4\u17B5\u180B-\u180D\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\u3164\uFE00-\uFE0F\uFFA0\u{E0100}-\u{E01EF}]/gu;
const ORDINARY = new Set(["\n", "\t"]);
const UNSEEN_SHOWN_MAX = 200;

/// Foreign text with nothing hidden in it: each character that could not be seen, or that turns others around, is shown
/// by its number.
export function plain(text) {
  const fragment = document.createDocumentFragment();
  const whole = String(text ?? "");
  let from = 0;
  let shown = 0;
  for (const match of whole.matchAll(UNSEEN)) {
    if (ORDINARY.has(match[0])) continue;
    if (shown >= UNSEEN_SHOWN_MAX) {
      const left = [...whole.slice(from)].filter((character) => character.match(UNSEEN) && !ORDINARY.has(character)).length;
      fragment.append(el("span.unseen", `… ${left} more characters that cannot be seen, left out here`));
      fragment.append(whole.slice(from).replace(UNSEEN, (character) => (ORDINARY.has(character) ? character : "")));
      return fragment;
    }
    fragment.append(whole.slice(from, match.index));
    const number = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    fragment.append(el("span.unseen", { title: "A character that cannot be seen" }, `U+${number}`));
    from = match.index + match[0].length;
    shown += 1;
  }
  fragment.append(whole.slice(from));
  return fragment;
}

/// A name such as `claims-db:read_policy`, which breaks between its parts and nowhere else.
export function named(name, text, attributes = {}) {
  const parts = String(text ?? "").split(/(?<=[:/])(?=.)/);
  return el(name, attributes, el("bdi", parts.map((part, index) => [index > 0 && el("wbr"), plain(part)])));
}

/// Foreign text in an element of its own, whose direction cannot leak.
export function foreign(name, text, attributes = {}) {
  return el(name, attributes, el("bdi", plain(text)));
}

/// Foreign text in which what stands between backticks is set as code.
export function prose(name, text, attributes = {}) {
  const parts = String(text ?? "").split(/`([^`]{1,400})`/);
  return el(name, attributes, el("bdi", parts.map((part, index) => (index % 2 ? el("code", plain(part)) : plain(part)))));
}

/// Whether a text has letters beyond ASCII, which may look like others.
export function hasLookalikes(text) {
  return /[^\x00-\x7F]/.test(String(text).replace(UNSEEN, ""));
}

/// An empty state: what would be here, and when.
export function empty(name, title, text) {
  return el("div.empty", icon(name), el("p.empty-title", title), el("p", text));
}

/// A state of failure, with the way out.
export function failed(problem, retry) {
  return el(
    "div.empty.failed",
    { role: "alert" },
    icon("warn"),
    el("p.empty-title", "This could not be loaded"),
    el("p", problem.message),
    problem.help && el("p.muted", problem.help),
    retry && el("button.button", { type: "button", click: retry }, "Try again"),
  );
}

/// A short form of a digest or id with the whole beside it to copy.
export function digest(text, length = 12) {
  const whole = String(text ?? "");
  const bare = whole.replace(/^sha-?256:/, "");
  const short = bare.length > length ? bare.slice(0, length) + "…" : bare;
  return el("span.digest", { title: whole }, short, copy(whole));
}

/// A button that copies a text.
export function copy(text) {
  const button = el("button.copy", { type: "button", "aria-label": "Copy", title: "Copy" }, icon("copy"));
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const done = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    button.title = done ? "Copied" : "The browser did not allow copying";
    button.classList.toggle("done", Boolean(done));
    setTimeout(() => button.classList.remove("done"), 1200);
  });
  return button;
}
