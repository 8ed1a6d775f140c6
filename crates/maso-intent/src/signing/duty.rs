//! Who must sign a version.

use std::{collections::BTreeMap, fmt, sync::Arc};

use maso_core::{OperatorName, WorkflowName};
use maso_identity::{Envelope, OperatorPublic};

use crate::{Operator, Role, SolutionMandate};

/// In which capacity a person signs (the three that a solution mandate names as its approvers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Office {
    /// Answers for the process.
    ProcessOwner,
    /// Answers for the technology.
    TechnicalOwner,
    /// Answers for the security of it.
    Security,
}

impl Office {
    const ALL: [Self; 3] = [Self::ProcessOwner, Self::TechnicalOwner, Self::Security];

    /// The word used in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProcessOwner => "process-owner",
            Self::TechnicalOwner => "technical-owner",
            Self::Security => "security",
        }
    }

    /// Reads the word, exactly as written.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|office| office.as_str() == word)
    }
}

impl fmt::Display for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ProcessOwner => "process owner",
            Self::TechnicalOwner => "technical owner",
            Self::Security => "security",
        })
    }
}

/// One signature that a version needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duty {
    /// In which capacity.
    pub office: Office,
    /// Of which workflow; `None` for a deployment that has none.
    pub workflow: Option<WorkflowName>,
    /// Who may sign, each with the one key that counts.
    pub may_sign: BTreeMap<OperatorName, OperatorPublic>,
    /// Why nobody can, where that is so.
    pub why_nobody: Option<String>,
}

impl Duty {
    fn is_done(&self, envelope: &Envelope) -> bool {
        self.may_sign.values().any(|key| envelope.is_signed_by(&key.key()))
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.office)?;
        if let Some(workflow) = &self.workflow {
            write!(f, " of `{workflow}`")?;
        }
        let names: Vec<String> = self.may_sign.keys().map(|name| format!("`{name}`")).collect();
        match &self.why_nobody {
            _ if !names.is_empty() => write!(f, " ({})", names.join(" or ")),
            Some(why) => write!(f, " ({why})"),
            None => f.write_str(" (nobody can)"),
        }
    }
}

/// All signatures that a version needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duties(Vec<Duty>);

impl Duties {
    /// These duties.
    pub fn new(duties: impl IntoIterator<Item = Duty>) -> Self {
        Self(duties.into_iter().collect())
    }

    /// For each workflow its process owner, its technical owner and somebody with the role `security`: three people.
    pub(crate) fn of<'a>(
        workflows: impl IntoIterator<Item = &'a Arc<SolutionMandate>>,
        operators: &BTreeMap<OperatorName, Operator>,
    ) -> Self {
        let mut duties: Vec<Duty> =
            workflows.into_iter().flat_map(|solution| of_workflow(solution, operators)).collect();
        // What no workflow's people stand for is not therefore free to start.
        if duties.is_empty() {
            duties.push(security(None, [], operators));
        }
        Self(duties)
    }

    /// The duties that no signature of this envelope fulfils.
    pub fn open(&self, envelope: &Envelope) -> Vec<Duty> {
        self.0.iter().filter(|duty| !duty.is_done(envelope)).cloned().collect()
    }

    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Duty> {
        self.0.iter()
    }
}

fn of_workflow(solution: &SolutionMandate, operators: &BTreeMap<OperatorName, Operator>) -> [Duty; 3] {
    let owner = |office, name: &str, taken: Option<&str>| {
        let operator = name.parse().ok().and_then(|name: OperatorName| operators.get_key_value(&name));
        let signer = operator.filter(|_| taken != Some(name)).and_then(|(name, of)| Some((name.clone(), of.key?)));
        let why = || match name {
            "" => "the mandate names none".to_owned(),
            _ if taken == Some(name) => format!("`{name}` is its process owner already, and nobody signs twice"),
            _ if operator.is_some() => format!("`{name}` has no `key` in maso.toml"),
            _ => format!("`{name}` is no operator of maso.toml"),
        };
        Duty {
            office,
            workflow: Some(solution.workflow.clone()),
            why_nobody: signer.is_none().then(why),
            may_sign: signer.into_iter().collect(),
        }
    };
    let (process, technical) = (solution.process_owner.as_str(), solution.technical_owner.as_str());
    [
        owner(Office::ProcessOwner, process, None),
        owner(Office::TechnicalOwner, technical, Some(process)),
        security(Some(&solution.workflow), [process, technical], operators),
    ]
}

fn security<const N: usize>(
    workflow: Option<&WorkflowName>,
    owners: [&str; N],
    operators: &BTreeMap<OperatorName, Operator>,
) -> Duty {
    let may_sign: BTreeMap<_, _> = operators
        .iter()
        .filter(|(name, operator)| operator.roles.contains(&Role::Security) && !owners.contains(&name.as_str()))
        .filter_map(|(name, operator)| Some((name.clone(), operator.key?)))
        .collect();
    let why = "nobody else with the role `security` has a `key` in maso.toml";
    Duty {
        office: Office::Security,
        workflow: workflow.cloned(),
        why_nobody: may_sign.is_empty().then(|| why.to_owned()),
        may_sign,
    }
}
