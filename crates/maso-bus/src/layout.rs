//! Where in a broker what lies: names of streams and subjects, made of a deployment's names and nothing else.

use std::{fmt, str::FromStr};

use maso_core::{AgentName, TrustDomain};

use crate::{Kind, Mailbox, Route};

/// A name as one token of a subject, and as part of a stream's name. Different names give different tokens: a name may have
/// a dot, which separates tokens, and has no `=`, which stands for it here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

/// What is no token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no name of an agent, as subjects have it")]
pub struct TokenError;

impl Token {
    /// The token of an agent.
    pub fn of_agent(agent: &AgentName) -> Self {
        Self::of(agent.as_str())
    }

    /// The token of a deployment.
    pub fn of_domain(domain: &TrustDomain) -> Self {
        Self::of(domain.as_str())
    }

    /// Names have lower-case letters, digits, `-`, `_` and `.` alone: of these only the dot means something to a broker.
    fn of(name: &str) -> Self {
        Self(name.replace('.', "="))
    }

    /// The agent whose token this is.
    ///
    /// # Errors
    /// When it is no agent's.
    pub fn agent(&self) -> Result<AgentName, TokenError> {
        self.0.replace('=', ".").parse().map_err(|_| TokenError)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        // Two spellings of one name would be two edges of one agent.
        if text.contains('.') {
            return Err(TokenError);
        }
        let token = Self(text.to_owned());
        token.agent().map(|_| token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names that a deployment's mailboxes have in a broker.
///
/// Each mailbox is a stream of its own: a stream's limits are then the mailbox's, no sender can use up what another mailbox
/// has, and whoever may ask for one stream learns nothing of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    deployment: Token,
}

impl Layout {
    /// Of the deployment with this trust domain.
    pub fn of(domain: &TrustDomain) -> Self {
        Self { deployment: Token::of_domain(domain) }
    }

    /// The stream of a mailbox.
    pub fn stream(&self, mailbox: &Mailbox) -> String {
        format!("maso+{}+{}+{}", self.deployment, Token::of_agent(&mailbox.of), mailbox.kind)
    }

    /// What all parcels for a mailbox have as their subject, whoever sent them.
    pub fn subjects(&self, mailbox: &Mailbox) -> String {
        format!("maso.{}.{}.{}.*", self.deployment, Token::of_agent(&mailbox.of), mailbox.kind)
    }

    /// The subject of one edge: where parcels of this sender come into this mailbox.
    pub fn subject(&self, route: &Route) -> String {
        let Route { from, into } = route;
        format!("maso.{}.{}.{}.{}", self.deployment, Token::of_agent(&into.of), into.kind, Token::of_agent(from))
    }

    /// The route that a subject names, if it is an edge of this deployment.
    ///
    /// # Errors
    /// When it is not.
    pub fn route(&self, subject: &str) -> Result<Route, TokenError> {
        let tokens: Vec<&str> = subject.split('.').collect();
        let ["maso", deployment, to, kind, from] = tokens[..] else { return Err(TokenError) };
        if deployment != self.deployment.as_str() {
            return Err(TokenError);
        }
        let agent = |token: &str| token.parse::<Token>().and_then(|token| token.agent());
        let kind = kind.parse::<Kind>().map_err(|()| TokenError)?;
        Ok(Route::new(agent(from)?, agent(to)?, kind))
    }

    /// Everything that belongs to this deployment.
    pub(crate) fn everything(&self) -> String {
        format!("maso.{}.>", self.deployment)
    }

    /// Where the sidecar of an agent asks for a line.
    pub(crate) fn line_opening(&self, agent: &AgentName) -> String {
        format!("{LINE}.{}.{}.open", self.deployment, Token::of_agent(agent))
    }

    /// Where all sidecars ask for lines.
    pub(crate) fn line_openings(&self) -> String {
        format!("{LINE}.{}.*.open", self.deployment)
    }

    /// The agent whose sidecar asked for a line at this subject.
    pub(crate) fn line_opener(&self, subject: &str) -> Result<AgentName, TokenError> {
        let tokens: Vec<&str> = subject.split('.').collect();
        let [LINE, deployment, agent, "open"] = tokens[..] else { return Err(TokenError) };
        if deployment != self.deployment.as_str() {
            return Err(TokenError);
        }
        agent.parse::<Token>()?.agent()
    }

    /// One way of one line.
    pub(crate) fn line(&self, agent: &AgentName, id: &LineId, way: Way) -> String {
        format!("{LINE}.{}.{}.{}.{id}", self.deployment, Token::of_agent(agent), way.as_str())
    }

    /// One way of every line of an agent's sidecar.
    pub(crate) fn lines_of(&self, agent: &AgentName, way: Way) -> String {
        format!("{LINE}.{}.{}.{}.*", self.deployment, Token::of_agent(agent), way.as_str())
    }

    /// One way of every line.
    pub(crate) fn lines(&self, way: Way) -> String {
        format!("{LINE}.{}.*.{}.*", self.deployment, way.as_str())
    }

    /// What the account of this deployment is called.
    pub(crate) fn account(&self) -> String {
        format!("maso+{}", self.deployment)
    }

    /// Below what answers of the broker to this agent's sidecar come. Its own, so that no other can listen to them.
    pub fn inbox(&self, agent: &AgentName) -> String {
        format!("_INBOX.agent.{}", Token::of_agent(agent))
    }

    /// The same for maso itself.
    pub fn inbox_of_mediator(&self) -> String {
        "_INBOX.maso".to_owned()
    }
}

/// Which way something on a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// To maso.
    Up,
    /// To the sidecar.
    Down,
}

impl Way {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// What tells one line from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineId([u8; 16]);

impl LineId {
    /// One that nobody had and nobody guesses.
    pub(crate) fn random() -> Self {
        Self(uuid::Uuid::new_v4().into_bytes())
    }

