//! Who gives an order: proven, not claimed.

use std::collections::BTreeSet;

use maso_core::{OperatorName, Timestamp};
use maso_identity::SessionSecret;
use maso_intent::Role;
use maso_log::v1;
use maso_wire::UnverifiedToken;

use crate::{Desk, OrderFault};

/// An operator who signed in. Only signing in makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    operator: OperatorName,
    roles: BTreeSet<Role>,
}

impl SignedIn {
    /// Who.
    pub fn operator(&self) -> &OperatorName {
        &self.operator
    }

    /// What the person may do.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    /// Whether the person has the role, or one above it.
    ///
    /// # Errors
    /// When not.
    pub fn needs(&self, role: Role) -> Result<(), OrderFault> {
        // The incident commander may do what security may; answering held actions is the supervisor's alone.
        let enough = self.roles.contains(&role)
            || (role == Role::Security && self.roles.contains(&Role::IncidentCommander))
            || (role == Role::Operator && !self.roles.is_empty());
        if enough { Ok(()) } else { Err(OrderFault::NeedsRole(role)) }
    }
}

/// Why somebody is not signed in. Says the same whether the name or the passphrase was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInFault {
    /// Wrong name, passphrase or link.
    #[error("not signed in: name, passphrase or link is wrong")]
    Wrong,
    /// Too many wrong passphrases.
    #[error("too many wrong passphrases; wait five minutes")]
    TooMany,
    /// Too many sessions.
    #[error("too many people are signed in")]
    Full,
    /// It could not be recorded.
    #[error("signing in could not be recorded")]
    NotRecorded,
}

impl Desk {
    /// Signs in by name and passphrase.
    ///
    /// # Errors
    /// When they are wrong, or too many wrong ones came before.
    pub async fn sign_in(&self, operator: &str, passphrase: String, now: Timestamp) -> Result<SignedIn, SignInFault> {
        let name = operator.parse::<OperatorName>().ok().filter(|name| self.known(name).is_some());
        if name.as_ref().is_some_and(|name| !self.may_try(name, now)) {
            return Err(SignInFault::TooMany);
        }
        let hash = name.as_ref().and_then(|name| self.passphrase_hash(name));
        // Checked even where there is nothing to check against: an unknown name must take as long as a known one.
        let right = self.is_behind(passphrase, hash).await.ok_or(SignInFault::TooMany)?;
        let signed_in = name.as_ref().filter(|_| right).and_then(|name| self.known(name));
        match signed_in {
            Some(signed_in) => {
                self.was_right(&signed_in.operator, now);
                self.note_session(&signed_in.operator, "signed-in", "passphrase").await?;
                Ok(signed_in)
            }
            None => {
                if let Some(name) = name {
                    self.note_session(&name, "refused", "passphrase").await?;
                }
                Err(SignInFault::Wrong)
            }
        }
    }

    /// Signs in by a link that was made on the machine itself; works once.
    ///
    /// # Errors
    /// When the link is not ours, is over, or was used.
    pub async fn sign_in_by_link(&self, link: &UnverifiedToken, now: Timestamp) -> Result<SignedIn, SignInFault> {
        let operator = self.sign_ins().redeem(link, now).map_err(|_| SignInFault::Wrong)?;
        let signed_in = self.known(&operator).ok_or(SignInFault::Wrong)?;
        self.note_session(&operator, "signed-in", "link").await?;
        Ok(signed_in)
    }

    /// Opens a session for somebody who signed in.
    ///
    /// # Errors
    /// When there are too many sessions.
    pub fn open_session(
        &self,
        signed_in: &SignedIn,
        random: [u8; 32],
        now: Timestamp,
    ) -> Result<SessionSecret, SignInFault> {
        let secret = SessionSecret::from_bytes(random);
        self.sessions().open(signed_in.operator.clone(), &secret, now).map_err(|_| SignInFault::Full)?;
        Ok(secret)
    }

    /// Who continues a session.
    pub fn session(&self, secret: &SessionSecret, now: Timestamp) -> Option<SignedIn> {
        self.sessions().find(secret, now).and_then(|operator| self.known(&operator))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When it could not be recorded; the session is over all the same.
    pub async fn sign_out(&self, secret: &SessionSecret, now: Timestamp) -> Result<(), SignInFault> {
        let operator = self.sessions().find(secret, now);
        self.sessions().close(secret);
        match operator {
            Some(operator) => self.note_session(&operator, "signed-out", "session").await,
            None => Ok(()),
        }
    }

    /// The person behind the machine's own account: whoever can read the authority's key can sign anything anyway.
    ///
    /// # Errors
    /// When the deployment knows no such operator, or it could not be recorded.
    pub async fn sign_in_locally(&self, operator: &OperatorName) -> Result<SignedIn, SignInFault> {
        let signed_in = self.known(operator).ok_or(SignInFault::Wrong)?;
        self.note_session(operator, "signed-in", "command-line").await?;
        Ok(signed_in)
    }

    /// An operator of the deployment in force; one who was removed from it is nobody.
    fn known(&self, operator: &OperatorName) -> Option<SignedIn> {
        let declared = self.path().world().deployment().operators.get(operator)?;
        Some(SignedIn { operator: operator.clone(), roles: declared.roles.clone() })
    }

    async fn note_session(&self, operator: &OperatorName, event: &str, means: &str) -> Result<(), SignInFault> {
        let session =
            v1::OperatorSession { operator: operator.to_string(), event: event.to_owned(), means: means.to_owned() };
        match self.path().recorder().record(v1::Body::OperatorSession(session)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(SignInFault::NotRecorded),
        }
    }
}
