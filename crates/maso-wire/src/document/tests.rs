use proptest::prelude::*;
use serde_json::{Value, json};

use super::{DocumentForm, parse_document};
use crate::Limits;

fn read(text: &str, form: DocumentForm) -> Result<Value, String> {
    parse_document(text, form, &Limits::DEFAULT).map_err(|malformed| malformed.reason)
}

#[test]
fn a_value_is_read_as_it_was_written() {
    let yaml = "- amount: 100.0\n  date: '2022-01-01'\n  id: 1\n  note: null\n  subject: 'It''s: a party'\n  tags:\n  - a\n  - true\n";
    let expected = json!([
        { "amount": 100.0, "date": "2022-01-01", "id": 1, "note": null, "subject": "It's: a party", "tags": ["a", true] }
    ]);
    assert_eq!(read(yaml, DocumentForm::Yaml), Ok(expected));
    let python = r#"{'name': 'Emma', "it's": ['a\n\'b\'', None, True, -1.5, (1, 2)], 3: {}, 'set': {'x'}}"#;
    let expected = json!({ "name": "Emma", "it's": ["a\n'b'", null, true, -1.5, [1, 2]], "3": {}, "set": ["x"] });
    assert_eq!(read(python, DocumentForm::Python), Ok(expected));
}

#[test]
fn what_two_parsers_could_read_differently_is_a_text() {
    for (text, form) in [
        ("a: 1\na: 2\n", DocumentForm::Yaml),
        ("a: &x [1]\nb: *x\n", DocumentForm::Yaml),
        ("a: !!python/object:os.system x\n", DocumentForm::Yaml),
        ("a: 1\n---\nb: 2\n", DocumentForm::Yaml),
        ("just words", DocumentForm::Yaml),
        ("{'a': 1, 'a': 2}", DocumentForm::Python),
        ("{'a': 1} and more", DocumentForm::Python),
        ("{'a': <Color.RED: 1>}", DocumentForm::Python),
        ("{'a': 'broken\nover lines'}", DocumentForm::Python),
        ("{'a': __import__('os')}", DocumentForm::Python),
        ("'a'", DocumentForm::Python),
        ("\"a\"", DocumentForm::Json),
    ] {
        assert!(read(text, form).is_err(), "{text:?}");
    }
}

#[test]
fn what_is_nested_too_deeply_or_holds_too_much_is_refused() {
    for (open, close, form) in [("[", "]", DocumentForm::Python), ("[", "]", DocumentForm::Yaml)] {
        let deep = format!("{}{}", open.repeat(1_000), close.repeat(1_000));
        assert!(read(&deep, form).is_err());
        let many = format!("[{}1]", "1,".repeat(200_000));
        assert!(read(&many, form).is_err());
    }
}

/// As `str()` of Python writes a value.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(key, value)| format!("{}: {}", quoted(key), written(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t");
    format!("'{}'", text.replace('\'', "\\'"))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~\\n\\t\u{e4}\u{20ac}]{0,24}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-z' :{]{1,8}", inner, 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_python_writes_is_read_back(value in value()) {
        let whole = json!([value]);
        prop_assert_eq!(read(&written(&whole), DocumentForm::Python), Ok(whole));
    }

    #[test]
    fn json_is_yaml(value in value()) {
        let whole = json!([value]);
        let text = whole.to_string();
        // Two escapes that YAML does not know.
        prop_assume!(!text.contains("\\/"));
        prop_assert_eq!(read(&text, DocumentForm::Yaml), Ok(whole));
    }

    #[test]
    fn no_text_stops_a_reader(text in "\\PC{0,80}|[-\\[\\]{}():,'\"a1&*!|> \\n]{0,80}") {
        for form in [DocumentForm::Json, DocumentForm::Yaml, DocumentForm::Python] {
            let _ = read(&text, form);
        }
    }
}
