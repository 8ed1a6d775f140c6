use maso_core::{Class, Confidentiality, Integrity, Label, Reversibility, Risk, Tier};
use serde_json::json;

use super::*;
use crate::{Below, Bound, Evaluation, Severity, Transport};

fn refused(source: &Source, file: &str, line: usize, message: &str, remedy: &str) {
    let problems = parse_source(source).expect_err("should not parse");
    let found = problems
        .iter()
        .find(|problem| problem.message.contains(message))
        .unwrap_or_else(|| panic!("`{message}` is not among:\n{problems}"));
    assert_eq!((found.file.as_str(), found.line, found.severity), (file, line, Severity::Error), "{found}");
    assert!(found.remedy.contains(remedy), "{found}");
}

#[test]
fn everything_that_is_written_arrives() {
    let deployment = deployment(&team());
    assert_eq!(deployment.tier, Tier::Managed);
    assert_eq!(deployment.settings.approval_wait_ms, [3_600_000, 3_600_000, 600_000, 900_000]);
    assert_eq!(deployment.deselected[0].reason, "no images");
    assert_eq!(deployment.selected.len(), 1);
    let claims = &deployment.workflows[&"claims".parse().unwrap()];
    assert_eq!(claims.constants["since"], json!("2026-11-01"));
    assert_eq!(claims.limits.max_execution_ms, 300_000);
    assert_eq!(claims.grants[0].schema["required"], json!(["claim"]));
    assert_eq!(claims.oispec.criterion_ids, ["paid"]);
    assert_eq!(claims.oispec.evaluation, Evaluation::EveryAction);
    let intake = &deployment.agents[&"intake".parse().unwrap()];
    assert_eq!((intake.sequence_position, intake.calls_per_hour_max), (1, 100));
    assert_eq!(intake.oispec.criterion_ids, ["criterion-1"]);
    assert_eq!(intake.clearance, Confidentiality::Confidential);
    let bounds = &intake.tools[&"db:read_claim".parse().unwrap()].bounds;
    let Bound::Matches(pattern) = &bounds["/claim"] else { panic!("{bounds:?}") };
    assert!(pattern.is_match("CLM-12") && !pattern.is_match("CLM-12\n") && !pattern.is_match("xCLM-12"));
    let pay = deployment.tool(&"db:pay".parse().unwrap()).unwrap();
    assert_eq!((pay.class, pay.reversibility, pay.risk), (Class::Transfer, Reversibility::Irreversible, Risk::High));
    assert_eq!(pay.authority["/iban"].below, Below::Deny);
    assert_eq!(pay.authority["/amount_minor"].integrity_min, Integrity::Internal);
    let read = deployment.tool(&"db:read_claim".parse().unwrap()).unwrap();
    let verified = Label { integrity: Integrity::Verified, confidentiality: Confidentiality::Confidential };
    assert_eq!(read.result.fields, [("/iban".to_owned(), verified)]);
    let files = &deployment.servers[&"files".parse().unwrap()];
    assert_eq!(files.label, Label { integrity: Integrity::External, confidentiality: Confidentiality::Internal });
    let Transport::Stdio { env_from, .. } = &deployment.servers[&"db".parse().unwrap()].transport else { panic!() };
    assert_eq!(env_from["API_KEY"], "DB_API_KEY");
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_the_nearest_right_word() {
    let maso = |old, new| edited("maso.toml", old, new);
    refused(&maso("tier = 1", "teir = 1"), "maso.toml", 3, "unknown field `teir`", "did you mean `tier`?");
    refused(&maso("tier = 1", "tier = 4"), "maso.toml", 3, "`4` is not a tier", "");
    refused(&maso("tier = 1", "tier = \"manged\""), "maso.toml", 3, "is not one of", "did you mean `managed`?");
    refused(&maso("name = \"notes\"\n", ""), "maso.toml", 1, "missing field `name`", "add `name = …`");
    refused(&maso("name = \"notes\"", "name = notes"), "maso.toml", 1, "", "");
    refused(&maso("\"owner\"\nroles", "\"The Owner\"\nroles"), "maso.toml", 7, "is not an operator name", "");
    refused(
        &maso("[\"operator\", \"supervisor\",", "[\"suprevisor\","),
        "maso.toml",
        8,
        "`suprevisor` is not one of",
        "did you mean `supervisor`?",
    );
    refused(
        &maso("roles = [\"operator\", \"supervisor\", \"security\", \"incident-commander\"]", "roles = []"),
        "maso.toml",
        7,
        "has no role",
        "",
    );
    let agent = |old, new| edited("agents/writer.toml", old, new);
    refused(&agent("\"notes:read_note\"", "\"read_note\""), "agents/writer.toml", 8, "a tool as `server:tool`", "");
    let bound = |bound: &str| {
        let new = format!("[tools.\"notes:read_note\"]\nbounds = {{ {bound} }}");
        edited("agents/writer.toml", "[tools.\"notes:read_note\"]", &new)
    };
    refused(&bound("note = { at_most = 1 }"), "agents/writer.toml", 9, "is not a JSON pointer", "");
    refused(&bound("\"/note\" = { at_most = 1, at_least = 0 }"), "agents/writer.toml", 9, "exactly one of", "keep one");
    refused(&bound("\"/note\" = { matches = \"(\" }"), "agents/writer.toml", 9, "is not a regular expression", "");
    refused(
        &bound("\"/note\" = { matches = \"a)|(?:b\" }"),
        "agents/writer.toml",
        9,
        "is not a regular expression",
        "",
    );
    refused(&bound("\"/note\" = { at_most = nan }"), "agents/writer.toml", 9, "is no bound", "");
    let tools = |old, new| edited("tools/notes.toml", old, new);
    refused(
        &tools("class = \"read\"", "class = \"reed\""),
        "tools/notes.toml",
        8,
        "`reed` is not one of",
        "did you mean `read`?",
    );
    refused(
        &tools("kind = \"stdio\"", "kind = \"studio\""),
        "tools/notes.toml",
        4,
        "unknown variant",
        "did you mean `stdio`?",
    );
    refused(&tools("command = \"notes-server\"", "url = \"http://x\""), "tools/notes.toml", 3, "of kind `stdio`", "");
    refused(
        &edited("workflows/notes.toml", "\"1h\"", "\"1 hour\""),
        "workflows/notes.toml",
        15,
        "is not a duration",
        "",
    );
    refused(
        &edited("tools/notes.lock.json", "\"read_note\"", "\"send_note\""),
        "tools/notes.lock.json",
        1,
        "defined twice",
        "",
    );
    refused(&edited("tools/notes.lock.json", "[", "{"), "tools/notes.lock.json", 1, "", "approve");
    let mut badly_named = minimal();
    let agent = badly_named.files["agents/writer.toml"].clone();
    badly_named.files.insert("agents/The Writer.toml".to_owned(), agent);
    refused(&badly_named, "agents/The Writer.toml", 1, "is not an agent name", "rename");
    refused(&Source::default(), "maso.toml", 1, "there is no `maso.toml`", "");
}

#[test]
fn what_was_expected_is_said_in_words_of_the_file() {
    for (file, old, new, message, remedy) in [
        (
            "maso.toml",
            "tier = 1",
            "tier = 1\ntoken_ttl = \"1h\"",
            "unknown field `token_ttl`",
            "move it to `[identity]`",
        ),
        (
            "maso.toml",
            "tier = 1",
            "tier = 1\nreason = \"x\"",
            "unknown field `reason`",
            "move it to `[[controls.deselected]]`",
        ),
        ("maso.toml", "tier = 1", "tier = 1\nnothing_like_it = 1", "unknown field", "remove `nothing_like_it`"),
        (
            "maso.toml",
            "accountable_human = \"owner\"\n",
            "",
            "missing field",
            "add `accountable_human = …`: the operator who answers",
        ),
        ("maso.toml", "name = \"notes\"", "name = 7", "expected a string", "put it in quotes"),
        (
            "workflows/notes.toml",
            "batch = 100",
            "batch = \"100\"",
            "expected a whole number, not negative",
            "without quotes",
        ),
        (
            "workflows/notes.toml",
            "agents = [\"writer\"]",
            "agents = \"writer\"",
            "expected a list",
            "write a list: `[…]`",
        ),
        (
            "agents/writer.toml",
            "escalation =",
            "goal = \"x\"\nescalation =",
            "unknown field `goal`",
            "move it to `[oispec]`",
        ),
        ("agents/writer.toml", "escalation =", "model = \"x\"\nescalation =", "expected a table", "write a table"),
        (
            "agents/writer.toml",
            "risk_classification = \"medium\"",
            "risk_classification = \"middling\"",
            "`middling` is not one of `low`",
            "write one of them",
        ),
    ] {
        let source = edited(file, old, new);
        let problems = parse_source(&source).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert!(problem.file == file && problem.message.contains(message), "{problem}");
        assert!(problem.remedy.contains(remedy), "{problem}");
    }
}

#[test]
fn every_unreadable_file_is_named_at_once() {
    let source = edited("maso.toml", "tier", "teir");
    let source = edit(source, "agents/writer.toml", "intent", "indent");
    let problems = parse_source(&source).unwrap_err();
    let files: Vec<_> = problems.iter().map(|problem| problem.file.as_str()).collect();
    assert_eq!(files, ["agents/writer.toml", "maso.toml"]);
}

#[test]
fn a_deselection_needs_a_reason_and_an_owner() {
    for key in ["reason = \"no images\"\n", "owner = \"supervisor\"\n"] {
        let source = edit(team(), "maso.toml", key, "");
        refused(&source, "maso.toml", 16, "missing field", "add");
    }
    refused(&edit(team(), "maso.toml", "\"no images\"", "\" \""), "maso.toml", 18, "empty text", "");
}

#[test]
fn what_everything_rests_on_cannot_be_switched_off() {
    for (control, why) in [
        ("IA-2.3", "who sends a hop"),
        ("PG-2.2", "what a hop is for"),
        ("AT-1.6", "what its mandate says"),
        ("EC-1.1", "without one"),
        ("ENV-21", "must stop"),
        ("OB-1.1", "does not happen"),
    ] {
        let source = edit(team(), "maso.toml", "EC-2.12", control);
        refused(&source, "maso.toml", 17, &format!("`{control}` cannot be switched off"), "remove it");
        refused(&source, "maso.toml", 17, why, "remove it");
    }
    assert!(parse_source(&edit(team(), "maso.toml", "EC-2.12", "PG-2.5")).is_ok());
}

#[test]
fn a_folder_has_bounds() {
    let mut source = minimal();
    source.files.insert("policies/big.cedar".to_owned(), " ".repeat(Source::FILE_BYTES_MAX));
    assert!(parse_source(&source).is_ok());
    source.files.insert("policies/big.cedar".to_owned(), " ".repeat(Source::FILE_BYTES_MAX + 1));
    refused(&source, "policies/big.cedar", 1, "allowed", "split");
    let mut source = minimal();
    source.files.extend((0..Source::FILES_MAX).map(|n| (format!("policies/{n}.cedar"), String::new())));
    refused(&source, "maso.toml", 1, "allowed", "split");
}

#[test]
fn the_digest_is_of_what_was_declared_and_nothing_else() {
    let digest = |source: &Source| deployment(source).digest;
    let mut beside = minimal();
    beside.files.insert("README.md".to_owned(), "words".to_owned());
    beside.files.insert("data/maso.toml".to_owned(), "words".to_owned());
    assert_eq!(digest(&beside), digest(&minimal()));
    assert_ne!(digest(&edited("maso.toml", "# a person", "# people")), digest(&minimal()));
    let writer = "writer".parse().unwrap();
    let mandate = |source: &Source| deployment(source).agents[&writer].digest;
    assert_eq!(mandate(&edited("maso.toml", "# a", "# A")), mandate(&minimal()));
    assert_ne!(mandate(&edited("agents/writer.toml", "read a note", "take a note")), mandate(&minimal()));
}

#[test]
fn what_nobody_classified_is_critical() {
    let source = edited(
        "tools/notes.toml",
        "[tools.read_note]\nclass = \"read\"\nreversibility = \"reversible\"\nrisk = \"low\"\n",
        "",
    );
    let deployment = deployment(&source);
    let tool = deployment.tool(&"notes:read_note".parse().unwrap()).unwrap();
    assert_eq!(
        (tool.class, tool.reversibility, tool.risk),
        (Class::Execute, Reversibility::Irreversible, Risk::Critical)
    );
    assert!(tool.definition.is_some());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}", file in proptest::sample::select(minimal().files.into_keys().collect::<Vec<_>>())) {
        let mut source = minimal();
        source.files.insert(file.clone(), text);
        drop(crate::check(&source));
        // And cut anywhere.
        let mut source = minimal();
        let whole = source.files[&file].clone();
        let cut: String = whole.chars().take(whole.len() / 2).collect();
        source.files.insert(file, cut);
        drop(crate::check(&source));
    }
}

