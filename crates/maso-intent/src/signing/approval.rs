//! How the present bytes of a deployment stand to what people signed.

use std::{collections::BTreeMap, fmt};

use maso_core::{Digest, OperatorName};
use maso_identity::{Envelope, OperatorPublic};

use crate::{Duties, Duty, Operator, Source, Statement};

/// How a version of a deployment is signed, and how it must be.
#[derive(Clone, Debug)]
pub struct Approval {
    version: Digest,
    is_required: bool,
    duties: Duties,
    keys: BTreeMap<OperatorName, OperatorPublic>,
    // INVARIANT: the statement is what the envelope holds, and is about exactly this version.
    signed: Option<(Statement, Envelope)>,
}

/// The version that was in force before, as the record has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Its number, and the version; `None` before anything that was signed has started.
    pub version: Option<(u32, Digest)>,
    /// Who must sign what takes its place; `None` if it asked for no signatures.
    pub duties: Option<Duties>,
}

/// Why a version must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unapproved {
    /// Signatures are missing.
    #[error("{version} is not approved: the signature of its {} is missing", listed(.missing))]
    Missing {
        /// What would start.
        version: Digest,
        /// Who has not signed it.
        missing: Vec<Duty>,
    },
    /// It was signed, and another one has taken its place since.
    #[error("{version} was approved as number {number}, and number {in_force} has been in force since")]
    Replaced {
        /// What would start.
        version: Digest,
        /// Its number.
        number: u32,
        /// The number of what took its place.
        in_force: u32,
    },
}

impl Approval {
    pub(crate) fn of(
        source: &Source,
        is_required: bool,
        duties: Duties,
        operators: &BTreeMap<OperatorName, Operator>,
    ) -> Self {
        let version = source.digest();
        let signed = source.envelope(version).and_then(|envelope| {
            let statement = statement_in(&envelope)?;
            (statement.version() == version).then_some((statement, envelope))
        });
        let keys = operators.iter().filter_map(|(name, operator)| Some((name.clone(), operator.key?))).collect();
        Self { version, is_required, duties, keys, signed }
    }

    /// The version: content address of all files together.
    pub fn version(&self) -> Digest {
        self.version
    }

    /// Whether it may start only if it is signed by all who must.
    pub fn is_required(&self) -> bool {
        self.is_required
    }

    /// Who must sign it, by its own word.
    pub fn duties(&self) -> &Duties {
        &self.duties
    }

    /// Which operators' keys it knows.
    pub(crate) fn keys(&self) -> &BTreeMap<OperatorName, OperatorPublic> {
        &self.keys
    }

    /// The operators who signed it, by the keys that it names itself.
    pub fn signers(&self) -> Vec<&OperatorName> {
        let Some((_, envelope)) = &self.signed else { return Vec::new() };
        self.keys.iter().filter(|(_, key)| envelope.is_signed_by(&key.key())).map(|(name, _)| name).collect()
    }

    /// What its operators signed, if any of them did.
    pub fn statement(&self) -> Option<&Statement> {
        let (statement, _) = self.signed.as_ref()?;
        (!self.signers().is_empty()).then_some(statement)
    }

    /// Whose signatures are missing, by its own word.
    pub fn missing(&self) -> Vec<Duty> {
        self.open(&self.duties)
    }

    /// Whether it may start where `before` was in force: signed by all who must sign it by its own word, if it asks for
    /// that, and by all who must sign what takes the place of `before`. So nobody can drop the demand, or put new signers
    /// in place of the old, but those who signed until now; and what was replaced does not come back.
    ///
    /// # Errors
    /// When it may not.
    pub fn admit(&self, before: &InForce) -> Result<(), Unapproved> {
        let mut missing = if self.is_required { self.missing() } else { Vec::new() };
        missing.extend(before.duties.iter().flat_map(|duties| self.open(duties)));
        missing.sort();
        missing.dedup();
        if !missing.is_empty() {
            return Err(Unapproved::Missing { version: self.version, missing });
        }
        let are_numbers_kept = self.is_required || before.duties.is_some();
        match (&self.signed, before.version) {
            (Some((statement, _)), Some((in_force, version)))
                if are_numbers_kept
                    && (statement.number < in_force || statement.number == in_force && version != self.version) =>
            {
                Err(Unapproved::Replaced { version: self.version, number: statement.number, in_force })
            }
            _ => Ok(()),
        }
    }

    fn open(&self, duties: &Duties) -> Vec<Duty> {
        match &self.signed {
            Some((_, envelope)) => duties.open(envelope),
            None => duties.iter().cloned().collect(),
        }
    }
}

/// The statement in an envelope of ours, whoever signed it.
pub(super) fn statement_in(envelope: &Envelope) -> Option<Statement> {
    let is_ours = envelope.payload_type() == Statement::PAYLOAD_TYPE;
    is_ours.then(|| Statement::read(envelope.unverified_payload())).flatten()
}

fn listed(duties: &[Duty]) -> impl fmt::Display {
    duties.iter().map(ToString::to_string).collect::<Vec<_>>().join(", of its ")
}
