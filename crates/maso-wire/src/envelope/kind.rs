//! What a message is for, with what such a message must have and no other may.

use super::{Confidence, Extraction, Provenance};

/// What a message is for (PG-1.4).
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Material to work with. Never an order, whatever it says.
    Data {
        /// Where it came from.
        evidence: Evidence,
        /// How sure its sender is, if it says so.
        confidence: Option<Confidence>,
    },
    /// Something that its sender holds to be so.
    Claim {
        /// Where it came from.
        evidence: Evidence,
        /// How sure its sender is.
        confidence: Confidence,
    },
    /// How work that was asked for is to be done.
    Instruction,
    /// Work that its sender asks for.
    Delegation,
}

impl Kind {
    /// The word for it on the wire.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Data { .. } => DATA,
            Self::Claim { .. } => CLAIM,
            Self::Instruction => INSTRUCTION,
            Self::Delegation => DELEGATION,
        }
    }

    /// What is said of where it came from, by a message that tells something.
    pub const fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Data { evidence, .. } | Self::Claim { evidence, .. } => Some(evidence),
            Self::Instruction | Self::Delegation => None,
        }
    }

    /// How sure its sender is, if it says so.
    pub const fn confidence(&self) -> Option<Confidence> {
        match self {
            Self::Data { confidence, .. } => *confidence,
            Self::Claim { confidence, .. } => Some(*confidence),
            Self::Instruction | Self::Delegation => None,
        }
    }
}

/// What a message that tells something says of where that came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// Where it came from.
    pub provenance: Provenance,
    /// Which fields were read out of documents, and how.
    pub extraction: Vec<Extraction>,
}

pub(super) const DATA: &str = "data";
pub(super) const CLAIM: &str = "claim";
pub(super) const INSTRUCTION: &str = "instruction";
pub(super) const DELEGATION: &str = "delegation";
