//! Why an order was not carried out. Nothing changed.

use maso_intent::Role;
use maso_log::LogFault;

/// Why an order was not carried out. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum OrderFault {
    /// The person may not.
    #[error("this needs the role `{}`", role_word(*.0))]
    NeedsRole(Role),
    /// What was ordered about does not exist.
    #[error("there is no {what} `{name}`")]
    Unknown {
        /// `task`, `ticket`, `agent`, `tool`, `workflow`.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// It was decided about something else than what the person saw.
    #[error("the {0} changed since you looked at it")]
    Changed(&'static str),
    /// It is too late, or was done before.
    #[error("{0}")]
    TooLate(String),
    /// The order itself is not well formed.
    #[error("{0}")]
    Bad(String),
    /// Posture does not allow it.
    #[error("{why}")]
    NotAllowed {
        /// What was missing.
        why: String,
        /// What would make it allowed.
        help: String,
    },
    /// It could not be recorded.
    #[error("the flight recorder refused it")]
    NotRecorded(#[from] LogFault),
    /// The record could not be checked, which says nothing of whether it holds.
    #[error("the record could not be checked: {0}")]
    NotVerified(String),
    /// The record could not be read.
    #[error("the record could not be read")]
    NotRead,
}

impl OrderFault {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NeedsRole(_) => "NEEDS_ROLE",
            Self::Unknown { .. } => "UNKNOWN",
            Self::Changed(_) => "CHANGED",
            Self::TooLate(_) => "TOO_LATE",
            Self::Bad(_) => "BAD_ORDER",
            Self::NotAllowed { .. } => "NOT_ALLOWED",
            Self::NotRecorded(_) | Self::NotVerified(_) | Self::NotRead => "UNAVAILABLE",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::NotAllowed { help, .. } => Some(help.clone()),
            Self::NeedsRole(role) => {
                Some(format!("sign in as an operator whose `roles` in maso.toml name `{}`", role_word(*role)))
            }
            Self::Changed(_) => Some("look at it again, then decide".to_owned()),
            Self::NotVerified(_) => Some("`maso log verify` checks it without the server".to_owned()),
            Self::Unknown { .. } | Self::TooLate(_) | Self::Bad(_) | Self::NotRecorded(_) | Self::NotRead => None,
        }
    }
}

/// The word for a role in configuration, records and the API.
pub const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Operator => "operator",
        Role::Supervisor => "supervisor",
        Role::Security => "security",
        Role::IncidentCommander => "incident-commander",
    }
}
