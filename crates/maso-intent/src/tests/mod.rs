//! What the crate promises, over its public items.

mod applicability;
mod authority;
mod catalogue;
mod corpus;
mod delegated;
mod evidence;
mod fields;
mod format;
mod free_text;
mod init;
mod lint;
mod outside;
mod parse;
mod proofs;
mod reach;
mod resolve;
mod rules;
mod schema;
mod signing;
mod task;

use std::sync::Arc;

use crate::{Deployment, Source, minimal, parse as parse_source};

/// The deployment in these files.
fn deployment(source: &Source) -> Arc<Deployment> {
    Arc::new(parse_source(source).unwrap_or_else(|problems| panic!("{problems}")))
}

/// The minimal deployment with one piece of one file replaced.
fn edited(path: &str, old: &str, new: &str) -> Source {
    edit(minimal(), path, old, new)
}

fn edit(mut source: Source, path: &str, old: &str, new: &str) -> Source {
    let text = source.files.get_mut(path).unwrap();
    assert!(text.contains(old), "`{old}` is not in {path}");
    *text = text.replacen(old, new, 1);
    source
}

/// A deployment with every key that there is.
fn whole() -> Source {
    Source::of(WHOLE)
}

/// Two agents, `intake` and `analysis`; `intake` may ask `analysis`; servers `db` and `files`.
fn team() -> Source {
    let mut source = minimal();
    source.files.clear();
    for (path, text) in [
        ("maso.toml", MASO),
        ("workflows/claims.toml", WORKFLOW),
        ("agents/intake.toml", INTAKE),
        ("agents/analysis.toml", ANALYSIS),
        ("judges/tactical.toml", JUDGE),
        ("tools/db.toml", DB),
        ("tools/db.lock.json", DB_LOCK),
        ("tools/files.toml", FILES),
    ] {
        source.files.insert(path.to_owned(), text.to_owned());
    }
    source
}

const MASO: &str = r#"context = { tokens = 200000 }
name = "claims"
trust_domain = "claims.example"
tier = 2
accountable_human = "supervisor"

[approvals.wait]
high = "10m"

[[operators]]
name = "supervisor"
roles = ["operator", "supervisor", "incident-commander"]

[controls]
selected = ["PG-2.5"]
[[controls.deselected]]
control = "EC-2.12"
reason = "no images"
owner = "supervisor"
until = "2027-01-01"
"#;

const WORKFLOW: &str = r#"
id = "SOL-1-v2"
version = 2
business_process = "claims"
intent = "settle claims"
outcome = "each claim is paid or stopped"
agents = ["intake", "analysis"]
tools = ["db:read_claim", "db:pay", "db:delete_claim"]
process_owner = "operations"
technical_owner = "platform"
approved_by = ["operations", "platform", "security"]
effective_date = "2026-11-01"
review_date = "2027-01-31"
sequence = { by = "hand-over" }
[limits]
max_transactions_per_batch = 10
max_execution = "300s"
max_value_minor = 1000

[constants]
mailbox = "claims@insurer.example"
since = 2026-11-01

[[grants]]
from = "intake"
to = "analysis"
request = "assess"
tools = ["db:read_claim", "db:pay", "db:delete_claim"]
schema = { type = "object", required = ["claim"], additionalProperties = false, properties = { claim = { type = "string", pattern = "^C-[0-9]+$" } } }

[oispec]
goal = "settle claims"
success_criteria = [
  { id = "paid", text = "each claim ends in `paid` or `stopped`", decided_by = "judge:tactical" },
]
failure_criteria = ["a claim is paid twice"]
risk_classification = "high"
"#;

const INTAKE: &str = r#"
id = "AGT-1-v1"
workflow = "claims"
intent = "take claims in"
outcome = "the claim is handed on"
logic = ["read", "hand on"]
prohibited = ["db:delete_claim"]
may_be_asked_by = ["files"]
clearance = "confidential"
escalation = "supervisor"
model = { provider = "one", name = "m1" }

[tools."db:read_claim"]
[tools."db:read_claim".bounds]
"/claim" = { matches = "CLM-[0-9]+" }

[[resources]]
server = "files"
uri_prefix = "file:///claims/"

