//! What the lint says, where the corpus of mandates only says that it speaks.

use expect_test::{Expect, expect, expect_file};

use super::*;
use crate::{LintRule, check, look_over};

/// What is said of a deployment, all of it.
fn says(source: &Source, expected: &Expect) {
    let lines: Vec<String> = check(source).iter().map(ToString::to_string).collect();
    expected.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn nothing_is_said_of_the_smallest_deployment() {
    assert_eq!(check(&minimal()), []);
}

#[test]
fn a_way_of_private_data_and_untrusted_text_is_drawn() {
    let source = edit(team(), "tools/db.toml", "class = \"transfer\"", "class = \"send\"");
    let source =
        edit(source, "tools/db.toml", "integrity_min = \"verified\", below = \"deny\"", "integrity_min = \"external\"");
    says(
        &source,
        &expect![[r#"
        agents/analysis.toml:12:8: warning: private data can leave by `db:pay` at the word of untrusted text: `intake` reads from server `files` (external, internal) → asks `assess` of `analysis`; `analysis` reads `db:read_claim` (confidential) (ENV-16)
          help: declare where it sends to under `authority` with `below = "deny"`, or part the three
    "#]],
    );
}

#[test]
fn the_circle_of_grants_is_drawn() {
    let back = "[[grants]]\nfrom = \"analysis\"\nto = \"intake\"\nrequest = \"ask\"\nschema = { additionalProperties = false }\n\n[oispec]";
    says(
        &edit(team(), "workflows/claims.toml", "[oispec]", back),
        &expect![[r#"
            workflows/claims.toml:25:8: error: grants go round in a circle: `analysis` → `intake` → `analysis` (AT-2.4)
              help: remove one grant of the circle
            workflows/claims.toml:33:6: warning: `analysis` may ask `intake`, which comes before it in the sequence (AT-2.4)
              help: order `agents` by who asks whom, or remove the grant
            workflows/claims.toml:34:11: error: `analysis` holds `db:delete_claim`, and the answer to its request `ask` has room for free text: `the whole`: nothing says of what `type` it is (EC-2.14)
              help: fix the place with `enum`, `const`, a `pattern` of an identifier or a `format`; what must stay in words is stored, and the request names where
            workflows/claims.toml:34:11: warning: `intake` may call no tool for request `ask`, because the grant names none (IA-2.4)
              help: write what may be called for it in `tools`, by whoever does it; `tools = []` if nothing
        "#]],
    );
}

#[test]
fn what_was_probably_meant_is_asked() {
    let source = edit(team(), "agents/intake.toml", "escalation = \"supervisor\"", "escalation = \"supervizor\"");
    says(
        &source,
        &expect![[r#"
        agents/intake.toml:10:14: error: escalation to `supervizor`, who is not an operator (AT-2.9)
          help: did you mean `supervisor`?
    "#]],
    );
}

#[test]
fn a_deployment_that_cannot_be_read_is_none_and_one_that_is_unsound_is_one() {
    let now = maso_core::Timestamp::from_millis(1_795_000_000_000);
    assert!(look_over(&edited("maso.toml", "tier = 1", "tier = 9"), now).deployment.is_none());
    let unsound = look_over(&edited("maso.toml", "human = \"owner\"", "human = \"ownr\""), now);
    assert!(unsound.deployment.is_some());
    assert_eq!(unsound.problems.first().map(|problem| problem.rule), Some(LintRule::AccountableHumanUnknown));
}

#[test]
fn each_rule_has_a_name_of_its_own_and_knows_its_control() {
    let mut ids: Vec<&str> = LintRule::ALL.iter().map(|rule| rule.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), LintRule::ALL.len());
    for rule in LintRule::ALL {
        assert!(rule.id().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{rule:?}");
        assert!(!rule.summary().is_empty() && !rule.help().is_empty(), "{rule:?}");
        if let Some(control) = rule.control() {
            assert!(crate::Control::of(&control).is_some(), "the framework has no control {control}");
        }
        // What a tier asks for, a higher tier asks for no less.
        let severities = rule.severities().map(|severity| severity.map_or(u8::MAX, |severity| severity as u8));
        assert!(severities.is_sorted_by(|lower, higher| lower >= higher), "{rule:?}");
    }
}

#[test]
fn the_page_about_the_lint_says_what_the_table_of_rules_says() {
    let word = |severity: Option<crate::Severity>| severity.map_or("–", crate::Severity::as_str);
    let mut page = PAGE.to_owned();
    for rule in LintRule::ALL {
        let control = rule.control().map_or_else(|| "–".to_owned(), |control| control.to_string());
        let [first, second, third] = rule.severities().map(word);
        page += &format!(
            "| `{}` | {control} | {first} | {second} | {third} | {} | {} |\n",
            rule.id(),
            rule.summary(),
            rule.help()
        );
    }
    expect_file!["../../../../docs/lint.md"].assert_eq(&page);
}

const PAGE: &str = "\
# What `maso check` finds

`maso check DIR` looks a deployment over and says, for each finding, where it is, which rule and control it breaks, how
grave that is at the deployment's tier, and what to do. `--json` gives the same for scripts, `--sarif` as SARIF 2.1.0 for
CI systems. An error is a reason not to start; a warning says that something is weaker than it looks; a note is worth
knowing. Exit code 0 without errors, 1 with them.

This page is made from the table of rules in `crates/maso-intent/src/lint/rule/table.rs`: a test fails when the two
differ, and `UPDATE_EXPECT=1 cargo nextest run -p maso-intent the_page_about` writes it anew. Each rule has cases in
[`corpus/mandates`](../corpus/mandates/README.md), bad and nearest good, at all three tiers.

## Ways

`trifecta`, `injection-path` and their like ask what the declaration makes possible: which agent can come to hold which
data, over grants (what is asked, and what is answered), and through servers that one agent changes and another reads.
They show one shortest way:

```text
agents/notifier.toml:12:8: warning: private data can leave by `mail:send_mail` at the word of untrusted text:
  `intake` reads `inbox:read_letter` (external, internal) → asks `settle` of `clerk` → asks `tell` of `notifier`;
  `notifier` reads `ledger:read_account` (confidential)
```

A way out is a tool that sends, runs anything, or fetches an address that it is told. It is closed when each argument
that decides where something goes is declared under `authority` with `integrity_min` above `external` and `below =
\"deny\"`, or fixed by a bound `one_of`; with `below = \"escalate\"` a person keeps it. An agent that is not cleared for
private data does not come to hold it.

## What decides a criterion

`decided_by` of a success criterion names what decides whether it is met: `judge:NAME` (a judge of kind `model`),
`person:OPERATOR`, `schema:SERVER:TOOL` (the pinned definition of a tool, if it requires anything), `schema:REQUEST` (the
schema of a grant) or `field:/POINTER` (one of `required_fields` of the same specification). A word that cannot be
measured is no finding where a person, a schema or a field decides.

## Rules

| rule | control | tier 1 | tier 2 | tier 3 | finds | what to do |
| --- | --- | --- | --- | --- | --- | --- |
";
