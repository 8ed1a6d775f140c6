//! The corpus of mandates: small deployments, and exactly what is found in each of them at each tier.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use maso_core::{Tier, Timestamp};
use serde::Deserialize;

use crate::{LintRule, Problem, Source, check, check_at};

/// One case, as `corpus/mandates/README.md` describes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "says")]
    _says: String,
    base: String,
    /// The day on which it is looked at; without it, dates are not held against today.
    today: Option<String>,
    change: Vec<Change>,
    finds: Vec<String>,
    /// The nearest deployment in which nothing is found; without it, that is the base.
    mend: Option<Vec<Change>>,
}

/// A file alone is removed; a file and a text is written or added to; a file and two texts: the first is replaced.
#[derive(Deserialize)]
struct Change(Vec<String>);

impl Change {
    fn apply(&self, source: &mut Source) {
        match self.0.as_slice() {
            [file] => assert!(source.files.remove(file).is_some(), "there is no {file}"),
            [file, text] => source.files.entry(file.clone()).or_default().push_str(text),
            [file, old, new] => {
                let text = source.files.get_mut(file).unwrap_or_else(|| panic!("there is no {file}"));
                assert!(text.contains(old), "`{old}` is not in {file}");
                *text = text.replacen(old, new, 1);
            }
            other => panic!("no change: {other:?}"),
        }
    }
}

impl Case {
    fn deployment(&self, changes: &[Change], tier: Tier) -> Source {
        let mut source = base(&self.base);
        Change(vec!["maso.toml".into(), "tier = 2".into(), format!("tier = {}", tier.number())]).apply(&mut source);
        for change in changes {
            change.apply(&mut source);
        }
        source
    }

    fn found(&self, source: &Source) -> Vec<Problem> {
        match &self.today {
            None => check(source),
            Some(day) => {
                let begins: jiff::Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
                check_at(source, Timestamp::from_millis(begins.as_millisecond()))
            }
        }
    }

    /// The lines of `finds` that count at a tier: place, control, rule and severity.
    fn expected(&self, tier: Tier) -> BTreeSet<String> {
        let column = usize::from(tier.number()) + 2;
        let words = self.finds.iter().map(|line| line.split(' ').collect::<Vec<_>>());
        let counted = words.filter(|words| words[column] != "-");
        counted.map(|words| [words[0], words[1], words[2], words[column]].join(" ")).collect()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/mandates")
}

fn base(name: &str) -> Source {
    let root = folder().join("base").join(name);
    let mut source = Source::default();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                source.files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    source
}

fn cases() -> BTreeMap<String, Case> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let cases = files.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let case =
            toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    };
    cases.map(read).collect()
}

fn line(problem: &Problem) -> String {
    let Problem { file, line, column, control, rule, severity, .. } = problem;
    let control = control.as_ref().map_or("-", |control| control.as_str());
    format!("{file}:{line}:{column} {control} {} {severity}", rule.id())
}

/// What of a case is not as expected, in words.
fn differs(case: &str, tier: Tier, expected: &BTreeSet<String>, problems: &[Problem]) -> Option<String> {
    let found: BTreeSet<String> = problems.iter().map(line).collect();
    assert!(problems.iter().all(|problem| !problem.message.is_empty() && !problem.remedy.is_empty()), "{case}");
    let (missing, added): (Vec<_>, Vec<_>) =
        (expected.difference(&found).collect(), found.difference(expected).collect());
    let is_as_expected = missing.is_empty() && added.is_empty();
    (!is_as_expected).then(|| format!("{case} at tier {}: missing {missing:?}, added {added:?}", tier.number()))
}

/// All that is not as expected, because one change to a base concerns many cases.
fn assert_none(differences: &[String]) {
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn each_case_has_exactly_its_findings_at_each_tier() {
    let mut differences = Vec::new();
    for (name, case) in cases() {
        for &tier in Tier::ALL {
            let source = case.deployment(&case.change, tier);
            differences.extend(differs(&name, tier, &case.expected(tier), &case.found(&source)));
        }
    }
    assert_none(&differences);
}

#[test]
fn nothing_is_found_in_the_nearest_good_one_of_each_case() {
    let mut differences = Vec::new();
    for (name, case) in cases() {
        for &tier in Tier::ALL {
            let source = case.deployment(case.mend.as_deref().unwrap_or_default(), tier);
            let problems = if case.mend.is_some() { case.found(&source) } else { check(&source) };
            differences.extend(differs(&name, tier, &BTreeSet::new(), &problems));
        }
    }
    assert_none(&differences);
}

#[test]
fn the_corpus_knows_every_rule_and_is_as_large_as_it_says() {
    let cases = cases();
    let found: BTreeSet<&str> =
        cases.values().flat_map(|case| &case.finds).map(|line| line.split(' ').nth(2).unwrap()).collect();
    let unknown: Vec<&str> = LintRule::ALL
        .iter()
        .filter(|rule| !SHOWN_ELSEWHERE.contains(rule))
        .map(|rule| rule.id())
        .filter(|id| !found.contains(id))
        .collect();
    assert!(unknown.is_empty(), "no case finds {unknown:?}");
    assert!(cases.len() >= 120, "{} cases", cases.len());
}

#[test]
fn each_line_of_a_case_says_what_the_table_of_rules_says() {
    for (name, case) in cases() {
        for line in &case.finds {
            let words: Vec<&str> = line.split(' ').collect();
            let rule = LintRule::ALL.iter().find(|rule| rule.id() == words[2]);
            let rule = rule.unwrap_or_else(|| panic!("{name}: there is no rule {}", words[2]));
            let severities = rule.severities().map(|severity| severity.map_or("-", |severity| severity.as_str()));
            assert_eq!(severities.as_slice(), &words[3..], "{name}: {line}");
        }
    }
}

/// Rules that no text of a folder alone can show, for policies are compiled by `maso-policy` and signatures need keys: their
/// own tests show them.
const SHOWN_ELSEWHERE: [LintRule; 4] =
    [LintRule::PolicyInvalid, LintRule::SigningNotRequired, LintRule::SignatureMissing, LintRule::SignatureInvalid];
