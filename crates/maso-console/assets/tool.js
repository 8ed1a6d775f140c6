// A tool definition that waits for a person, with the difference to the approved one.

import { order } from "./api.js";
import { digest, el, fill, foreign, icon } from "./dom.js";
import { findings } from "./evidence.js";

const LINES_MAX = 400;

/// A card for a definition. `approved` is called when it was.
export function card(tool, approved) {
  const problem = el("p.problem", { role: "alert", hidden: true });
  const button = el(
    "button.button.good",
    {
      type: "button",
      click: async () => {
        button.disabled = true;
        try {
          await order("/api/v1/tools/approved", { tool: tool.tool, digest: tool.digest });
          approved();
        } catch (refused) {
          button.disabled = false;
          problem.hidden = false;
          fill(problem, icon("warn"), refused.message, " ", refused.help ?? "");
        }
      },
    },
    icon("allow"),
    "Approve this definition",
  );
  return el(
    "article.card",
    { "aria-label": `Tool definition ${tool.tool}` },
    el(
      "header",
      el("div", el("h2", icon("tool"), foreign("code.object", tool.tool)), el("p.muted", tool.approved ? "changed its definition; it is blocked until a person approves the change" : "has a definition that nobody approved; it is blocked until a person does")),
      el("div.marks", digest(tool.digest)),
    ),
    el("h3", "What the scanners said"),
    findings(tool.findings, "Nothing speaks against the text. That is no proof of what the tool does."),
    el("h3", tool.approved ? "What changed" : "The definition"),
    difference(tool.difference),
    el("footer", el("span.muted", "Blocked until approved"), el("div.answer", button, problem)),
  );
}

const KINDS = { "+": "added", "-": "removed" };

function difference(lines) {
  const shown = lines.slice(0, LINES_MAX);
  return el(
    "pre.difference",
    { tabindex: "0", "aria-label": "Difference" },
    shown.map((line) => el(`span.line${KINDS[line[0]] ? "." + KINDS[line[0]] : ""}`, foreign("span", line))),
    lines.length > LINES_MAX && el("span.line", `… ${lines.length - LINES_MAX} more lines`),
  );
}
