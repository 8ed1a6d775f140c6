//! Formatting changes the layout and nothing else, and changes it once.

use proptest::prelude::*;

use super::{team, whole};
use crate::{Source, format, minimal};

fn formatted(text: &str) -> String {
    format("maso.toml", text).unwrap_or_else(|problem| panic!("{problem}\n{text}"))
}

fn check(text: &str, expected: &str) {
    let once = formatted(text);
    assert_eq!(once, expected);
    assert_eq!(formatted(&once), once);
}

#[test]
fn spaces_lines_and_indentation_have_one_form() {
    check("", "");
    check("\n\n# only a comment", "# only a comment\n");
    check("a=1", "a = 1\n");
    check("  a   =    1  # why\t\n", "a = 1 # why\n");
    check("a = 1\n\n\n\nb = 2\n\n\n", "a = 1\n\nb = 2\n");
    check("a = 1\r\n# c\r\nb = 2\r\n", "a = 1\n# c\nb = 2\n");
    check("a = 1\n   # above\n\tb = 2", "a = 1\n# above\nb = 2\n");
    check("\n[ a . \"b c\" ]   # beside\n  x=1\n", "[a.\"b c\"] # beside\nx = 1\n");
    check("[a]\n[a.b]\n\n\n[[c]]\nx=1\n[[ c ]]\n# end\n", "[a]\n[a.b]\n\n[[c]]\nx = 1\n[[c]]\n# end\n");
    check("a . b . c=1\n# two\na.d=2\n", "a.b.c = 1\n# two\na.d = 2\n");
}

#[test]
fn arrays_stay_on_their_line_until_they_are_broken_or_too_long() {
    check("a=[1,2 , 3,]", "a = [1, 2, 3]\n");
    check("a = [ ]", "a = []\n");
    check("a = [\n\n]\nb = {\n}", "a = []\nb = {}\n");
    check("a = [\n\n1,2\n]", "a = [\n  1,\n  2,\n]\n");
    check(
        "a = [ # first\n1, # one\n\n\n# above two\n2 # two\n, # behind\n# last\n\n]",
        "a = [ # first\n  1, # one\n\n  # above two\n  2, # two\n  # behind\n  # last\n]\n",
    );
    check("a = [[1,2],[3,\n4]]", "a = [\n  [1, 2],\n  [\n    3,\n    4,\n  ],\n]\n");
    check("a = [\n# nothing yet\n]", "a = [\n  # nothing yet\n]\n");
    let word = "w".repeat(60);
    check(&format!("a = [\"{word}\", \"{word}\"]"), &format!("a = [\n  \"{word}\",\n  \"{word}\",\n]\n"));
    check(&format!("{word} = [\"{word}\"]"), &format!("{word} = [\n  \"{word}\",\n]\n"));
}

#[test]
fn inline_tables_stay_on_their_line_unless_somebody_broke_them() {
    check("a={b=1,c={ }}", "a = { b = 1, c = {} }\n");
    check("a = [{b=1},{c=2}]", "a = [{ b = 1 }, { c = 2 }]\n");
    check("a = { b . c = 1 }", "a = { b.c = 1 }\n");
    check("a = { b = [\n1\n] }", "a = { b = [\n  1,\n] }\n");
    check("a = {\nb = 1, # one\nc = 2\n}", "a = {\n  b = 1, # one\n  c = 2,\n}\n");
    let word = "w".repeat(130);
    check(&format!("a = {{ b = \"{word}\" }}"), &format!("a = {{ b = \"{word}\" }}\n"));
}

#[test]
fn nesting_costs_no_more_than_it_is_deep() {
    let deep = format!("a = {}{}", "[".repeat(50), "]".repeat(50));
    check(&deep, &format!("{deep}\n"));
    // Too wide for one line, and so broken at each level.
    let deeper = formatted(&format!("a = {}{}", "[".repeat(70), "]".repeat(70)));
    assert_eq!(formatted(&deeper), deeper);
    let tables = format!("a = {}1{}", "[{ b = ".repeat(30), " }]".repeat(30));
    let once = formatted(&tables);
    assert_eq!(formatted(&once), once);
}

#[test]
fn what_values_look_like_is_left_to_who_wrote_them() {
    check("a = '''x\n  y  \n'''", "a = '''x\n  y  \n'''\n");
    check(
        "a = 'single'\nb = 0xFF\nc = 1_000\nd = nan\ne = 1979-05-27T07:32:00Z",
        "a = 'single'\nb = 0xFF\nc = 1_000\nd = nan\ne = 1979-05-27T07:32:00Z\n",
    );
    check("\"a\" = 1", "\"a\" = 1\n");
}

#[test]
fn what_is_no_toml_is_named_with_its_place() {
    let problem = format("agents/a.toml", "a = 1\nb = = 2\n").unwrap_err();
    assert_eq!((problem.file.as_str(), problem.line, problem.column), ("agents/a.toml", 2, 5), "{problem}");
}

