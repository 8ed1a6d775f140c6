//! What is found in what people attest.

use super::*;
use crate::{
    Severity::{self, Error, Note, Warning},
    check, check_at,
};

fn found(source: &Source, file: &str, line: usize, severity: Severity, control: &str, message: &str) {
    let problems = check(source);
    let text = || problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let problem = problems
        .iter()
        .find(|problem| problem.file == file && problem.message.contains(message))
        .unwrap_or_else(|| panic!("`{message}` is not among:\n{}", text()));
    let given = problem.control.as_ref().map_or("", |control| control.as_str());
    assert_eq!(
        (problem.file.as_str(), problem.line, problem.severity, given),
        (file, line, severity, control),
        "{problem}"
    );
    assert!(!problem.remedy.is_empty(), "{problem}");
}

#[test]
fn evidence() {
    let file = "evidence/sample.toml";
    let with = |about: &str, by: &str, on: &str, due: &str| {
        let mut source = team();
        let text = format!("{about}\nwhat = \"read 40 of 600\"\nby = \"{by}\"\non = \"{on}\"\ndue = \"{due}\"\n");
        source.files.insert(file.to_owned(), text);
        source
    };
    let weekly = "control = \"OB-1.3\"";
    assert!(check(&with(weekly, "supervisor", "2026-11-20", "2026-11-27")).is_empty());
    assert!(check(&with("fact = \"capacity\"", "supervisor", "2026-11-20", "2028-11-20")).is_empty());
    for (source, line, severity, control, message) in [
        (with(weekly, "nobody", "2026-11-20", "2026-11-27"), 3, Error, "OB-2.7", "is not an operator"),
        (with(weekly, "supervisor", "2026-11-20", "2026-11-19"), 5, Error, "", "before the day of which it speaks"),
        (with(weekly, "supervisor", "2026-11-20", "2026-11-28"), 5, Warning, "OB-1.3", "counts until 2026-11-27"),
        (with("control = \"OB-1.33\"", "supervisor", "2026-11-20", "2026-11-27"), 1, Error, "", "no control `OB-1.33`"),
        (with("control = \"EC-1.1\"", "supervisor", "2026-11-20", "2026-11-27"), 1, Note, "EC-1.1", "maso does what"),
        (with("", "supervisor", "2026-11-20", "2026-11-27"), 1, Error, "", "nothing says what it is about"),
        (
            with("control = \"OB-1.3\"\nfact = \"capacity\"", "supervisor", "2026-11-20", "2026-11-27"),
            1,
            Error,
            "",
            "about a `control` and about a `fact`",
        ),
    ] {
        found(&source, file, line, severity, control, message);
    }
}

#[test]
fn evidence_is_held_against_the_day() {
    let evidence = |day: &str| {
        format!(
            "control = \"OB-1.3\"\nwhat = \"a sample\"\nby = \"supervisor\"\non = \"{day}\"\ndue = \"2026-12-31\"\n"
        )
    };
    let problems = |days: &[&str], today: &str| {
        let mut source = team();
        for day in days {
            source.files.insert(format!("evidence/{day}.toml"), evidence(day));
        }
        let begins = today.parse::<maso_core::Day>().unwrap().begins();
        let problems = check_at(&source, begins).into_iter();
        let problems = problems.filter(|problem| {
            problem.file.starts_with("evidence/") && problem.line != 5 || problem.message.contains("overdue")
        });
        problems.map(|problem| (problem.file, problem.severity)).collect::<Vec<_>>()
    };
    let file = |day: &str, severity| vec![(format!("evidence/{day}.toml"), severity)];
    assert_eq!(problems(&["2026-11-20"], "2026-11-27"), []);
    assert_eq!(problems(&["2026-11-20"], "2026-11-28"), file("2026-11-20", Warning));
    // The newest counts, and one for a day to come does not.
    assert_eq!(problems(&["2026-11-20", "2026-11-27"], "2026-11-28"), []);
    assert_eq!(problems(&["2026-11-27", "2026-11-29"], "2026-11-28"), file("2026-11-29", Error));
}
