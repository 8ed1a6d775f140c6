//! The smallest deployment that passes `maso check`.

use crate::Source;

/// The smallest deployment that passes `maso check`: one agent, `writer`, that may read notes and send one, with
/// a person's approval, through one tool server, `notes`.
pub fn minimal() -> Source {
    Source::of(FILES)
}

const FILES: [(&str, &str); 5] = [
    ("maso.toml", MASO),
    ("workflows/notes.toml", WORKFLOW),
    ("agents/writer.toml", AGENT),
    ("tools/notes.toml", TOOLS),
    ("tools/notes.lock.json", LOCK),
];

const MASO: &str = r#"name = "notes"
trust_domain = "notes.example"
tier = 1 # a person approves each write
accountable_human = "owner"

[[operators]]
name = "owner"
roles = ["operator", "supervisor", "security", "incident-commander"]
"#;

const WORKFLOW: &str = r#"id = "SOL-0001-v1"
business_process = "notes"
intent = "pass notes on to colleagues"
outcome = "a note is sent to the colleague whom the operator names, or nothing is sent"
agents = ["writer"]
tools = ["notes:read_note", "notes:send_note"]
process_owner = "owner"
technical_owner = "owner"
approved_by = ["owner"]
effective_date = "1970-01-01"
review_date = "2026-12-31"

[limits]
max_transactions_per_batch = 100
max_execution = "1h"
max_value_minor = 0

[oispec]
goal = "pass notes on"
success_criteria = [{ id = "sent", text = "each note that the operator names is sent once, to the named colleague" }]
failure_criteria = ["a note goes to anyone else"]
risk_classification = "medium"
"#;

const AGENT: &str = r#"id = "AGT-0001-v1"
workflow = "notes"
intent = "read a note and send it on"
outcome = "the note is sent as it is"
logic = ["read the note", "send it"]
escalation = "owner"

[tools."notes:read_note"]

[tools."notes:send_note"]
justification = "sending is what the agent is for"

[oispec]
goal = "send the named note unchanged"
success_criteria = ["the text that is sent equals the text that was read"]
failure_criteria = ["the text was changed"]
risk_classification = "medium"
covers = ["sent"]
"#;

const TOOLS: &str = r#"label = { integrity = "external", confidentiality = "internal" }

[transport]
kind = "stdio"
command = "notes-server"

[tools.read_note]
class = "read"
reversibility = "reversible"
risk = "low"

[tools.send_note]
class = "send"
reversibility = "irreversible"
risk = "high"

[tools.send_note.authority]
"/to" = { role = "recipient", integrity_min = "verified" }
"#;

const LOCK: &str = r#"[
  {
    "name": "read_note",
    "description": "Reads a note.",
    "inputSchema": {
      "type": "object",
      "properties": { "note": { "type": "string" } },
      "required": ["note"],
      "additionalProperties": false
    }
  },
  {
    "name": "send_note",
    "description": "Sends a text to a colleague.",
    "inputSchema": {
      "type": "object",
      "properties": { "to": { "type": "string" }, "text": { "type": "string" } },
      "required": ["to", "text"],
      "additionalProperties": false
    }
  }
]
"#;
