//! Temporal rules: what can be said, what is wrong with what cannot, and what is unsound.

use proptest::prelude::*;

use super::team;
use crate::{Formula, Reach, RuleEffect, Severity, Source, check, parse};

const EVENTS: &str = r#"
[events.payment]
tools = ["db:pay"]

[events.private-read]
is = "answer"
tools = ["db:read_claim"]
confidentiality = "confidential"

[events.approval]
is = "approval"
"#;

const RULE: &str = r#"
[[rule]]
id = "few-payments"
control = "EC-2.3"
per = "workflow"
forbid = "payment"
unless = "count of payment within 24h is at most 3"

[[rule]]
id = "a-person-saw-it"
control = "DP-2.1"
per = "task"
because = "who pays after a look into a claim was seen"
hold = "payment"
when = "no approval since private-read"
"#;

fn with(rules: &str) -> Source {
    let mut source = team();
    source.files.insert("rules/claims.toml".to_owned(), rules.to_owned());
    source
}

/// What is wrong with these rules beside the events above, each with its line.
fn problems(rules: &str) -> Vec<String> {
    let problems = check(&with(&format!("{EVENTS}{rules}")));
    let in_rules = problems.into_iter().filter(|problem| problem.file.starts_with("rules/"));
    in_rules.filter(|problem| problem.severity < Severity::Note).map(|problem| problem.message).collect()
}

/// What is wrong with the rules above if this stands in place of that.
fn edited(old: &str, new: &str) -> Vec<String> {
    assert!(RULE.contains(old), "{old}");
    problems(&RULE.replacen(old, new, 1))
}

#[test]
fn rules_are_read_with_their_place_and_nothing_is_wrong_with_them() {
    assert_eq!(problems(RULE), Vec::<String>::new());
    let deployment = parse(&with(&format!("{EVENTS}{RULE}"))).unwrap();
    let rules: Vec<_> = deployment.rules.iter().collect();
    let [few, seen] = rules.as_slice() else { panic!("{rules:?}") };
    assert_eq!((few.line, few.effect, few.reach), (14, RuleEffect::Forbid, Reach::Workflow));
    assert_eq!((seen.path.as_str(), seen.effect, seen.reach), ("rules/claims.toml", RuleEffect::Hold, Reach::Task));
    assert_eq!(seen.events.len(), 3);
}

#[test]
fn a_formula_is_read_as_it_is_meant() {
    for (text, read) in [
        ("no approval since read within 1h", "not approval since read within 1h"),
        ("not (approval since read)", "not (approval since read)"),
        ("(not approval) since (read)", "not approval since read"),
        ("a or b and c", "a or b and c"),
        ("(a or b) and c", "(a or b) and c"),
        ("a and (b and c)", "a and (b and c)"),
        ("formerly read within 60m", "formerly read within 1h"),
        ("a since (formerly b within 1h) within 2h", "a since (formerly b within 1h) within 2h"),
        ("a since formerly b within 2h", "a since (formerly b within 2h)"),
        (
            "sum of /amount of payment within 1d is at most 500_000",
            "sum of /amount of payment within 24h is at most 500000",
        ),
        ("distinct agents of payment is more than 1", "distinct agents of payment is more than 1"),
        ("distinct /to of payment is exactly 1", "distinct /to of payment is exactly 1"),
    ] {
        assert_eq!(text.parse::<Formula>().unwrap().to_string(), read, "{text}");
    }
}

