// One tool definition that waits for a person, with what changed in it.

import { order } from "./api.js";
import { digest, el, fill, icon, named, plain } from "./dom.js";
import { facts, findings } from "./evidence.js";
import { section } from "./hop.js";
import { announce, mayAnswer } from "./shell.js";
import { plural } from "./words.js";

const LINES_MAX = 1_000;

/// A waiting definition with what approves it. `answered` is called when it was; `again` looks it up anew.
export function toolDetails(tool, { answered, again }) {
  const hasChanged = Boolean(tool.approved);
  const count = (sign) => tool.difference.filter((line) => line.startsWith(sign)).length;
  return el(
    "article.details.tool",
    { "data-tool": tool.tool },
    el("div.details-head", el(`span.chip.${hasChanged ? "deny" : "hold"}`, icon(hasChanged ? "warn" : "hold"), hasChanged ? "Changed after approval" : "Never approved")),
    el("h2.details-title", named("code.object", tool.tool)),
    el("p.lead", hasChanged
      ? "The server now publishes another definition than the one that a person approved. The tool is blocked until somebody approves the new one."
      : "Nobody has approved this tool's definition. The tool is blocked until somebody does."),
    section("What the scanners said", findings(tool.findings, "Nothing speaks against the text. That is no proof of what the tool does.")),
    section(
      hasChanged ? "What changed" : "What it says",
      el("p.muted", hasChanged && `${plural(count("+"), "line")} added, ${plural(count("-"), "line")} removed. `, "The server wrote all of this, and agents' models read it as it is."),
      el("div.difference", { role: "group", "aria-label": "Line difference", tabindex: "0" }, difference(tool)),
    ),
    section("Details", facts(["Definition", digest(tool.digest, 20)])),
    approveForm(tool, { answered, again }),
  );
}

const KINDS = { "+": "added", "-": "removed" };

function difference(tool) {
  const shown = tool.difference.slice(0, LINES_MAX).map((line) => {
    const kind = KINDS[line.charAt(0)];
    return el(
      `div.line.${kind ?? "same"}`,
      el("span.sign", { "aria-hidden": "true" }, kind ? line.charAt(0) : "\u2007"),
      kind && el("span.visually-hidden", `${kind}: `),
      el("bdi", plain(line.slice(1))),
    );
  });
  if (tool.difference.length > LINES_MAX) {
    shown.push(el("p.callout.bad", icon("warn"), `${tool.difference.length - LINES_MAX} more lines are not shown. Do not approve what you have not read.`));
  }
  return shown;
}

function approveForm(tool, { answered, again }) {
  const problem = el("p.callout.bad", { role: "alert", hidden: true });
  const buttons = el("div.buttons");
  const isSuspicious = tool.findings.some((finding) => finding.word !== "GO");

  function first() {
    fill(buttons, el("button.button.approve", { type: "button", click: second }, icon("allow"), "Approve definition…"));
  }

  function second() {
    const step = el(
      "div.confirm",
      { role: "group", "aria-label": "Confirm approval", tabindex: "-1" },
      el("p", isSuspicious && el("strong", "The scanners warn of this definition. "), "Agents whose mandate names this tool may then call it. Approve exactly this definition?"),
      el("div.buttons", el("button.button.approve.strong", { type: "button", click: send }, icon("allow"), "Yes, approve"), el("button.button", { type: "button", click: first }, "Back")),
    );
    fill(buttons, step);
    step.focus();
  }

  async function send() {
    for (const button of buttons.querySelectorAll("button")) button.disabled = true;
    try {
      await order("/api/v1/tools/approved", { tool: tool.tool, digest: tool.digest });
      announce("Definition approved.");
      answered();
    } catch (refused) {
      first();
      problem.hidden = false;
      const hasChanged = refused.status === 409;
      fill(problem, icon("warn"), el("span", hasChanged && "Your approval did not count. ", refused.message, " ", refused.help, hasChanged && el("button.button", { type: "button", click: again }, "Look again")));
    }
  }

  first();
  return el("div.answer", el("p.unanswered", icon("clock"), el("span", el("strong", "If nobody answers: "), "the tool stays blocked: no agent sees it, and no call to it passes.")), !mayAnswer() && el("p.callout.bad", icon("warn"), el("span", "Approving needs the role ", el("code", "supervisor"), ", which you do not hold.")), problem, buttons);
}
