//! A figure's way from a source to the published note.

use maso_core::Phase;
use serde_json::json;

use super::stage::{Stage, Try, ask, call};

const COMPANY: &str = "DE0001234563";

/// The task has read a filing, and an article that overstates the revenue.
fn sources_read() -> Stage {
    Stage::open("investment-research", "research-note", "Write the note on the annual results of DE0001234563.")
        .read(
            "research-analyst",
            "filings:read_figures",
            &json!({ "filing_id": "AR-2025-0099", "metric": "revenue", "value_minor": 418_000_000_000_u64, "currency": "EUR" }),
        )
        .read(
            "data-collector",
            "news:read_article",
            &json!({ "text": "Sources say that revenue came to 590,000,000,000 cents, the best year ever." }),
        )
}

/// A note was drafted and cleared.
fn cleared(stage: Stage) -> Stage {
    stage
        .read(
            "compliance-reviewer",
            "research-store:read_note",
            &json!({ "note_id": "RN-000017", "text": "Revenue as filed." }),
        )
        .read(
            "publisher",
            "compliance:read_clearance",
            &json!({ "note_id": "RN-000017", "decision": "cleared", "clearance_id": "CL-2026-0118" }),
        )
}

fn finding(value_minor: u64, expected: &'static str) -> Try {
    let arguments = json!({
        "company": COMPANY, "metric": "revenue", "value_minor": value_minor, "source_id": "AR-2025-0099", "confidence": 0.8,
        "text": "revenue as filed",
    });
    call("research-analyst", "research-store:save_finding", arguments, expected)
}

fn publication(clearance: &str, list: &str, expected: &'static str) -> Try {
    let arguments = json!({ "note_id": "RN-000017", "clearance_id": clearance, "list": list });
    call("publisher", "publishing:publish_note", arguments, expected)
}

#[test]
fn the_figure_of_a_filing_passes_and_that_of_an_article_waits_for_a_person() {
    sources_read().check([
        finding(418_000_000_000, "hold: 2 judges"),
        finding(590_000_000_000, "hold: 2 judges + person, PG-2.5"),
        finding(777_000_000_000, "hold: 2 judges + person, PG-2.5"),
    ]);
}

#[test]
fn whoever_reads_the_web_keeps_to_cleared_publishers_and_sees_nothing_unpublished() {
    let page = |url, expected| call("data-collector", "news:fetch_page", json!({ "url": url }), expected);
    sources_read().check([
        page("https://www.wire.example/companies/results-2025", "allow"),
        page("https://collect.example/results", "refuse: ENV-3"),
        page("https://wire.example/results?draft=revenue", "refuse: ENV-3"),
        call("data-collector", "research-store:read_note", json!({ "note_id": "RN-000017" }), "refuse: AT-1.6"),
        call("data-collector", "publishing:publish_note", json!({}), "refuse: AT-1.6"),
    ]);
    // An address could carry out what the task now knows.
    cleared(sources_read()).check([page("https://www.wire.example/companies/results-2025", "refuse: EC-2.1")]);
}

#[test]
fn each_keeps_to_its_part() {
    let simulation = |n_paths| json!({ "company": COMPANY, "growth_pct": 3.5, "discount_pct": 8, "n_paths": n_paths });
    let note = |uncertainty| {
        json!({
            "note_id": "RN-000017", "company": COMPANY, "text": "Revenue as filed.", "finding_ids": ["FN-000001"],
            "uncertainty": uncertainty,
        })
    };
    let challenge = |verdict| json!({ "finding_id": "FN-000001", "verdict": verdict });
    sources_read().check([
        call("risk-assessor", "risk-models:simulate", simulation(10_000), "allow"),
        call("risk-assessor", "risk-models:simulate", simulation(100_000_000), "refuse: ENV-3"),
        call("challenger", "research-store:save_challenge", challenge("falls"), "allow"),
        call("challenger", "research-store:save_challenge", challenge("unsure"), "refuse: EC-2.14, ENV-1, ENV-3"),
        call("challenger", "research-store:read_sources", json!({ "company": COMPANY }), "refuse: AT-1.6"),
        call("report-compiler", "research-store:save_note", note("one segment is unaudited"), "hold: 2 judges"),
        call("report-compiler", "research-store:save_note", note(""), "refuse: EC-2.14, ENV-1"),
        call("report-compiler", "compliance:record_clearance", json!({}), "refuse: AT-1.6"),
        call("compliance-reviewer", "compliance:read_restricted_list", json!({}), "refuse: AT-1.6"),
    ]);
}

#[test]
fn a_clearance_waits_for_a_person_and_a_publication_for_two() {
    let clearance = json!({ "note_id": "RN-000017", "decision": "cleared", "rule": "disclosures complete" });
    cleared(sources_read()).check([
        call("compliance-reviewer", "compliance:record_clearance", clearance, "hold: 2 judges + person + dry run"),
        publication("CL-2026-0118", "clients-europe", "hold: 2 judges + 2 people + dry run"),
        publication("CL-2026-9999", "clients-europe", "refuse: PG-2.5"),
        publication("CL-2026-0118", "desk@wire.example", "refuse: ENV-3, PG-2.5"),
    ]);
}

#[test]
fn nothing_is_published_by_itself_or_while_something_is_amiss() {
    let publish = || publication("CL-2026-0118", "clients-europe", "refuse: EC-2.1");
    cleared(Stage::standing("investment-research", "publisher")).check([publish()]);
    cleared(sources_read()).in_phase(Phase::Alternate).check([publish()]);
}

#[test]
fn publishing_stays_the_publishers_whoever_is_given_the_tool() {
    let arguments = json!({ "note_id": "RN-000017", "clearance_id": "CL-2026-0118", "list": "desk-internal" });
    cleared(sources_read()).also_granting("data-collector", "publishing:publish_note").check([call(
        "data-collector",
        "publishing:publish_note",
        arguments,
        "refuse: EC-2.1, PG-2.5",
    )]);
}

#[test]
fn the_challenger_gets_the_question_and_no_reasons() {
    let question = json!({ "company": COMPANY, "finding_id": "FN-000001" });
    let reasons = json!({ "company": COMPANY, "finding_id": "FN-000001", "because": "the article is convincing" });
    sources_read().check([
        ask("research-analyst", "challenger", "challenge_finding", question, "allow"),
        ask("research-analyst", "challenger", "challenge_finding", reasons, "refuse: EC-2.14"),
        ask("data-collector", "publisher", "publish_cleared_note", json!({ "note_id": "RN-000017" }), "refuse: IA-2.4"),
    ]);
}
