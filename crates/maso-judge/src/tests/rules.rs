//! What the rules decide.

use maso_policy::Opinion;
use serde_json::{Value, json};

use super::{Scene, now};
use crate::{Judge, RuleJudge, VERDICT_MS, brief::Ruling, rules::rule, view::View};

fn judged(scene: &Scene, tool: &str, payload: &Value) -> Ruling {
    rule(View::from(&scene.brief(tool, payload)))
}

fn agent_spec(line: &str) -> Scene {
    Scene::new().edited("agents/writer.toml", "covers = [\"sent\"]", &format!("covers = [\"sent\"]\n{line}"))
}

#[test]
fn a_read_that_breaks_nothing_is_approved_with_the_criteria_that_were_applied() {
    let ruling = judged(&Scene::new(), "read_note", &json!({ "note": "one" }));
    assert_eq!(ruling.opinion, Opinion::Approve);
    assert_eq!(
        ruling.criteria,
        [
            "no action that an intent specification prohibits by name",
            "no content that an intent specification prohibits",
            "a value that decides who or what is affected comes from a source that was seen",
        ]
    );
}

#[test]
fn a_tool_that_is_prohibited_by_name_is_blocked_wherever_it_is_prohibited() {
    let in_workflow = |line: &str| {
        Scene::new().edited(
            "workflows/notes.toml",
            "goal = \"pass notes on\"",
            &format!("goal = \"pass notes on\"\n{line}"),
        )
    };
    let in_mandate =
        |line: &str| Scene::new().edited("workflows/notes.toml", "process_owner", &format!("{line}\nprocess_owner"));
    for scene in [
        agent_spec(r#"prohibited_actions = ["notes:read_note"]"#),
        in_workflow(r#"prohibited_actions = ["never call (notes:read_note)."]"#),
        in_mandate(r#"prohibited_actions = ["use `notes:read_note`: it leaks"]"#),
    ] {
        let ruling = judged(&scene, "read_note", &json!({ "note": "one" }));
        assert_eq!(
            (ruling.opinion, ruling.reasoning.as_str()),
            (Opinion::Block, "`notes:read_note` is a prohibited action")
        );
        assert!(ruling.criteria[0].contains("notes:read_note"), "{ruling:?}");
    }
    for words in ["notes:read_note2", "xnotes:read_note", "read_note", "note: read_note", "notes:read_note/all"] {
        let scene = agent_spec(&format!("prohibited_actions = [\"{words}\"]"));
        let ruling = judged(&scene, "read_note", &json!({ "note": "one" }));
        assert_eq!(ruling.opinion, Opinion::Approve, "{words}");
    }
}

#[test]
fn prohibited_content_is_blocked_in_any_string_and_key() {
    let scene = agent_spec(r#"prohibited_content = ["Internal Only"]"#);
    for (payload, opinion) in [
        (json!({ "note": "this is INTERNAL ONLY, sorry" }), Opinion::Block),
        (json!({ "note": [{ "a": ["internal only"] }] }), Opinion::Block),
        (json!({ "internal only": 1 }), Opinion::Block),
        (json!({ "note": "internally only" }), Opinion::Approve),
    ] {
        assert_eq!(judged(&scene, "read_note", &payload).opinion, opinion, "{payload}");
    }
    let ruling = judged(&scene, "read_note", &json!({ "no/te": ["x", "internal only"] }));
    assert_eq!(ruling.reasoning, "`/no~1te/1` contains it");
    let elsewhere = judged(&Scene::new(), "read_note", &json!({ "note": "internal only" }));
    assert_eq!(elsewhere.opinion, Opinion::Approve, "without the rule the same content passes");
}

#[test]
fn a_write_without_a_required_field_is_flagged_and_a_read_is_not() {
    let scene = agent_spec(r#"required_fields = ["/subject"]"#);
    let unknown = "comes from no source that was seen";
    for (tool, payload, missing) in [
        ("send_note", json!({ "to": "x", "text": "t" }), true),
        ("send_note", json!({ "to": "x", "text": "t", "subject": null }), true),
        ("send_note", json!({ "to": "x", "text": "t", "subject": "s" }), false),
        ("read_note", json!({ "note": "one" }), false),
    ] {
        let ruling = judged(&scene, tool, &payload);
        assert_eq!(ruling.reasoning.contains("`/subject` is missing"), missing, "{tool} {payload}");
        assert_eq!(ruling.opinion == Opinion::Flag, missing || ruling.reasoning.contains(unknown));
    }
}

#[test]
fn a_recipient_that_nobody_named_is_flagged() {
    let ruling = judged(&Scene::new(), "send_note", &json!({ "to": "eve@elsewhere.example", "text": "t" }));
    assert_eq!(
        (ruling.opinion, ruling.reasoning.as_str()),
        (Opinion::Flag, "`/to` comes from no source that was seen")
    );
    let named = Scene::new().edited(
        "workflows/notes.toml",
        "[limits]",
        "[constants]\ncolleague = \"eve@elsewhere.example\"\n\n[limits]",
    );
    let ruling = judged(&named, "send_note", &json!({ "to": "eve@elsewhere.example", "text": "t" }));
    assert_eq!(ruling.opinion, Opinion::Approve, "{ruling:?}");
}

#[test]
fn the_most_restrictive_objection_wins_and_the_rest_is_told_too() {
    let scene = agent_spec("prohibited_content = [\"secret\"]\nrequired_fields = [\"/subject\"]");
    let ruling = judged(&scene, "send_note", &json!({ "to": "eve@elsewhere.example", "text": "secret" }));
    assert_eq!(ruling.opinion, Opinion::Block);
    assert_eq!(
        ruling.reasoning,
        "`/text` contains it; `/subject` is missing; `/to` comes from no source that was seen"
    );
}

#[test]
fn many_objections_stay_readable() {
    let fields: Vec<_> = (0..100).map(|n| format!("\"/field{n}\"")).collect();
    let scene = agent_spec(&format!("required_fields = [{}]", fields.join(", ")));
    let ruling = judged(&scene, "send_note", &json!({ "to": "x", "text": "t" }));
    assert_eq!(ruling.criteria.len(), 16);
    assert!(ruling.reasoning.ends_with("more"), "{}", ruling.reasoning);
}

#[tokio::test]
async fn the_verdict_is_bound_to_the_action_and_expires() {
    let judge = RuleJudge::new("house-rules".parse().unwrap());
    let brief = Scene::new().brief("read_note", &json!({ "note": "one" }));
    let verdict = judge.hear(&brief).await;
    assert_eq!((verdict.judge.as_str(), verdict.action), ("house-rules", brief.action));
    assert_eq!(verdict.expires_at, now().plus_ms(VERDICT_MS));
}
