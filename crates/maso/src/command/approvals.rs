//! `maso approvals`: lists and answers what waits for a person.

use std::process::ExitCode;

use maso_api::TicketWord;
use maso_core::{Digest, Mode};
use maso_path::Answer as Stands;

use crate::screen::say;
use crate::{
    assemble::{Assembled, assemble, signed_in},
    cli::{Answer, ApprovalOrder, Approvals},
    fault::Fault,
    screen,
};

pub async fn run(args: Approvals) -> Result<ExitCode, Fault> {
    match args.order {
        ApprovalOrder::List { folder, json } => {
            let assembled = assemble(&folder.dir, "approvals", Mode::Enforce).await?;
            let (tickets, tools) = waiting(&assembled);
            if json {
                screen::json(&serde_json::json!({ "tickets": tickets, "tools": tools }));
            } else if tickets.is_empty() && tools.is_empty() {
                say!("nothing waits for a person");
            } else {
                tickets.iter().for_each(show_ticket);
                tools.iter().for_each(show_tool);
            }
        }
        ApprovalOrder::Approve(answer) => answer_with(answer, TicketWord::Approve).await?,
        ApprovalOrder::Reject(answer) => answer_with(answer, TicketWord::Reject).await?,
        ApprovalOrder::Tool { folder, tool, digest, by } => {
            let assembled = assemble(&folder.dir, "approvals", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let tool = tool.parse().map_err(|error: maso_core::IdError| Fault::new("nothing was approved", error))?;
            let digest = Digest::parse(&digest).ok_or_else(|| {
                Fault::plain(format!("`{digest}` is not a digest: `sha256:` and 64 digits were expected"))
            })?;
            let approved = assembled.desk.approve_tool(&by, &tool, digest).await;
            approved.map_err(|fault| Fault::new("nothing was approved", fault))?;
            say!("approved");
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn answer_with(args: Answer, answer: TicketWord) -> Result<(), Fault> {
    let assembled = assemble(&args.folder.dir, "approvals", Mode::Enforce).await?;
    let by = signed_in(&assembled, args.by.operator).await?;
    let unknown =
        || Fault::plain(format!("there is no ticket `{}`", args.ticket)).help("`maso approvals list` shows them");
    let id = args.ticket.parse().map_err(|_| unknown())?;
    let state = assembled.path.world().tickets().find(id).ok_or_else(unknown)?;
    let order = maso_api::AnswerTicket { action: state.action.to_string(), answer, reason: args.reason };
    assembled.desk.answer_ticket(&by, id, &order).await.map_err(|fault| Fault::new("nothing was answered", fault))?;
    say!(
        "{}",
        match answer {
            TicketWord::Approve => "approved",
            TicketWord::Reject => "rejected",
        }
    );
    Ok(())
}

fn waiting(assembled: &Assembled) -> (Vec<maso_api::TicketView>, Vec<maso_api::WaitingTool>) {
    let world = assembled.path.world();
    let reader = assembled.path.recorder().reader();
    let payload = |state: &maso_path::TicketState| {
        let digest = state.decided.payload.as_deref().and_then(Digest::parse)?;
        reader.payload(digest).ok().flatten()
    };
    let tickets = world
        .tickets()
        .all()
        .iter()
        .filter(|state| state.answer == Stands::Open)
        .map(|state| maso_control::view::ticket(world, state, payload(state)))
        .collect();
    let tools = world
        .pins()
        .waiting()
        .iter()
        .filter_map(|(tool, pin)| maso_control::view::waiting_tool(tool, pin, &pin.findings))
        .collect();
    (tickets, tools)
}

/// A held action, as a person must see it before answering.
pub fn show_ticket(ticket: &maso_api::TicketView) {
    let hop = &ticket.hop;
    let risk = hop.risk.as_deref().unwrap_or("critical");
    say!(
        "{} {} asks to {} {}",
        screen::yellow("held"),
        screen::strong(hop.from.as_deref().unwrap_or("somebody")),
        hop.verb,
        screen::strong(&hop.object)
    );
    say!("  ticket   {}", ticket.ticket);
    say!("  risk     {risk}, {}", hop.reversibility.as_deref().unwrap_or("irreversible"));
    if let Some(payload) = &ticket.payload {
        say!("  exactly  {payload}");
    }
    for origin in &hop.origins {
        let needed = origin.needed.as_deref().map_or_else(String::new, |needed| format!(", needs {needed}"));
        let mark = if origin.authority { "*" } else { " " };
        say!("  {mark} {:<22} from {} ({}{needed})", origin.pointer, origin.source, origin.integrity);
    }
    for finding in hop.findings.iter().filter(|finding| finding.word != "GO") {
        say!("  {:<8} {}", finding.control, finding.reason);
    }
    for verdict in &hop.verdicts {
        say!("  judge    {} says {}: {}", verdict.judge, verdict.opinion, verdict.reasoning);
    }
    let at = maso_core::Timestamp::from_millis(ticket.expires_at);
    say!("  {} at {at} {}", screen::faint("unanswered"), ticket.if_unanswered);
}

fn show_tool(tool: &maso_api::WaitingTool) {
    let what = if tool.approved.is_some() { "changed its definition" } else { "has a definition that nobody approved" };
    say!("{} {} {what}", screen::yellow("held"), screen::strong(&tool.tool));
    say!("  digest   {}", tool.digest);
    for finding in &tool.findings {
        say!("  {:<8} {}", finding.control, finding.reason);
    }
    for line in &tool.difference {
        match line.chars().next() {
            Some('+') => say!("  {}", screen::green(line)),
            Some('-') => say!("  {}", screen::red(line)),
            _ => say!("  {}", screen::faint(line)),
        }
    }
}
