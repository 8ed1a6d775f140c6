//! What a body is about: by what it is found again, and what it uses up.

use crate::v1::{Body, Erased};

impl Body {
    /// What this record uses up, if it may exist only once.
    pub fn once_only(&self) -> Option<&str> {
        match self {
            Self::TicketSpent(spent) => Some(&spent.ticket),
            Self::JoinTokenUsed(used) => Some(&used.id),
            Self::InstructionUsed(used) => Some(&used.attempt),
            Self::MessageSaid(said) => Some(&said.said),
            Self::ClarificationAnswered(answered) => answered.question.as_deref(),
            Self::AssumptionAnswered(answered) => Some(&answered.assumption),
            _ => None,
        }
    }

    /// Whether it may overtake a decision that was made before it: somebody is stopped, or something that was said or
    /// could be had is no more. What comes after it is asked whether it still holds when this is folded, never before.
    pub fn may_overtake(&self) -> bool {
        match self {
            Self::TaskClosed(_)
            // Once for each time that it is due.
            | Self::TaskEvaluated(_)
            | Self::Revoked(_)
            // One more, of which there are only so many.
            | Self::AgentSpawned(_)
            | Self::InstanceEnded(_)
            | Self::TicketAnswered(_)
            | Self::TicketExpired(_)
            | Self::ToolSeen(_)
            | Self::ToolApproved(_)
            | Self::ClarificationAsked(_)
            // One more, of which there are only so many, and whose words may be on their way; one that goes less far.
            | Self::AssumptionMade(_)
            | Self::AssumptionAnswered(_)
            | Self::PhaseChanged(_)
            | Self::Killed(_) => true,
            // One more that waits for people, of whom there are only so many; or one that used up a dry run.
            Self::HopDecided(decided) => decided.decision == "hold" || decided.review.is_some_and(|review| review.dry_run),
            Self::Started(_)
            | Self::StartRefused(_)
            | Self::TaskOpened(_)
            | Self::TaskAssessed(_)
            | Self::TokenIssued(_)
            | Self::SvidIssued(_)
            | Self::JoinTokenIssued(_)
            | Self::JoinTokenUsed(_)
            | Self::DryRunStarted(_)
            | Self::DryRunEnded(_)
            | Self::HopReleased(_)
            | Self::TicketSpent(_)
            | Self::InstructionUsed(_)
            | Self::MessageSaid(_)
            | Self::ContextCheckpoint(_)
            | Self::ClarificationAnswered(_)
            | Self::PayloadsErased(_)
            | Self::OperatorSession(_) => false,
        }
    }

    /// What it is found again by: the hops, tickets and instructions that it names, the task that it opens or closes.
    pub fn mentions(&self) -> Vec<&str> {
        match self {
            Self::HopDecided(decided) => {
                let mut subjects = vec![decided.hop.as_str()];
                subjects.extend(decided.answers.as_deref());
                subjects.extend(decided.ticket.as_deref());
                subjects.extend(decided.approvals.iter().map(|approval| approval.ticket.as_str()));
                subjects
            }
            Self::SvidIssued(issued) => vec![&issued.id],
            Self::JoinTokenIssued(issued) => {
                std::iter::once(&issued.id).chain(&issued.instance).map(String::as_str).collect()
            }
            Self::JoinTokenUsed(used) => std::iter::once(&used.id).chain(&used.instance).map(String::as_str).collect(),
            Self::AgentSpawned(spawned) => {
                [&spawned.instance, &spawned.hop].into_iter().chain(&spawned.by_instance).map(String::as_str).collect()
            }
            Self::InstanceEnded(ended) => vec![&ended.instance],
            Self::DryRunStarted(started) => vec![&started.hop],
            Self::DryRunEnded(ended) => vec![&ended.hop],
            Self::HopReleased(released) => vec![&released.hop],
            Self::TicketAnswered(answered) => vec![&answered.ticket],
            Self::TicketExpired(expired) => vec![&expired.ticket],
            Self::TicketSpent(spent) => vec![&spent.ticket, &spent.hop],
            Self::InstructionUsed(used) => vec![&used.instruction, &used.hop],
            Self::MessageSaid(said) => vec![&said.message, &said.hop],
            Self::ContextCheckpoint(checkpoint) => vec![&checkpoint.hop],
            Self::ClarificationAsked(asked) => {
                // A part of the task names nothing by which anybody would look.
                let request = Some(asked.about.as_str()).filter(|about| about.starts_with("hop_"));
                std::iter::once(asked.question.as_str()).chain(request).collect()
            }
            Self::ClarificationAnswered(answered) => {
                [&answered.question, &answered.hop].into_iter().flatten().map(String::as_str).collect()
            }
            Self::AssumptionMade(made) => vec![&made.assumption],
            Self::AssumptionAnswered(answered) => vec![&answered.assumption],
            Self::TaskOpened(opened) => vec![&opened.task],
            Self::TaskClosed(closed) => vec![&closed.task],
            Self::TaskAssessed(assessed) => vec![&assessed.task],
            Self::TaskEvaluated(evaluated) => vec![&evaluated.task],
            Self::PayloadsErased(erased) => match &erased.what {
                Erased::Task(task) => vec![task],
                Erased::Before(_) => Vec::new(),
            },
            Self::Revoked(revoked) if revoked.what == "delegation" => vec![&revoked.subject],
            Self::Started(_)
            | Self::StartRefused(_)
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
