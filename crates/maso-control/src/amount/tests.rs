use maso_intent::{Source, minimal, parse};
use serde_json::json;

use super::*;

/// A call of `notes:send_note`, whose manifest says `manifest` about amounts, under a mandate in `currency`.
#[track_caller]
fn check(manifest: &str, currency: &str, payload: Value, expected: Option<(&str, &str, &str)>) {
    let deployment = parse(&with(manifest, currency)).unwrap();
    let origins: Vec<Value> = ["/to", "/amount"]
        .map(|pointer| json!({"pointer": pointer, "authority": true, "source": "s", "integrity": "external"}))
        .to_vec();
    let decided: HopDecided = serde_json::from_value(json!({
        "hop": "hop_1", "received_at": 1, "hop_kind": "tool-call", "from": "agent:writer", "to": "server:notes",
        "verb": "call_tool", "object": "notes:send_note", "input_hash": "sha256:00", "decision": "hold",
        "enforced": true, "findings": [], "pace_phase": "primary", "origins": origins,
    }))
    .unwrap();
    let found = amount(&deployment, &decided, &payload);
    let found = found.as_ref().map(|found| (found.pointer.as_str(), found.value.as_str(), found.shown.as_str()));
    assert_eq!(found, expected, "{payload}");
}

fn with(manifest: &str, currency: &str) -> Source {
    let mut source = minimal();
    for (path, text) in &mut source.files {
        if path.starts_with("tools/") {
            let table = if manifest == ROLE { "[tools.send_note.authority]\n" } else { "[tools.send_note]\n" };
            *text = text.replacen(table, &format!("{table}{manifest}\n"), 1);
        }
        if path.starts_with("workflows/") && !currency.is_empty() {
            let limit = "max_value_minor = 0";
            *text = text.replacen(limit, &format!("{limit}\ncurrency = \"{currency}\""), 1);
        }
    }
    source
}

const MOVES: &str = "value_pointer = \"/amount\"";
const ROLE: &str = "\"/sum\" = { role = \"amount\", integrity_min = \"internal\" }";

#[test]
fn an_amount_in_the_smallest_unit_is_shown_as_people_write_it() {
    for (currency, minor, shown) in [
        ("EUR", 184_250, "1,842.50 EUR"),
        ("EUR", 5, "0.05 EUR"),
        ("EUR", 100_000_000, "1,000,000.00 EUR"),
        ("JPY", 184_250, "184,250 JPY"),
        ("KWD", 1_005, "1.005 KWD"),
        ("", 184_250, "184250"),
    ] {
        check(MOVES, currency, json!({"amount": minor}), Some(("/amount", &minor.to_string(), shown)));
    }
}

#[test]
fn an_amount_that_is_a_text_is_typed_as_it_stands() {
    for (text, shown) in [
        ("1,250.00", "1,250.00 EUR"),
        ("1.250,00", "1.250,00 EUR"),
        // It could be cents, or it says its own currency: nothing is added that is not known.
        ("1250", "1250"),
        ("1,250", "1,250"),
        ("1,250.00 USD", "1,250.00 USD"),
    ] {
        check(ROLE, "EUR", json!({"sum": text}), Some(("/sum", text, shown)));
    }
    check(ROLE, "", json!({"sum": "1,250.00"}), Some(("/sum", "1,250.00", "1,250.00")));
}

#[test]
fn what_is_no_amount_is_not_taken_for_one() {
    check(ROLE, "EUR", json!({"sum": "all of it", "to": "x"}), None);
    check(ROLE, "EUR", json!({"sum": {"of": 1}}), None);
    check(MOVES, "EUR", json!({}), None);
    // Where nothing is declared, a number that carries authority is read before it is approved, too.
    check("", "EUR", json!({"to": "x", "amount": 12}), Some(("/amount", "12", "12")));
    check("", "EUR", json!({"to": "x", "amount": "12"}), None);
    check("", "EUR", json!({"to": "x", "n": 12}), None);
}
