//! What a new version changes, and why an agent may or may not do a thing: `maso diff` and `maso explain`.

use std::process::{Command, Output};

use serde_json::Value;

use crate::deployment::{Deployment, Edit, MASO, Wanted};

fn maso(args: &[&str]) -> Output {
    Command::new(MASO).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn path(deployment: &Deployment) -> &str {
    deployment.path().to_str().unwrap()
}

/// What `maso diff` says of a version with these edits: its exit code, and each change with its direction.
fn diff(edits: &[Edit], more: &[&str]) -> (i32, Vec<(String, String)>) {
    let old = Deployment::new(&Wanted::default());
    let new = Deployment::new(&Wanted { edits: edits.to_vec(), ..Wanted::default() });
    // The data of the tool server lies in the folder itself; nothing else tells the two apart.
    let manifest = new.path().join("tools/notes.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace(path(&new), path(&old))).unwrap();
    let output = maso(&[&["diff", path(&old), path(&new), "--json"][..], more].concat());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    let text = |change: &Value, key: &str| change[key].as_str().unwrap().to_owned();
    let changes = told["changes"].as_array().unwrap().iter();
    let changes = changes.map(|change| {
        assert!(change["example"].is_object(), "{change}");
        (text(change, "direction"), text(change, "text"))
    });
    (output.status.code().unwrap(), changes.collect())
}

#[track_caller]
fn check(edits: &[Edit], expected: &[(&str, &str)]) {
    let (code, changes) = diff(edits, &[]);
    let changes: Vec<_> = changes.iter().map(|(direction, text)| (direction.as_str(), text.as_str())).collect();
    assert_eq!(changes, expected);
    assert_eq!(code, i32::from(!expected.is_empty()));
}

const AMOUNT: &str = "\"/amount\" = { at_most = 10000 }";

#[test]
fn a_version_does_not_differ_from_itself_nor_by_its_comments() {
    check(&[("agents/writer.toml", "", "\n# a comment\n")], &[]);
}

#[test]
fn a_limit_that_moves_is_told_with_both_its_ends() {
    check(
        &[("agents/writer.toml", AMOUNT, "\"/amount\" = { at_most = 25000 }")],
        &[(
            "wider",
            "`writer` may now call `notes:pay` with `/amount` up to 25,000 (was up to 10,000); it still needs a person",
        )],
    );
    check(
        &[("agents/writer.toml", AMOUNT, "\"/amount\" = { at_most = 500 }")],
        &[(
            "narrower",
            "`writer` may now call `notes:pay` only with `/amount` up to 500 (was up to 10,000); it still needs a person",
        )],
    );
}

#[test]
fn rules_take_away_and_an_idempotency_key_does_too() {
    const RULES: &str = "[events.mail]\ntools = [\"notes:send_mail\"]\n\n[[rule]]\nid = \"few-mails\"\ncontrol = \"EC-1.3\"\n\
                         per = \"task\"\nforbid = \"mail\"\nunless = \"count of mail is at most 3\"\n";
    let added = |folder: &Deployment| {
        std::fs::create_dir_all(folder.path().join("rules")).unwrap();
        std::fs::write(folder.path().join("rules/notes.toml"), RULES).unwrap();
    };
    let (old, new) = (Deployment::new(&Wanted::default()), Deployment::new(&Wanted::default()));
    added(&new);
    let output = maso(&["diff", path(&old), path(&new)]);
    assert!(said(&output).contains("rule `few-mails` is new"), "{}", said(&output));
    check(
        &[("tools/notes.toml", "[tools.pay]\n", "[tools.pay]\nidempotency_pointer = \"/reference\"\n")],
        &[("narrower", "what tells instructions to `notes:pay` apart is now /reference (was nothing)")],
    );
}

#[test]
fn a_tool_that_is_granted_is_wider_and_one_that_is_withdrawn_narrower() {
    check(
        &[("agents/reader.toml", "", "[tools.\"notes:write_note\"]\n")],
        &[("wider", "`reader` may now call `notes:write_note`; it needs a person")],
    );
    check(
        &[("agents/writer.toml", "[tools.\"notes:read_note\"]\n", "")],
        &[("narrower", "`writer` may no longer call `notes:read_note`")],
    );
    check(
        &[(
            "agents/writer.toml",
            "escalation = \"owner\"",
            "escalation = \"owner\"\nprohibited = [\"notes:read_note\"]",
        )],
        &[("narrower", "`writer` may no longer call `notes:read_note`")],
    );
}

#[test]
fn a_policy_is_told_by_its_effect_and_not_by_its_text() {
    const FORBID: &str = r#"
        forbid (principal == Agent::"writer", action == Action::"call_tool", resource == Tool::"notes:pay")
        unless { context.number.hasTag("/amount") && context.number.getTag("/amount") <= 9000 };"#;
    const IN_VAIN: &str = r#"
        forbid (principal, action == Action::"call_tool", resource == Tool::"notes:pay")
        unless { context.number.hasTag("/amount") && context.number.getTag("/amount") <= 10000 };"#;
    check(
        &[("policies/pay.cedar", "", FORBID)],
        &[(
            "narrower",
            "`writer` may now call `notes:pay` only with `/amount` up to 9,000 (was up to 10,000); it still needs a person",
        )],
    );
    check(&[("policies/pay.cedar", "", IN_VAIN)], &[]);
}

#[test]
fn what_cannot_be_followed_is_said_and_taken_for_wider() {
    const COMPUTES: &str = r#"
        forbid (principal, action == Action::"call_tool", resource == Tool::"notes:pay")
        when { context.number.hasTag("/amount") && context.number.getTag("/amount") * 2 > 50000 };"#;
    let (code, changes) = diff(&[("policies/pay.cedar", "", COMPUTES)], &["--fail-on", "wider"]);
    assert_eq!(code, 1);
    let said = |(direction, text): &(String, String)| direction == "mixed" && text.contains("computes with arguments");
    assert!(changes.iter().any(said), "{changes:?}");
}

#[test]
fn limits_people_and_grants_are_compared_as_what_they_bound() {
    const GRANT: &str = "\n[[grants]]\nfrom = \"reader\"\nto = \"writer\"\nrequest = \"keep\"\n";
    const OPERATOR: &str = "[[operators]]\nname = \"clerk\"\nroles = [\"supervisor\"]\n";
    check(
        &[
            ("workflows/notes.toml", "max_transactions_per_batch = 1000000", "max_transactions_per_batch = 100"),
            ("workflows/notes.toml", "", GRANT),
            ("maso.toml", "", OPERATOR),
        ],
        &[
            ("wider", "`reader` may now ask `writer` to `keep`; it needs nobody's word"),
            ("wider", "operator `clerk as supervisor` is new"),
            ("narrower", "the number of transactions of one task in `notes` is now 100 (was 1000000)"),
        ],
    );
}

#[test]
fn only_what_is_wider_fails_where_that_is_asked() {
    let narrower = [("agents/writer.toml", AMOUNT, "\"/amount\" = { at_most = 500 }")];
    assert_eq!(diff(&narrower, &[]).0, 1);
    assert_eq!(diff(&narrower, &["--fail-on", "wider"]).0, 0);
    let wider = [("agents/writer.toml", AMOUNT, "\"/amount\" = { at_most = 50000 }")];
    assert_eq!(diff(&wider, &["--fail-on", "wider"]).0, 1);
}

#[test]
fn a_folder_that_cannot_be_compared_is_no_difference() {
    let deployment = Deployment::new(&Wanted::default());
    let output = maso(&["diff", path(&deployment), "/nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("/nowhere"), "{}", said(&output));
}

/// What `maso explain` says of the default deployment with these edits.
fn explain(edits: &[Edit], args: &[&str]) -> (i32, Value) {
    let deployment = Deployment::new(&Wanted { edits: edits.to_vec(), ..Wanted::default() });
    let output = maso(&[&["explain", path(&deployment), "--json"][..], args].concat());
    let told = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    (output.status.code().unwrap(), told)
}

/// The text of the line on which a step rests.
fn line(edits: &[Edit], step: &Value) -> String {
    let deployment = Deployment::new(&Wanted { edits: edits.to_vec(), ..Wanted::default() });
    let text = std::fs::read_to_string(deployment.path().join(step["file"].as_str().unwrap())).unwrap();
    let line = usize::try_from(step["line"].as_u64().unwrap()).unwrap();
    text.lines().nth(line - 1).unwrap().trim().to_owned()
}

/// The first step by which an action is refused.
fn refusal(told: &Value) -> &Value {
    told["steps"].as_array().unwrap().iter().find(|step| step["word"] == "NO-GO").unwrap_or_else(|| panic!("{told:#}"))
}

#[test]
fn what_is_allowed_is_told_with_its_review_and_the_lines_it_rests_on() {
    let (code, told) = explain(&[], &["--agent", "writer", "--tool", "notes:write_note"]);
    assert_eq!((code, &told["allowed"], &told["review"]["people"]), (0, &true.into(), &1.into()), "{told:#}");
    assert_eq!(told["text"], "`writer` may call `notes:write_note` after person");
    let steps = told["steps"].as_array().unwrap();
    let stages: Vec<_> = steps.iter().map(|step| step["stage"].as_str().unwrap()).collect();
    for stage in ["resolve", "scan", "limits", "authorise", "trace", "weigh"] {
        assert!(stages.contains(&stage), "{stages:?}");
    }
    let resolve = steps.iter().find(|step| step["stage"] == "resolve").unwrap();
    assert_eq!(line(&[], resolve), "[tools.\"notes:write_note\"]");
    let tier = steps.iter().find(|step| step["reason"].as_str().unwrap().starts_with("tier")).unwrap();
    assert_eq!(line(&[], tier), "tier = 1");
}

#[test]
fn an_argument_beyond_its_bound_is_told_with_the_bound_and_the_nearest_that_is_not() {
    let arguments = "{\"account\": \"paper\", \"amount\": 20000, \"reference\": \"sheets\"}";
    let (code, told) = explain(&[], &["--agent", "writer", "--tool", "notes:pay", "--args", arguments]);
    assert_eq!(code, 1);
    let bound = told["steps"].as_array().unwrap().iter().find(|step| step["control"] == "ENV-3").unwrap();
    assert_eq!(line(&[], bound), AMOUNT);
    assert_eq!(told["nearest"]["action"]["arguments"]["amount"], 10_000, "{told:#}");
}

#[test]
fn a_tool_outside_the_mandate_is_told_with_who_may_and_what_else() {
    let (code, told) = explain(&[], &["--agent", "reader", "--tool", "notes:pay"]);
    assert_eq!(code, 1);
    assert_eq!((&refusal(&told)["control"], &refusal(&told)["file"]), (&"AT-1.6".into(), &"agents/reader.toml".into()));
    let nearest = told["nearest"]["text"].as_str().unwrap();
    assert!(nearest.contains("notes:read_note") && nearest.contains("`writer`"), "{nearest}");
}

#[test]
fn a_policy_that_forbids_is_told_with_its_line() {
    const POLICY: Edit = (
        "policies/pay.cedar",
        "",
        "// No payments.\n@id(\"no-payments\")\nforbid (principal, action, resource == Tool::\"notes:pay\");\n",
    );
    let (code, told) = explain(&[POLICY], &["--agent", "writer", "--tool", "notes:pay"]);
    assert_eq!((code, &refusal(&told)["control"]), (1, &"EC-2.1".into()), "{told:#}");
    assert_eq!(line(&[POLICY], refusal(&told)), "@id(\"no-payments\")");
}

#[test]
fn a_request_that_no_grant_names_is_refused_and_one_that_is_granted_is_not() {
    const GRANT: Edit =
        ("workflows/notes.toml", "", "\n[[grants]]\nfrom = \"reader\"\nto = \"writer\"\nrequest = \"keep\"\n");
    let asks = ["--agent", "reader", "--grant", "writer:keep"];
    let (code, told) = explain(&[], &asks);
    assert_eq!((code, &refusal(&told)["control"]), (1, &"IA-2.4".into()));
    let (code, told) = explain(&[GRANT], &asks);
    assert_eq!(code, 0, "{told:#}");
    assert_eq!(line(&[GRANT], &told["steps"][0]), "from = \"reader\"");
}

#[test]
fn a_slip_of_the_pen_is_told_as_one() {
    let deployment = Deployment::new(&Wanted::default());
    let output = maso(&["explain", path(&deployment), "--agent", "writr", "--tool", "notes:pay"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("did you mean `writer`?"), "{}", said(&output));
}