#[test]
fn our_own_deployments_are_laid_out_as_they_should_be() {
    for source in [whole(), minimal()] {
        for (path, text) in source.files.iter().filter(|(path, _)| path.ends_with(".toml")) {
            assert_eq!(&formatted(text), text, "{path}");
        }
    }
}

/// White space that may stand where a line may end, with and without comments.
fn gap() -> impl Strategy<Value = String> {
    let piece = prop_oneof![Just(" "), Just("\t"), Just("\n"), Just("# c\n"), Just("  # [x] = 1,\n\n\n"), Just("\r\n")];
    proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{1,3}", "\"[a-z #]{0,3}\"", "'[a-z=]{0,3}'"]
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("nan".to_owned()),
        Just("-0x1F".replace('-', "")),
        Just("true".to_owned()),
        Just("1979-05-27".to_owned()),
        "\"[a-z #\\[{,]{0,70}\"",
        "'[a-z #\"]{0,9}'",
        Just("\"\"\"\n  two # no comment\n lines \\\n  \"\"\"".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let array = (proptest::collection::vec((gap(), inner.clone(), gap()), 0..4), gap(), any::<bool>()).prop_map(
            |(values, end, comma)| {
                let n_values = values.len();
                let values = values.into_iter().map(|(before, value, after)| format!("{before}{value}{after}"));
                let comma = if comma && n_values > 0 { "," } else { "" };
                format!("[{}{comma}{end}]", values.collect::<Vec<_>>().join(","))
            },
        );
        let table = (proptest::collection::btree_map("[a-z]{1,3}(\\.[a-z]{1,2})?", (gap(), inner, gap()), 0..3), gap())
            .prop_map(|(entries, end)| {
                let entries =
                    entries.into_iter().map(|(key, (before, value, after))| format!("{before}{key} = {value}{after}"));
                format!("{{{}{end}}}", entries.collect::<Vec<_>>().join(","))
            });
        prop_oneof![2 => array, 1 => table]
    })
}

fn line() -> impl Strategy<Value = String> {
    let header = (gap(), key(), any::<bool>()).prop_map(|(gap, key, is_array)| {
        if is_array { format!("{gap}[[ {key}\t]] # h\n") } else { format!("{gap}[{key} . x ]\n") }
    });
    let pair = (gap(), key(), value(), prop_oneof![Just(""), Just("  "), Just(" # beside")])
        .prop_map(|(gap, key, value, after)| format!("{gap}{key}  ={value}{after}\n"));
    prop_oneof![1 => header, 4 => pair]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 100_000, ..ProptestConfig::default() })]

    #[test]
    fn formatting_is_idempotent_and_changes_neither_values_nor_comments(
        lines in proptest::collection::vec(line(), 0..6),
        end in gap(),
    ) {
        let text = lines.concat() + &end;
        prop_assume!(toml::from_str::<toml::Table>(&text).is_ok());
        // That values and comments are as they were is checked by `format` itself, which gives an error otherwise.
        let once = format("maso.toml", &text).map_err(|problem| TestCaseError::fail(format!("{problem}\n{text}")))?;
        let twice = format("maso.toml", &once).map_err(|problem| TestCaseError::fail(format!("{problem}\n{once}")))?;
        prop_assert_eq!(&twice, &once, "\n{}", text);
        prop_assert!(once.lines().all(|line| once.contains("\"\"\"") || line == line.trim_end()), "{}", once);
        prop_assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n") || once.contains("\"\"\""));
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_laid_out_anew_is_read_as_the_same_deployment(
        disorder in proptest::collection::vec(("[ \t]{0,3}", prop_oneof![Just(""), Just("\n"), Just("# why\n\n\n")]), 64),
    ) {
        for source in [team(), whole(), minimal()] {
            let mut disordered = source.clone();
            for (path, text) in &mut disordered.files {
                // A line of a text over several lines is no place for a comment.
                if path.ends_with(".toml") && !text.contains("\"\"\"") && !text.contains("'''") {
                    let lines = text.lines().zip(disorder.iter().cycle());
                    *text = lines.map(|(line, (indent, above))| format!("{above}{indent}{line}\n")).collect();
                }
            }
            let mut laid_out = disordered.clone();
            for (path, text) in laid_out.files.iter_mut().filter(|(path, _)| path.ends_with(".toml")) {
                *text = format(path, text).map_err(|problem| TestCaseError::fail(problem.to_string()))?;
            }
            let read = meaning(&source);
            prop_assert_eq!(&meaning(&disordered), &read);
            prop_assert_eq!(&meaning(&laid_out), &read);
        }
    }
}

/// All that is read from a folder, line by line, but for content addresses and places, which follow from how it is laid out.
/// Sorted, because some of it has no order.
fn meaning(source: &Source) -> Vec<String> {
    let deployment = crate::parse(source).unwrap_or_else(|problems| panic!("{problems}"));
    let text = format!("{deployment:#?}");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("line: "));
    let mut lines: Vec<_> = lines.map(|line| line.split("sha256:").next().unwrap_or(line).to_owned()).collect();
    lines.sort();
    lines
}
