//! Which version of the deployment is in force, and who signs what takes its place (AT-1.3).

use std::collections::BTreeMap;

use maso_core::Digest;
use maso_intent::{Approval, Duties, Duty, InForce, Office};
use maso_log::v1;
use parking_lot::RwLock;

/// The version that was signed and started last, by this process or another.
#[derive(Debug, Default)]
pub struct Versions(RwLock<InForce>);

impl Versions {
    /// What is in force.
    pub fn in_force(&self) -> InForce {
        self.0.read().clone()
    }

    pub(super) fn started(&self, record: &v1::Started) {
        // What nobody signed was let in because nobody had to: it changes nothing about what follows.
        let Some(approval) = &record.approval else { return };
        let duties = approval.required.then(|| Duties::new(approval.duties.iter().map(read)));
        let mut in_force = self.0.write();
        let latest = in_force.version.filter(|(number, _)| !approval.anew && *number > approval.number);
        let started = Digest::parse(&record.digest).map(|version| (approval.number, version));
        *in_force = InForce { version: latest.or(started), duties };
    }
}

/// What is recorded of a version that somebody signed, or with which a person began anew.
pub(crate) fn write(approval: &Approval, anew: bool) -> Option<v1::VersionApproval> {
    let statement = approval.statement();
    if statement.is_none() && !anew {
        return None;
    }
    let duties = approval.duties().iter().filter(|_| approval.is_required());
    Some(v1::VersionApproval {
        number: statement.map_or(0, |statement| statement.number),
        replaces: statement.and_then(|statement| statement.replaces).map(|version| version.to_string()),
        reason: statement.and_then(|statement| statement.reason.clone()),
        signers: approval.signers().into_iter().map(ToString::to_string).collect(),
        required: approval.is_required(),
        duties: duties.map(duty).collect(),
        anew,
    })
}

fn duty(duty: &Duty) -> v1::SigningDuty {
    let signer = |(operator, key): (&_, &_)| v1::VersionSigner { operator: text(operator), key: text(key) };
    v1::SigningDuty {
        office: duty.office.as_str().to_owned(),
        workflow: duty.workflow.as_ref().map(text),
        may_sign: duty.may_sign.iter().map(signer).collect(),
    }
}

fn text(value: &impl ToString) -> String {
    value.to_string()
}

/// What cannot be read is a duty that nobody can fulfil, so that nothing starts on the strength of it.
fn read(duty: &v1::SigningDuty) -> Duty {
    let may_sign: BTreeMap<_, _> = duty
        .may_sign
        .iter()
        .filter_map(|signer| Some((signer.operator.parse().ok()?, signer.key.parse().ok()?)))
        .collect();
    Duty {
        office: Office::parse(&duty.office).unwrap_or(Office::Security),
        workflow: duty.workflow.as_ref().and_then(|workflow| workflow.parse().ok()),
        why_nobody: may_sign.is_empty().then(|| "as the version in force has it, nobody can".to_owned()),
        may_sign,
    }
}
