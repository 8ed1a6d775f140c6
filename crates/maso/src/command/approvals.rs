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
        ApprovalOrder::List { folder, output } => {
            let assembled = assemble(&folder.dir, "approvals", Mode::Enforce).await?;
            let (tickets, tools) = waiting(&assembled);
            if output.json {
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
        ApprovalOrder::Tool { folder, tool, digest, by, output } => {
            let assembled = assemble(&folder.dir, "approvals", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let tool: maso_core::ToolRef =
                tool.parse().map_err(|error: maso_core::IdError| Fault::new("nothing was approved", error))?;
            let digest = Digest::parse(&digest).ok_or_else(|| {
                Fault::plain(format!("`{digest}` is not a digest: `sha256:` and 64 digits were expected"))
            })?;
            let approved = assembled.desk.approve_tool(&by, &tool, digest).await;
            approved.map_err(|fault| Fault::new("nothing was approved", fault))?;
            if output.json {
                screen::json(
                    &serde_json::json!({ "tool": tool.to_string(), "digest": digest.to_string(), "approved": true }),
                );
            } else {
                say!("approved {tool}");
            }
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
    let world = assembled.path.world();
    let state = world.tickets().find(id).ok_or_else(unknown)?;
    let view = maso_control::view::ticket(world, &state, payload(&assembled, &state));
    if args.output.json {
        screen::json(&view);
        return Ok(());
    }
    match (answer, view.n_people.saturating_sub(u8::try_from(view.approvals.len()).unwrap_or(u8::MAX))) {
        (TicketWord::Reject, _) => say!("rejected"),
        (TicketWord::Approve, 0) => say!("approved: it may happen, once"),
        (TicketWord::Approve, 1) => say!("approved; one more person must"),
        (TicketWord::Approve, n) => say!("approved; {n} more people must"),
    }
    Ok(())
}

/// What a held action would do exactly, where that is still kept.
fn payload(assembled: &Assembled, state: &maso_path::TicketState) -> Option<serde_json::Value> {
    let digest = state.decided.payload.as_deref().and_then(Digest::parse)?;
    assembled.path.recorder().reader().payload(digest).ok().flatten()
}

fn waiting(assembled: &Assembled) -> (Vec<maso_api::TicketView>, Vec<maso_api::WaitingTool>) {
    let world = assembled.path.world();
    let tickets = world
        .tickets()
        .all()
        .iter()
        .filter(|state| state.answer == Stands::Open)
        .map(|state| maso_control::view::ticket(world, state, payload(assembled, state)))
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
        "{} {} {} {}",
        screen::yellow("held"),
        screen::strong(hop.from.as_deref().unwrap_or("somebody")),
        wish(&hop.verb),
        screen::strong(&hop.object)
    );
    say!("  ticket   {}", ticket.ticket);
    let window =
        hop.reversible_ms.map_or_else(String::new, |window_ms| format!(" for {} s", window_ms.div_ceil(1_000)));
    say!("  risk     {risk}, {}{window}", hop.reversibility.as_deref().unwrap_or("irreversible"));
    if let Some(task) = &hop.task {
        say!("  task     {task}");
    }
    match &ticket.payload {
        Some(payload) => show_parameters(payload, &hop.origins, ticket.amount.as_ref()),
        None => say!("  {} what it would do exactly cannot be read: do not approve it", screen::red("unknown ")),
    }
    for reason in &ticket.asked_because {
        say!("  because  {}", screen::folded(11, reason));
    }
    // Of what cannot be undone as a whole a person knows, also where nothing is asked about that.
    for finding in hop.findings.iter().filter(|finding| finding.word != "GO" || finding.control == "EC-2.11") {
        say!("  {:<8} {}", finding.control, screen::folded(11, &finding.reason));
    }
    if let Some(tried) = &hop.dry_run {
        match &tried.fault {
            None => say!("  dry run  {}, says {}", screen::green("would succeed"), screen::strong(&tried.tool)),
            Some(fault) => say!("  dry run  {} {}", screen::red("would fail"), screen::folded(11, fault)),
        }
        if let Some(says) = &tried.says {
            say!("           {}", screen::folded(11, says));
        }
    }
    for verdict in &hop.verdicts {
        let said = format!("{} says {}: {}", verdict.judge, verdict.opinion, verdict.reasoning);
        say!("  judge    {}", screen::folded(11, &said));
    }
    for approval in &ticket.approvals {
        say!("  approved by {}", screen::strong(&approval.by));
    }
    let at = maso_core::Timestamp::from_millis(ticket.expires_at);
    say!("  {} at {at}", screen::faint("if nobody answers"));
    say!("           {}", screen::folded(11, &ticket.if_unanswered));
}

/// What a held hop would do, in words.
fn wish(verb: &str) -> String {
    match verb {
        "call_tool" => "wants to call".to_owned(),
        "read_resource" => "wants to read".to_owned(),
        "get_prompt" => "wants to take the prompt".to_owned(),
        "ask_client" => "wants to ask the client of".to_owned(),
        "request" => "wants to ask".to_owned(),
        other => format!("wants to {}", other.replace('_', " ")),
    }
}

/// Each parameter on a line of its own, and below it where its value came from. `*` marks what carries authority.
fn show_parameters(
    payload: &serde_json::Value,
    origins: &[maso_api::OriginView],
    amount: Option<&maso_api::AmountView>,
) {
    say!("  exactly");
    let origin_of = |pointer: &str| origins.iter().find(|origin| origin.pointer == pointer);
    let mut shown = 0;
    for (name, value) in payload.as_object().into_iter().flatten() {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let origin = origin_of(&pointer);
        let mark = if origin.is_some_and(|origin| origin.authority) { "*" } else { " " };
        say!("  {mark} {name:<20} {}", screen::strong(&value.to_string()));
        if let Some(amount) = amount.filter(|amount| amount.pointer == pointer && amount.shown != amount.value) {
            say!("    {:<20} {}", "", screen::strong(&amount.shown));
        }
        if let Some(origin) = origin {
            show_origin(origin);
            shown += 1;
        }
    }
    if !payload.is_object() {
        say!("    {payload}");
    }
    // Parts of lists and objects, which have no line of their own.
    if shown < origins.len() {
        let is_top = |origin: &&maso_api::OriginView| {
            let name = origin.pointer.trim_start_matches('/').replace("~1", "/").replace("~0", "~");
            payload.get(&name).is_some()
        };
        for origin in origins.iter().filter(|origin| !is_top(origin)) {
            let mark = if origin.authority { "*" } else { " " };
            say!("  {mark} {}", origin.pointer);
            show_origin(origin);
        }
    }
}

fn show_origin(origin: &maso_api::OriginView) {
    let needed = origin.needed.as_deref().map_or_else(String::new, |needed| format!(", needs {needed}"));
    let text = format!("from {} ({}{needed})", origin.source, origin.integrity);
    say!("                         {}", screen::faint(screen::folded(25, &text)));
    if let Some(maso_api::ExcerptView { field, before, value, after }) = &origin.excerpt {
        let field = field.as_deref().map_or_else(String::new, |field| format!("{field}: "));
        let passage = format!("“{field}{before}>>{value}<<{after}”");
        say!("                         {}", screen::folded(25, &passage));
    }
}

fn show_tool(tool: &maso_api::WaitingTool) {
    let what = if tool.approved.is_some() { "changed its definition" } else { "has a definition that nobody approved" };
    say!("{} {} {what}", screen::yellow("held"), screen::strong(&tool.tool));
    say!("  digest   {}", tool.digest);
    for finding in &tool.findings {
        say!("  {:<8} {}", finding.control, screen::folded(11, &finding.reason));
    }
    for line in &tool.difference {
        match line.chars().next() {
            Some('+') => say!("  {}", screen::green(line)),
            Some('-') => say!("  {}", screen::red(line)),
            _ => say!("  {}", screen::faint(line)),
        }
    }
}
