//! The passage that is shown beside an origin.

use maso_core::Source;
use serde_json::{Value, json};

use super::{READ, document, follow, operator, plain, scene_memory};
use crate::{
    fixture::Scene,
    trace::{Excerpt, Memory, excerpt::excerpts_beside, leaves::Leaf},
};

/// The excerpt beside an account that was read in `read`.
#[track_caller]
fn beside(account: &str, read: &Value) -> Excerpt {
    with_credentials(account, read, "never a credential")
}

#[track_caller]
fn with_credentials(account: &str, read: &Value, credential: &str) -> Excerpt {
    let mut scene = Scene::payment();
    scene.hop.payload["payee_iban"] = json!(account);
    let mut memory = scene_memory(&scene);
    memory.learn(document(), read, &plain(READ));
    let tracing = follow(&memory, scene.view());
    let nth = tracing.origins.iter().position(|origin| origin.pointer == "/payee_iban").unwrap();
    assert_eq!(tracing.origins[nth].source, document());
    let found = |text: &str, _: Option<&str>| {
        let start = text.find(credential);
        start.map(|start| start..start + credential.len()).into_iter().collect::<Vec<_>>()
    };
    excerpts_beside(&memory, &tracing.origins, &scene.hop.payload, &found)[nth].clone().unwrap()
}

fn text(text: &str) -> Value {
    json!({"content": [{"type": "text", "text": text}]})
}

fn as_shown(excerpt: &Excerpt) -> String {
    format!("{}[{}]{}", excerpt.before, excerpt.value, excerpt.after)
}

const ACCOUNT: &str = "GB29NWBK60161331926819";

#[test]
fn the_exact_words_around_a_value_are_shown() {
    for (read, expected) in [
        ("Please Pay GB29NWBK60161331926819, Thanks!", "Please Pay [GB29NWBK60161331926819], Thanks!"),
        ("IBAN:GB29NWBK60161331926819;", "[IBAN:GB29NWBK60161331926819];"),
        ("to GB29 NWBK 6016 1331 9268 19.\n\nNo\tmore", "to [GB29 NWBK 6016 1331 9268 19]. No more"),
        ("Ünüblich: “gb29nwbk60161331926819”", "Ünüblich: “[gb29nwbk60161331926819]”"),
        ("the ¨ ﬁle GB29NWBK60161331926819 ok", "the ¨ ﬁle [GB29NWBK60161331926819] ok"),
        ("GB29NWBK60161331926819", "[GB29NWBK60161331926819]"),
    ] {
        assert_eq!(as_shown(&beside(ACCOUNT, &text(read))), expected, "{read}");
    }
    let several = beside("Old Quarry Pottery", &text("of (Old  Quarry\nPottery), potters"));
    assert_eq!(as_shown(&several), "of ([Old Quarry Pottery]), potters");
}

#[test]
fn a_field_is_shown_with_its_name() {
    let structured = json!({"structuredContent": {"claim": {"payee": ACCOUNT, "other": "x"}}});
    let inner = text(r#"{"claim": {"payee": "GB29NWBK60161331926819"}}"#);
    for read in [structured, inner] {
        let excerpt = beside(ACCOUNT, &read);
        assert_eq!(
            (excerpt.field.as_deref(), as_shown(&excerpt).as_str()),
            (Some("payee"), "[GB29NWBK60161331926819]")
        );
    }
    assert_eq!(beside(ACCOUNT, &text("pay GB29NWBK60161331926819")).field, None);
}

#[test]
fn what_cannot_be_seen_is_shown_and_nothing_breaks_out_of_the_line() {
    let hostile = "\u{202e}pay\u{200b} now\u{1b}[2J\u{2028}to GB29NWBK60161331926819 \u{e0041}\u{7}\r\nallowed";
    let shown = as_shown(&beside(ACCOUNT, &text(hostile)));
    assert_eq!(shown, "⟨U+202E⟩pay⟨U+200B⟩ now⟨U+001B⟩[2J to [GB29NWBK60161331926819] ⟨U+E0041⟩⟨U+0007⟩ allowed");
}

#[test]
fn an_excerpt_is_bounded_on_both_sides_of_the_value() {
    let long = format!("{} GB29NWBK60161331926819 {}", "before ".repeat(400), "after ".repeat(400));
    let excerpt = beside(ACCOUNT, &text(&long));
    let length = |part: &str| part.chars().filter(|character| *character != '…').count();
    let whole = length(&excerpt.before) + length(&excerpt.value) + length(&excerpt.after);
    assert_eq!(whole, Excerpt::CHARS_MAX);
    assert!(excerpt.before.starts_with('…') && excerpt.after.ends_with('…'));
    // What one side does not need is the other's.
    let one_sided = beside(ACCOUNT, &text(&long[..400 * 7 + 23]));
    assert_eq!(length(&one_sided.before) + length(&one_sided.value), Excerpt::CHARS_MAX);
    // A value is not repeated at any length: it stands in the parameters.
    let name = "name ".repeat(100);
    let excerpt = beside(name.trim(), &text(&format!("x {name} y")));
    assert_eq!(length(&excerpt.value), Excerpt::CHARS_MAX / 2);
}

#[test]
fn a_credential_is_taken_out_wherever_the_excerpt_would_cut_it() {
    let secret = format!("-----KEY-----{}", "k".repeat(1_000));
    let read = text(&format!("{secret} pay GB29NWBK60161331926819 soon"));
    assert_eq!(as_shown(&with_credentials(ACCOUNT, &read, &secret)), "[redacted] pay [GB29NWBK60161331926819] soon");
    let read = text("pay GB29NWBK60161331926819 soon");
    assert_eq!(as_shown(&with_credentials(ACCOUNT, &read, "60161331")), "pay [GB29NWBK[redacted]926819] soon");
    assert_eq!(
        as_shown(&with_credentials(ACCOUNT, &read, "y GB29")),
        "pa[redacted][[redacted]NWBK60161331926819] soon"
    );
}

#[test]
fn an_excerpt_is_of_the_source_that_is_named() {
    let mut memory = Memory::default();
    memory.learn(operator(), &json!("the operator says alpha-1"), &plain(super::SAID));
    memory.learn(document(), &json!("the document says alpha-1 and beta-2"), &plain(READ));
    let quoted = |value: &str, source: &Source| {
        memory.quote(Leaf::Value(&json!(value)), source).map(|quote| quote.text.to_owned())
    };
    assert_eq!(quoted("alpha-1", &operator()).as_deref(), Some("the operator says alpha-1"));
    assert_eq!(quoted("alpha-1", &document()).as_deref(), Some("the document says alpha-1 and beta-2"));
    assert_eq!(quoted("beta-2", &operator()), None);
    assert_eq!(quoted("gamma-3", &document()), None);
}

#[test]
fn a_number_is_shown_as_its_source_writes_it() {
    let mut memory = Memory::default();
    memory.learn(document(), &text("it costs 1,250.00 EUR in all"), &plain(READ));
    let quote = memory.quote(Leaf::Value(&json!(1250)), &document()).unwrap();
    assert_eq!(&quote.text[quote.range], "1,250.00");
}

#[test]
fn a_word_too_long_to_be_kept_is_left_out_and_shifts_nothing() {
    let read = text(&format!("{} pay GB29NWBK60161331926819 {}", "x".repeat(3_000), "é".repeat(3_000)));
    assert_eq!(as_shown(&beside(ACCOUNT, &read)), "… pay [GB29NWBK60161331926819] …");
}