#[test]
fn nothing_is_a_deployment_without_its_intent_specifications() {
    assert!(parse_source(&team()).is_ok());
    for file in ["workflows/claims.toml", "agents/intake.toml"] {
        let mut source = team();
        let text = source.files.get_mut(file).unwrap();
        let specification = text.find("[oispec]").unwrap();
        text.truncate(specification);
        let problems = parse_source(&source).unwrap_err();
        let problem = problems.iter().next().unwrap();
        assert_eq!((problem.file.as_str(), problem.severity), (file, Severity::Error), "{problem}");
        assert!(problem.message.contains("missing field `oispec`"), "{problem}");
    }
}

#[test]
fn evidence_speaks_of_days_and_facts_that_there_are() {
    let good =
        "fact = \"capacity\"\nwhat = \"six people\"\nby = \"supervisor\"\non = \"2026-11-20\"\ndue = \"2027-11-20\"\n";
    for (old, new, line, message) in [
        ("2026-11-20", "2026-11-31", 4, "`2026-11-31` is not a date such as `2027-01-31`"),
        ("capacity", "capasity", 1, "`capasity` is not one of `capacity`"),
        ("due =", "until =", 5, "until"),
    ] {
        let mut source = team();
        source.files.insert("evidence/people.toml".to_owned(), good.replace(old, new));
        refused(&source, "evidence/people.toml", line, message, "");
    }
}

#[test]
fn whoever_comes_over_tls_has_to_show_a_certificate_from_tier_2_on() {
    let tls = "\n[listen.tls]\naddress = \"0.0.0.0:7443\"\nnames = [\"maso.example\"]\n";
    let asks = |tier: &str, more: &str| {
        let mut source = edit(team(), "maso.toml", "tier = 2", &format!("tier = {tier}"));
        let maso = source.files.get_mut("maso.toml").unwrap();
        maso.push_str(&format!("{tls}{more}"));
        deployment(&source).settings.tls.clone().unwrap().client_certificates.as_str()
    };
    let optional = "client_certificates = \"optional\"\n";
    assert_eq!(["1", "2", "3"].map(|tier| asks(tier, "")), ["optional", "required", "required"]);
    assert_eq!(["1", "2", "3"].map(|tier| asks(tier, optional)), ["optional"; 3]);
}