    /// Reads one as it is sent.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, TokenError> {
        bytes.try_into().map(Self).map_err(|_| TokenError)
    }

    /// As it is sent.
    pub(crate) const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Below what lines are. No stream keeps anything of it.
const LINE: &str = "maso-line";

/// The one consumer of each stream. Whoever serves an agent takes from it, in whichever process.
pub(crate) const CONSUMER: &str = "mailbox";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that meets the unexpected fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout() -> Layout {
        Layout::of(&"claims.example".parse().unwrap())
    }

    #[test]
    fn what_lies_where() {
        let layout = layout();
        let route = Route::new("intake".parse().unwrap(), "fraud.check".parse().unwrap(), Kind::Request);
        assert_eq!(layout.subject(&route), "maso.claims=example.fraud=check.request.intake");
        assert_eq!(layout.subjects(&route.into), "maso.claims=example.fraud=check.request.*");
        assert_eq!(layout.stream(&route.into), "maso+claims=example+fraud=check+request");
    }

    #[test]
    fn what_is_no_edge_of_this_deployment_has_no_route() {
        for subject in [
            "",
            "maso",
            "maso.claims=example.intake.request",
            "maso.other.intake.request.analysis",
            "maso.claims=example.intake.requests.analysis",
            "maso.claims=example.*.request.analysis",
            "maso.claims=example.intake.request.>",
            "maso.claims=example.intake.request.a.b",
            "maso.claims=example..request.analysis",
            "maso.claims=example.INTAKE.request.analysis",
            "Maso.claims=example.intake.request.analysis",
            "$JS.API.STREAM.LIST",
        ] {
            assert_eq!(layout().route(subject), Err(TokenError), "{subject}");
        }
    }

    proptest! {
        #[test]
        fn every_edge_has_one_subject(from in "[a-z0-9][a-z0-9._-]{0,20}", to in "[a-z0-9][a-z0-9._-]{0,20}", answer: bool) {
            let kind = if answer { Kind::Answer } else { Kind::Request };
            let route = Route::new(from.parse().unwrap(), to.parse().unwrap(), kind);
            let subject = layout().subject(&route);
            prop_assert_eq!(layout().route(&subject).unwrap(), route.clone());
            prop_assert!(subject.starts_with(layout().subjects(&route.into).trim_end_matches('*')));
            prop_assert!(!layout().stream(&route.into).contains(['.', '*', '>', ' ', '/', '\\']));
        }

        #[test]
        fn whatever_a_subject_is_reading_it_never_fails_otherwise(subject in "\\PC{0,80}") {
            if let Ok(route) = layout().route(&subject) {
                prop_assert_eq!(layout().subject(&route), subject);
            }
        }
    }
}
