//! Who answers held actions in the demo: the terminal, the console, or a script.

use std::{collections::BTreeSet, sync::Arc};

use maso_api::TicketWord;
use maso_control::{Desk, SignedIn};
use maso_core::{Digest, TicketId};
use maso_demo::Answers;
use maso_path::{Answer, TicketState};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::oneshot,
    task::JoinHandle,
};

use super::story::Floor;
use crate::screen::{say, say_on};
use crate::{assemble::Assembled, cli::Approve, command::approvals::show_ticket, screen};

/// Answers held actions until it is ended.
pub struct Answering {
    desk: Arc<Desk>,
    stop: oneshot::Sender<()>,
    worker: JoinHandle<()>,
}

impl Answering {
    /// Begins to answer.
    pub fn begin(assembled: &Assembled, by: SignedIn, approve: Approve, quiet: bool, floor: Floor) -> Self {
        let desk = Arc::clone(&assembled.desk);
        let (stop, stopped) = oneshot::channel();
        let worker = tokio::spawn({
            let desk = Arc::clone(&desk);
            async move {
                tokio::select! {
                    () = answer_all(&desk, &by, approve, quiet, &floor) => {}
                    _ = stopped => {}
                }
            }
        });
        Self { desk, stop, worker }
    }

    /// Ends it; what comes back is what the people said, wherever they said it.
    pub async fn end(self) -> Answers {
        // The worker may have ended by itself, when its terminal did.
        self.stop.send(()).ok();
        if self.worker.await.is_err() {
            tracing::error!("the answering of held actions broke");
        }
        let tickets = self.desk.path().world().tickets().all();
        let approved: BTreeSet<String> = tickets
            .iter()
            .filter(|ticket| matches!(ticket.answer, Answer::Approved | Answer::Spent))
            .filter_map(|ticket| claim_of(&self.desk, ticket))
            .collect();
        Answers::Claims(approved)
    }
}

async fn answer_all(desk: &Desk, by: &SignedIn, approve: Approve, quiet: bool, floor: &Floor) {
    let mut changes = desk.path().world().tickets().changes();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut seen = BTreeSet::new();
    loop {
        let open = desk.path().world().tickets().all().into_iter().rev();
        let next = open.into_iter().find(|ticket| ticket.answer == Answer::Open && !seen.contains(&ticket.id));
        let Some(ticket) = next else {
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        };
        seen.insert(ticket.id);
        let word = match approve {
            Approve::All => Some(TicketWord::Approve),
            Approve::None => Some(TicketWord::Reject),
            Approve::Ask => {
                let _floor = floor.lock().await;
                ask(desk, &ticket, &mut lines).await
            }
        };
        if let Some(word) = word {
            answer(desk, by, &ticket, word, quiet).await;
        }
    }
}

/// Asks in the terminal; `None` when somebody answered in the console first, or nobody is at the terminal.
async fn ask(
    desk: &Desk,
    ticket: &TicketState,
    lines: &mut tokio::io::Lines<BufReader<tokio::io::Stdin>>,
) -> Option<TicketWord> {
    say!();
    show_ticket(&maso_control::view::ticket(desk.path().world(), ticket, payload(desk, ticket)));
    say_on!("  approve? {} ", screen::strong("[y/n, or answer in the console]"));
    std::io::Write::flush(&mut std::io::stdout()).ok()?;
    let mut changes = desk.path().world().tickets().changes();
    loop {
        tokio::select! {
            line = lines.next_line() => match line.ok().flatten()?.trim().to_lowercase().as_str() {
                "y" | "yes" => return Some(TicketWord::Approve),
                "n" | "no" => return Some(TicketWord::Reject),
                _ => say_on!("  {} ", screen::strong("y or n?")),
            },
            _ = changes.changed() => {
                if !is_open(desk, ticket.id) {
                    say!("  answered in the console");
                    return None;
                }
            }
        }
    }
}

fn is_open(desk: &Desk, ticket: TicketId) -> bool {
    desk.path().world().tickets().find(ticket).is_some_and(|ticket| ticket.answer == Answer::Open)
}

async fn answer(desk: &Desk, by: &SignedIn, ticket: &TicketState, answer: TicketWord, quiet: bool) {
    let reason = "answered in the demo".to_owned();
    let order = maso_api::AnswerTicket { action: ticket.action.to_string(), answer, reason };
    match desk.answer_ticket(by, ticket.id, &order).await {
        Ok(()) => {}
        Err(fault) if quiet => tracing::warn!(%fault, "a held action was not answered"),
        Err(fault) => anstream::eprintln!("  {} {fault}", screen::yellow("not answered:")),
    }
}

fn payload(desk: &Desk, ticket: &TicketState) -> Option<serde_json::Value> {
    let digest = ticket.decided.payload.as_deref().and_then(Digest::parse)?;
    desk.path().recorder().reader().payload(digest).ok().flatten()
}

fn claim_of(desk: &Desk, ticket: &TicketState) -> Option<String> {
    payload(desk, ticket)?.get("claim_id")?.as_str().map(str::to_owned)
}
