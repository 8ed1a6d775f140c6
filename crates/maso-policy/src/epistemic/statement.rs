//! What a message states, without its words.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{AgentName, ConstraintName, Digest, MessageId};
use maso_wire::envelope::{Beside, Confidence, Input, Kind, Reach};

/// What a message states, as far as the rules ask: no text of it, so that it can stand on the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The message.
    pub id: MessageId,
    /// Who says it.
    pub from: AgentName,
    /// To whom.
    pub to: AgentName,
    /// As what.
    pub stance: Stance,
    /// How sure its sender is, if it says so.
    pub confidence: Option<Confidence>,
    /// The lowest confidence of what it read out of documents.
    pub extracted: Option<Confidence>,
    /// What it takes for granted, by the digest of the text, and for whom.
    pub assumptions: BTreeMap<Digest, Reach>,
    /// What it does not know, by the digest of the text.
    pub unknowns: BTreeSet<Digest>,
    /// What binds whoever works on, by the digest of force and text.
    pub constraints: BTreeMap<ConstraintName, Digest>,
    /// On what it rests.
    pub inputs: BTreeSet<Input>,
}

/// As what something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Material to work with.
    Data {
        /// Whether an agent made it and nobody verified it.
        made_up: bool,
    },
    /// Something that is held to be so.
    Claim {
        /// Whether an agent made it and nobody verified it.
        made_up: bool,
    },
    /// Work that is asked for, or how it is to be done.
    Work,
}

impl Stance {
    /// Whether it tells something, which others may rest on.
    pub const fn is_evidence(self) -> bool {
        matches!(self, Self::Data { .. } | Self::Claim { .. })
    }

    /// Whether it says of itself that nobody verified it.
    pub const fn is_made_up(self) -> bool {
        matches!(self, Self::Data { made_up: true } | Self::Claim { made_up: true })
    }
}

impl Statement {
    /// What is stated beside a content, by one agent to another.
    pub fn of(id: MessageId, (from, to): (AgentName, AgentName), beside: &Beside) -> Self {
        let evidence = beside.kind.evidence();
        let made_up = evidence.is_some_and(|evidence| evidence.provenance.is_unverified_and_made_up());
        Self {
            id,
            from,
            to,
            stance: match beside.kind {
                Kind::Data { .. } => Stance::Data { made_up },
                Kind::Claim { .. } => Stance::Claim { made_up },
                Kind::Instruction | Kind::Delegation => Stance::Work,
            },
            confidence: beside.kind.confidence(),
            extracted: evidence.and_then(|evidence| evidence.extraction.iter().map(|field| field.confidence).min()),
            assumptions: beside.assumptions.iter().map(|one| (one.text.digest(), one.reach)).collect(),
            unknowns: beside.unknowns.iter().map(|unknown| unknown.digest()).collect(),
            constraints: beside.constraints.iter().map(|one| (one.name.clone(), one.digest())).collect(),
            inputs: beside.inputs.iter().copied().collect(),
        }
    }
}