[[prompts]]
server = "files"
prompt = "summary"

[oispec]
goal = "copy fields"
success_criteria = [{ text = "each field equals the file", decided_by = "judge:tactical" }]
failure_criteria = ["a field differs"]
risk_classification = "medium"
"#;

const ANALYSIS: &str = r#"
id = "AGT-2-v1"
workflow = "claims"
intent = "assess claims"
outcome = "a claim is paid"
logic = ["read", "pay"]
clearance = "confidential"
escalation = "supervisor"
model = { provider = "two", name = "m2" }

[tools."db:read_claim"]
[tools."db:pay"]
justification = "it pays"

[tools."db:delete_claim"]
justification = "what was taken in twice goes"

[tools."db:pay".bounds]
"/amount_minor" = { at_most = 500 }

[oispec]
goal = "pay"
success_criteria = [{ text = "the amount equals the assessment", decided_by = "judge:tactical" }]
failure_criteria = ["the amount differs"]
risk_classification = "high"
covers = ["paid"]
"#;

const JUDGE: &str = r#"
kind = "model"
endpoint = "http://127.0.0.1:1/v1"
model = "m3"
criteria = ["the payee is the account of the claim"]
exclusions = ["tone"]
"#;

const DB: &str = r#"
label = { integrity = "internal", confidentiality = "confidential" }

[transport]
kind = "stdio"
command = "db-server"
env = { DB = "claims.db" }
env_from = { API_KEY = "DB_API_KEY" }

[tools.read_claim]
class = "read"
reversibility = "reversible"
risk = "low"
[tools.read_claim.result_fields]
"/iban" = { integrity = "verified" }

[tools.pay]
class = "transfer"
reversibility = "irreversible"
risk = "high"
value_pointer = "/amount_minor"
remedy = "the bank calls it back"
[tools.pay.authority]
"/iban" = { role = "account", integrity_min = "verified", below = "deny" }
"/amount_minor" = { role = "amount" }

[tools.delete_claim]
class = "delete"
reversibility = "time-bounded"
reversible_window = "60s"
risk = "high"
[tools.delete_claim.authority]
"/claim" = { role = "query" }

[tools.pay.dry_run]
argument = "dry_run"
"#;

const DB_LOCK: &str = r#"[
  { "name": "read_claim", "inputSchema": { "type": "object", "properties": { "claim": { "type": "string" } } } },
  { "name": "pay", "inputSchema": { "type": "object", "properties": { "iban": { "type": "string" }, "amount_minor": { "type": "integer" }, "dry_run": { "type": "boolean" } } } },
  { "name": "delete_claim", "inputSchema": { "type": "object", "properties": { "claim": { "type": "string" } } } }
]"#;

const FILES: &str = r#"
label = { integrity = "external", confidentiality = "internal" }

[transport]
kind = "http"
url = "http://127.0.0.1:9000/mcp"
headers_from_env = { Authorization = "FILES_AUTHORIZATION" }
"#;

const WHOLE: [(&str, &str); 14] = [
    ("maso.toml", include_str!("whole/maso.toml")),
    ("workflows/claims.toml", include_str!("whole/workflows/claims.toml")),
    ("agents/intake.toml", include_str!("whole/agents/intake.toml")),
    ("agents/analysis.toml", include_str!("whole/agents/analysis.toml")),
    ("agents/partner.toml", include_str!("whole/agents/partner.toml")),
    ("tools/quotes.toml", include_str!("whole/tools/quotes.toml")),
    ("judges/tactical.toml", include_str!("whole/judges/tactical.toml")),
    ("judges/compliance.toml", include_str!("whole/judges/compliance.toml")),
    ("tools/db.toml", include_str!("whole/tools/db.toml")),
    ("tools/web.toml", include_str!("whole/tools/web.toml")),
    ("tools/db.lock.json", include_str!("whole/tools/db.lock.json")),
    ("rules/claims.toml", include_str!("whole/rules/claims.toml")),
    ("evidence/capacity.toml", include_str!("whole/evidence/capacity.toml")),
    ("evidence/review.toml", include_str!("whole/evidence/review.toml")),
];
