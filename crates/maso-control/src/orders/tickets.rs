//! Answering held actions (EC-1.1): bound to the exact action that the person saw.

use maso_api::TicketWord;
use maso_core::{Digest, TicketId};
use maso_intent::Role;
use maso_log::v1;
use maso_path::Answer;

use crate::{Desk, OrderFault, SignedIn};

impl Desk {
    /// Answers a held action.
    ///
    /// # Errors
    /// When the person may not, the ticket is unknown or closed, or the person saw another action.
    pub async fn answer_ticket(
        &self,
        by: &SignedIn,
        ticket: TicketId,
        answer: &maso_api::AnswerTicket,
    ) -> Result<(), OrderFault> {
        by.needs(Role::Supervisor)?;
        let unknown = || OrderFault::Unknown { what: "ticket", name: ticket.to_string() };
        let state = self.path().world().tickets().find(ticket).ok_or_else(unknown)?;
        if Digest::parse(&answer.action) != Some(state.action) {
            return Err(OrderFault::Changed("held action"));
        }
        let now = self.path().clock().now();
        match &state.answer {
            Answer::Open if state.expires_at <= now => {
                return Err(OrderFault::TooLate("nobody answered in time; the action was denied".to_owned()));
            }
            Answer::Open => {}
            Answer::Approved => return Err(OrderFault::TooLate("it was approved already".to_owned())),
            Answer::Rejected { by, .. } => return Err(OrderFault::TooLate(format!("`{by}` rejected it already"))),
            Answer::Expired => {
                return Err(OrderFault::TooLate("nobody answered in time; the action was denied".to_owned()));
            }
            Answer::Spent => return Err(OrderFault::TooLate("it was approved and done already".to_owned())),
        }
        if state.approvals.iter().any(|approval| approval.by == *by.operator()) && answer.answer == TicketWord::Approve
        {
            return Err(OrderFault::TooLate("you approved it already; another person must".to_owned()));
        }
        let answered = v1::TicketAnswered {
            ticket: ticket.to_string(),
            action: state.action.to_string(),
            answer: match answer.answer {
                TicketWord::Approve => "approve",
                TicketWord::Reject => "reject",
            }
            .to_owned(),
            by: by.operator().to_string(),
            reason: answer.reason.chars().take(REASON_CHARS_MAX).collect(),
            expires_at: state.expires_at.as_millis(),
        };
        self.path().recorder().record(v1::Body::TicketAnswered(answered)).await?;
        Ok(())
    }
}

const REASON_CHARS_MAX: usize = 2_000;
