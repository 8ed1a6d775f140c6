//! What `maso check` says of signatures.

use maso_core::Tier;
use maso_identity::Envelope;

use super::{SignedVersions, approval::statement_in};
use crate::{Deployment, LintRule, Problem, Source};

/// What is wrong with the signatures of a deployment, gravest for what does not start. It is no part of [`crate::lint`]:
/// a declaration can be sound before anybody has signed it.
pub fn problems(deployment: &Deployment, source: &Source) -> Vec<Problem> {
    let approval = &deployment.approval;
    let mut problems = Vec::new();
    let mut note = |rule, file: &str, message, remedy: &str| {
        problems.extend(problem(deployment.tier, rule, file, message, remedy));
    };
    if !approval.is_required() {
        let message = format!("tier {} runs on what nobody must have signed", deployment.tier.number());
        let remedy = "give each owner and `security` a `key`, and take `required = false` out of `[signing]`";
        note(LintRule::SigningNotRequired, "maso.toml", message, remedy);
    }
    if approval.is_required() {
        let changes = SignedVersions::of(deployment, source).changes();
        let since = match changes.as_slice() {
            [] => String::new(),
            changes => {
                let changes: Vec<String> = changes.iter().map(ToString::to_string).collect();
                format!("; since the last version that was signed {}", changes.join(", "))
            }
        };
        for duty in approval.missing() {
            let message = format!("this version is not signed by its {duty}, so it does not start{since}");
            note(LintRule::SignatureMissing, "maso.toml", message, "`maso sign DIR --as OPERATOR` signs it");
        }
    }
    for (path, text) in source.signatures() {
        let message = match Envelope::read(text) {
            Err(error) => format!("no envelope: {error}"),
            Ok(envelope) => {
                match statement_in(&envelope).map(|statement| Source::path_of_signatures(statement.version())) {
                    None => "its payload names no version of a deployment".to_owned(),
                    Some(other) if other != path => format!("its payload is about another version, that of `{other}`"),
                    Some(_) => continue,
                }
            }
        };
        note(LintRule::SignatureInvalid, path, message, "remove it; `maso sign` writes another");
    }
    problems
}

fn problem(tier: Tier, rule: LintRule, file: &str, message: String, remedy: &str) -> Option<Problem> {
    let (file, remedy) = (file.to_owned(), remedy.to_owned());
    let (severity, control) = (rule.severity(tier)?, rule.control());
    Some(Problem { file, line: 1, column: 1, severity, control, rule, message, remedy })
}