#[test]
fn what_is_no_formula_is_told_with_its_place() {
    for (text, offset, message) in [
        ("", 0, "it ends where an event, `formerly`, `count of`, `sum of`, `distinct` or `not` was expected"),
        ("a and", 5, "it ends where"),
        ("a b", 2, "`b` where `and`, `or`, or the end was expected"),
        ("(a", 2, "it ends where `)` was expected"),
        ("count payment is at most 3", 6, "`payment` where `of` was expected"),
        ("count of payment within 3 is at most 3", 24, "`3` is not a duration"),
        ("count of payment within 0h is at most 3", 24, "a window of no length"),
        ("count of payment is atmost 3", 20, "`atmost` where `at most`, `at least`"),
        ("count of payment is at most -3", 28, "`-3` where a whole number"),
        ("count of payment is at most 3.5", 28, "`3.5` where a whole number"),
        ("sum of amount of payment is at most 3", 7, "`amount` where a JSON pointer"),
        ("a since b since c", 10, "two `since` in a row can be read in two ways"),
        ("Payment", 0, "`Payment` is not an event's name"),
        ("formerly since", 9, "`since` where an event was expected"),
    ] {
        let wrong = text.parse::<Formula>().unwrap_err();
        assert!(wrong.message.starts_with(message), "{text}: {wrong}");
        assert_eq!(wrong.offset, offset, "{text}");
    }
    assert!("(".repeat(1_000).parse::<Formula>().is_err());
    assert!(format!("{}a", "not ".repeat(100)).parse::<Formula>().is_err());
    assert!("a and ".repeat(1_000).parse::<Formula>().is_err());
}

#[test]
fn what_is_no_rule_is_told() {
    for (old, new, message) in [
        ("forbid = \"payment\"", "", "a rule stops one event, by `forbid` or by `hold`"),
        ("forbid = \"payment\"", "forbid = \"paiment\"", "no event of this file is called `paiment`"),
        ("of payment within", "of paiment within", "no event of this file is called `paiment`"),
        ("unless = ", "when = \"payment\"\nunless = ", "a rule has one condition, `when` or `unless`"),
        ("hold = \"payment\"", "hold = \"private-read\"", "an answer cannot wait for a person"),
        (
            "hold = \"payment\"",
            "hold = \"approval\"",
            "`approval` is of the kind `approval`, which has happened when it is known",
        ),
        ("a-person-saw-it", "few-payments", "two rules have the id `few-payments`"),
        ("24h is", "400d is", "a window longer than 366 days"),
        ("at most 3", "at most 10_001", "10001 is more than the 10000 that a rule can tell apart here"),
        ("per = \"task\"", "per = \"tsk\"", "`tsk` is not one of"),
        ("control = \"DP-2.1\"", "control = \"DP-2.99\"", "the framework has no control `DP-2.99`"),
    ] {
        let problems = edited(old, new);
        assert!(problems.iter().any(|problem| problem.contains(message)), "{message}: {problems:?}");
    }
}

#[test]
fn a_problem_in_a_formula_points_at_the_word() {
    let source = with(&format!("{EVENTS}{}", RULE.replace("at most 3", "atmost 3")));
    let problems = parse(&source).unwrap_err().into_vec();
    let [problem] = problems.as_slice() else { panic!("{problems:?}") };
    assert_eq!((problem.line, problem.column), (18, 42), "{problem}");
}

