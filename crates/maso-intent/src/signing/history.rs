//! The versions that were signed, as the envelopes in the folder tell.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::Digest;
use maso_identity::{Envelope, OperatorKey};

use super::approval::statement_in;
use crate::{Deployment, Source, Statement};

/// What was signed in a folder: the last version beside the present one, and what has changed since.
#[derive(Clone, Debug)]
pub struct SignedVersions {
    files: BTreeMap<String, Digest>,
    present: Option<Envelope>,
    last: Option<Statement>,
}

/// How a file differs from what it was in the last version that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Added(String),
    /// It is another.
    Edited(String),
    /// It is not there any more.
    Removed(String),
}

/// Why a version could not be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The version was signed with another reason.
    #[error("this version was signed with another reason: {}", .0.as_deref().unwrap_or("none"))]
    OtherReason(Option<String>),
    /// More text than a reason may have.
    #[error("a reason has from 1 to {max} bytes", max = Statement::REASON_BYTES_MAX)]
    Reason,
    /// It has as many signatures as an envelope may have.
    #[error("it has {max} signatures, which is all that one version may have", max = Envelope::SIGNATURES_MAX)]
    Full,
    /// Numbers are used up.
    #[error("no number is left for another version")]
    NoNumber,
}

impl SignedVersions {
    /// Reads the envelopes of a folder. Only what an operator of the present version signed is taken for a version.
    pub fn of(deployment: &Deployment, source: &Source) -> Self {
        let (files, version) = (source.digests(), source.digest());
        let keys: Vec<_> = deployment.approval.keys().values().map(|key| key.key()).collect();
        let others = source.envelopes().filter(|(of, _)| *of != version).filter_map(|(of, envelope)| {
            let statement = statement_in(&envelope).filter(|statement| statement.version() == of)?;
            keys.iter().any(|key| envelope.is_signed_by(key)).then_some(statement)
        });
        let last = others.max_by_key(|statement| statement.number);
        // What somebody put there may be added to only if an operator stands by it, or we would have written it.
        let present = source.envelope(version).filter(|envelope| {
            statement_in(envelope).is_some_and(|statement| {
                let follows = last.as_ref().is_none_or(|last| statement.number > last.number);
                let is_next = Some(statement.number) == next(last.as_ref());
                let is_signed = keys.iter().any(|key| envelope.is_signed_by(key));
                statement.files == files && follows && (is_signed || is_next)
            })
        });
        Self { files, present, last }
    }

    /// The last version that was signed beside the present one.
    pub fn last(&self) -> Option<&Statement> {
        self.last.as_ref()
    }

    /// What differs from it, in the order of paths; nothing where nothing was signed before.
    pub fn changes(&self) -> Vec<Change> {
        let Some(last) = &self.last else { return Vec::new() };
        let paths: BTreeSet<_> = self.files.keys().chain(last.files.keys()).collect();
        let change = |path: &String| match (last.files.get(path), self.files.get(path)) {
            (None, Some(_)) => Some(Change::Added(path.clone())),
            (Some(_), None) => Some(Change::Removed(path.clone())),
            (old, new) if old != new => Some(Change::Edited(path.clone())),
            _ => None,
        };
        paths.into_iter().filter_map(change).collect()
    }

    /// The statement that the next signature is under: the one that others signed already, or the next number.
    ///
    /// # Errors
    /// When `reason` cannot be given, or no number is left.
    pub fn to_sign(&self, reason: Option<&str>) -> Result<Statement, SignError> {
        if let Some(statement) = self.present.as_ref().and_then(statement_in) {
            let is_another = reason.is_some() && reason != statement.reason.as_deref();
            return if is_another { Err(SignError::OtherReason(statement.reason)) } else { Ok(statement) };
        }
        if reason.is_some_and(|reason| reason.trim().is_empty() || reason.len() > Statement::REASON_BYTES_MAX) {
            return Err(SignError::Reason);
        }
        Ok(Statement {
            number: next(self.last.as_ref()).ok_or(SignError::NoNumber)?,
            replaces: self.last.as_ref().map(Statement::version),
            reason: reason.map(str::to_owned),
            files: self.files.clone(),
        })
    }

    /// The envelope with one more signature under `statement`, which [`SignedVersions::to_sign`] gave.
    ///
    /// # Errors
    /// When it has as many as it may have.
    pub fn signed(&self, statement: &Statement, key: &OperatorKey) -> Result<Envelope, SignError> {
        let payload = statement.payload();
        let present = self.present.as_ref().filter(|envelope| envelope.unverified_payload() == payload);
        let mut envelope = present.cloned().unwrap_or_else(|| Envelope::new(Statement::PAYLOAD_TYPE, payload));
        if envelope.n_signatures() >= Envelope::SIGNATURES_MAX {
            return Err(SignError::Full);
        }
        envelope.sign(key);
        Ok(envelope)
    }
}

impl Change {
    /// The word for it, for scripts.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Added(_) => "added",
            Self::Edited(_) => "edited",
            Self::Removed(_) => "removed",
        }
    }

    /// The file, by its path inside the folder.
    pub fn path(&self) -> &str {
        let (Self::Added(path) | Self::Edited(path) | Self::Removed(path)) = self;
        path
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Added(path) => write!(f, "`{path}` is new"),
            Self::Edited(path) => write!(f, "`{path}` changed"),
            Self::Removed(path) => write!(f, "`{path}` is gone"),
        }
    }
}

fn next(last: Option<&Statement>) -> Option<u32> {
    last.map_or(Some(1), |last| last.number.checked_add(1))
}
