//! What a body is about: by what it is found again, and what it uses up.

use crate::v1::Body;

impl Body {
    /// What this record uses up, if it may exist only once.
    pub fn once_only(&self) -> Option<&str> {
        match self {
            Self::TicketSpent(spent) => Some(&spent.ticket),
            _ => None,
        }
    }

    /// What it is found again by: the hops and tickets that it names, the task that it opens or closes.
    pub fn mentions(&self) -> Vec<&str> {
        match self {
            Self::HopDecided(decided) => {
                let mut subjects = vec![decided.hop.as_str()];
                subjects.extend(decided.answers.as_deref());
                subjects.extend(decided.ticket.as_deref());
                subjects.extend(decided.approvals.iter().map(|approval| approval.ticket.as_str()));
                subjects
            }
            Self::HopReleased(released) => vec![&released.hop],
            Self::TicketAnswered(answered) => vec![&answered.ticket],
            Self::TicketExpired(expired) => vec![&expired.ticket],
            Self::TicketSpent(spent) => vec![&spent.ticket, &spent.hop],
            Self::TaskOpened(opened) => vec![&opened.task],
            Self::TaskClosed(closed) => vec![&closed.task],
            Self::Started(_)
            | Self::TokenIssued(_)
            | Self::Revoked(_)
            | Self::ToolSeen(_)
            | Self::ToolApproved(_)
            | Self::PhaseChanged(_)
            | Self::Killed(_)
            | Self::OperatorSession(_) => Vec::new(),
        }
    }
}