#[test]
fn what_never_happens_is_told() {
    let event = |text: &str| {
        let rule = "[[rule]]\nid = \"r\"\ncontrol = \"EC-2.3\"\nper = \"task\"\nforbid = \"odd\"\nunless = \"count of odd is at most 3\"\n";
        problems(&format!("[events.odd]\n{text}\n{rule}"))
    };
    for (text, message) in [
        ("tools = [\"db:paay\"]", "server `db` has no tool `paay`"),
        ("tools = [\"dbs:pay\"]", "there is no server `dbs`"),
        ("tools = [\"db:pay\"]\nclasses = [\"read\"]", "`odd` never happens: none of these tools is of such a class"),
        ("tools = [\"db:pay\"]\nagents = [\"intake\"]", "`odd` never happens: no such agent holds such a tool"),
        ("agents = [\"intak\"]", "there is no agent `intak`"),
        ("requests = [\"analysis:asses\"]", "no grant names the request `analysis:asses`"),
        ("tools = [\"db:pay\"]\nvalues = { \"/sum\" = { at_least = 3 } }", "`db:pay` has no argument `/sum`"),
    ] {
        let problems = event(text);
        assert!(problems.iter().any(|problem| problem == message), "{message}: {problems:?}");
    }
    for text in ["tools = [\"db:*\"]", "tools = [\"db:pay\"]\nvalues = { \"/iban\" = { one_of = [\"DE1\"] } }"] {
        assert_eq!(event(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_rule_that_stops_always_or_never_is_told() {
    for (condition, message) in [
        ("when = \"payment and not payment\"", "`few-payments` never stops anything"),
        ("unless = \"count of payment is at least 0\"", "`few-payments` never stops anything"),
        ("unless = \"formerly payment\"", "`few-payments` never stops anything"),
        ("when = \"formerly (approval or not approval)\"", "`few-payments` always stops `payment`"),
        ("when = \"count of payment within 1h is more than 0\"", "`few-payments` always stops `payment`"),
    ] {
        let problems = edited("unless = \"count of payment within 24h is at most 3\"", condition);
        assert!(problems.iter().any(|problem| problem.starts_with(message)), "{condition}: {problems:?}");
    }
}

#[test]
fn a_rule_that_adds_nothing_to_another_is_told() {
    let another = |condition: &str, effect: &str| {
        let rule = format!(
            "[[rule]]\nid = \"more\"\ncontrol = \"EC-2.3\"\nper = \"workflow\"\n{effect} = \"payment\"\n{condition}\n"
        );
        problems(&format!("{RULE}{rule}"))
    };
    for (condition, effect, told) in [
        (
            "unless = \"count of payment within 24h is at most 3\"",
            "forbid",
            Some("`more` adds nothing to `few-payments`"),
        ),
        (
            "unless = \"count of payment within 24h is at most 4\"",
            "hold",
            Some("`more` adds nothing to `few-payments`"),
        ),
        (
            "unless = \"count of payment within 24h is at most 2\"",
            "forbid",
            Some("`few-payments` adds nothing to `more`"),
        ),
        ("unless = \"count of payment within 24h is at most 2\"", "hold", None),
        ("unless = \"count of payment within 1h is at most 2\"", "forbid", None),
        (
            "unless = \"count of payment within 1h is at most 3\"",
            "forbid",
            Some("`more` adds nothing to `few-payments`"),
        ),
        ("unless = \"formerly approval\"", "forbid", None),
    ] {
        let problems = another(condition, effect);
        match told {
            Some(message) => assert!(problems.iter().any(|one| one.starts_with(message)), "{condition}: {problems:?}"),
            None => assert_eq!(problems, Vec::<String>::new(), "{condition}"),
        }
    }
}

#[test]
fn an_event_that_no_rule_names_is_noted() {
    let problems = check(&with(EVENTS));
    let notes = problems.iter().filter(|problem| problem.file.starts_with("rules/"));
    assert_eq!(notes.map(|problem| problem.severity).collect::<Vec<_>>(), [Severity::Note; 3]);
}

fn some_formula() -> impl Strategy<Value = String> {
    let window = prop::sample::select(vec!["", " within 90s", " within 24h", " within 7d"]);
    let measure = prop::sample::select(vec!["count of", "sum of /a~1b of", "distinct /to of", "distinct agents of"]);
    let relation = prop::sample::select(vec!["at most", "at least", "more than", "less than", "exactly"]);
    let name = prop::sample::select(vec!["pay", "read-2", "approval"]);
    let compare = (measure, name.clone(), window.clone(), relation, any::<u32>()).prop_map(
        |(measure, name, window, relation, number)| format!("{measure} {name}{window} is {relation} {number}"),
    );
    prop_oneof![name.prop_map(str::to_owned), compare].prop_recursive(5, 24, 2, move |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("not ({inner})")),
            (inner.clone(), window.clone()).prop_map(|(inner, window)| format!("formerly ({inner}){window}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) and ({other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one}) or ({other})")),
            (inner.clone(), inner, window.clone())
                .prop_map(|(held, start, window)| format!("({held}) since ({start}){window}")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_as_the_same(text in some_formula()) {
        let formula: Formula = text.parse().unwrap();
        prop_assert_eq!(formula.to_string().parse::<Formula>(), Ok(formula));
    }

    #[test]
    fn whatever_is_written_is_read_or_told(text in "[a-z/()_0-9 ]{0,60}") {
        if let Ok(formula) = text.parse::<Formula>() {
            prop_assert_eq!(formula.to_string().parse::<Formula>(), Ok(formula));
        }
    }
}
