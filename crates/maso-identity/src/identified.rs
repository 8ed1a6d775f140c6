//! Stage 2: the sender is who it says, now, once.

use std::sync::Arc;

use maso_core::{AgentName, Digest, Hop, HopId, InstanceId, MessageId, TaskId, Timestamp};
use maso_wire::{
    Claims, Said,
    envelope::{Beside, Message, Remark},
};
use uuid::Uuid;

use crate::{Chain, Thumbprint};

/// How the sender proved who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A key-bound token with a fresh proof of possession; the key's thumbprint (RFC 7638).
    Key {
        /// SHA-256 thumbprint of the key.
        thumbprint: String,
    },
    /// A bearer token on loopback; the token's id.
    Bearer {
        /// The token's id (`jti`).
        token_id: String,
    },
    /// A TLS connection that was made with the key of an X.509-SVID.
    Certificate {
        /// SHA-256 thumbprint of the key.
        thumbprint: String,
    },
    /// A pipe that maso itself made.
    Pipe,
}

/// What a verified task token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskClaim {
    /// The task.
    pub task: TaskId,
    /// The hash of its immutable specification (PG-2.2).
    pub specification: Digest,
    /// The way by which it came to whoever shows the token (IA-2.4).
    pub chain: Arc<Chain>,
}

impl TaskClaim {
    /// The claim of whoever begins a task: nobody asked it, and anybody of its workflow may.
    pub fn begun(task: TaskId, specification: Digest) -> Self {
        Self { task, specification, chain: Arc::default() }
    }
}

/// What the belief in a sender rests on. When any of it is revoked, nobody is believed any more, however the hop was
/// identified before ([`crate::Trust::bears`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    pub(crate) agent: Option<AgentName>,
    /// Which instance of the agent, if it is one that another agent started.
    pub(crate) instance: Option<InstanceId>,
    /// The end of what was shown; none of a pipe.
    pub(crate) until: Option<Timestamp>,
    pub(crate) token: Option<Uuid>,
    pub(crate) key: Option<Thumbprint>,
    /// The certificate of the connection, where it says who is there.
    pub(crate) svid: Option<SvidBasis>,
    pub(crate) task: Option<TaskId>,
    /// The requests by which the task came.
    pub(crate) chain: Option<Arc<Chain>>,
    /// The request of one agent to another that it answers.
    pub(crate) answers: Option<HopId>,
}

impl Basis {
    /// The instance of its agent that it is, if it is one.
    pub const fn instance(&self) -> Option<InstanceId> {
        self.instance
    }

    /// The moment at which what was shown ends; `None` of a pipe, which ends with its process.
    pub const fn until(&self) -> Option<Timestamp> {
        self.until
    }
}

/// By what a certificate can be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SvidBasis {
    pub(crate) serial: Option<Uuid>,
    pub(crate) key: Thumbprint,
}

/// A hop whose sender is who it says, now, once. Its clones are one hop: nothing is copied, however large its payload.
#[derive(Clone, Debug)]
pub struct Identified(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hop: Hop,
    proof: Proof,
    basis: Basis,
    task: Option<TaskClaim>,
    digest: Digest,
    claims: Claims,
}

impl Identified {
    pub(crate) fn new(
        hop: Hop,
        proof: Proof,
        basis: Basis,
        task: Option<TaskClaim>,
        (digest, claims): (Digest, Claims),
    ) -> Self {
        Self(Arc::new(Inner { hop, proof, basis, task, digest, claims }))
    }

    /// How many tokens its sender says are in its context. Nothing shows that it is so.
    pub fn claimed_context_tokens(&self) -> Option<u64> {
        self.0.claims.context_tokens
    }

    /// The hop.
    pub fn hop(&self) -> &Hop {
        &self.0.hop
    }

    /// How its sender proved itself.
    pub fn proof(&self) -> &Proof {
        &self.0.proof
    }

    /// What the belief in its sender rests on.
    pub fn basis(&self) -> &Basis {
        &self.0.basis
    }

    /// The task it belongs to, if it carried a task token.
    pub fn task(&self) -> Option<&TaskClaim> {
        self.0.task.as_ref()
    }

    /// SHA-256 of the exact payload bytes.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The message that is sent by this hop, if one is. Whether it is the sender's is for whoever took it
    /// ([`crate::Messages`]); what it says is not believed for being said.
    pub fn message(&self) -> Option<&Message> {
        match &self.0.claims.said {
            Said::Message(message) => Some(message),
            Said::Nothing | Said::Remark(_) | Said::Illegible => None,
        }
    }

    /// What its sender says beside the payload without signing it, if it says anything.
    pub fn remark(&self) -> Option<&Remark> {
        match &self.0.claims.said {
            Said::Remark(remark) => Some(remark),
            Said::Nothing | Said::Message(_) | Said::Illegible => None,
        }
    }

    /// What its sender says beside the payload, signed or not, and what that is called. It is held against what its sender
    /// was given, and not believed for being said.
    pub fn said(&self) -> Option<(MessageId, &Beside)> {
        match &self.0.claims.said {
            Said::Message(message) => Some((message.id, &message.beside)),
            Said::Remark(remark) => Some((remark.id(), remark.beside())),
            Said::Nothing | Said::Illegible => None,
        }
    }

    /// Whether it came under its sender's own signature, as a message or as what should have been one.
    pub fn is_signed(&self) -> bool {
        matches!(self.0.claims.said, Said::Message(_) | Said::Illegible)
    }

    /// The hash of the goal that the sender says it works on, if it says so (PG-3.2). Nobody has compared it yet.
    pub fn attested_goal(&self) -> Option<&str> {
        self.0.claims.goal.as_deref()
    }
}
