//! `maso agents`: lists agents; issues and revokes their tokens; says who was issued what.

mod family;
mod join;
mod lineage;

pub use join::key;

use std::process::ExitCode;

use maso_core::Mode;
use maso_path::{Clock as _, SystemClock};
use maso_posture::{Of, Trend};

use crate::screen::say;
use crate::{
    assemble::{assemble, signed_in},
    cli::{AgentOrder, Agents},
    fault::Fault,
    screen,
};

pub async fn run(args: Agents) -> Result<ExitCode, Fault> {
    match args.order {
        AgentOrder::List { folder, output } => {
            let assembled = assemble(&folder.dir, "agents", Mode::Enforce).await?;
            let agents = maso_control::view::agents(assembled.path.world(), SystemClock.now());
            let (instances, now) = (assembled.path.trust().instances(), SystemClock.now());
            if output.json {
                screen::json(&family::beside(&agents, instances, now));
            } else {
                for agent in agents {
                    say!(
                        "{}  {}  {} tools, {}, clearance {}",
                        screen::strong(&agent.agent),
                        screen::faint(&agent.mandate),
                        agent.tools.len(),
                        agent.around_phase,
                        agent.clearance
                    );
                    say!("  {}", screen::folded(2, &agent.intent));
                    if let Some(context) = &agent.context {
                        let told = format!(
                            "context {} % full: {} of {} tokens",
                            context.percent, context.used, context.tokens
                        );
                        match context.level.as_deref() {
                            Some("critical") => say!("  {}", screen::red(&told)),
                            Some(_) => say!("  {}", screen::yellow(&told)),
                            None => say!("  {}", screen::faint(&told)),
                        }
                    }
                    for instance in family::those_of(&agent.agent, instances, now) {
                        say!("  {}", screen::faint(&format!("instance {instance}")));
                    }
                    for tool in &agent.tools {
                        let class = tool.class.as_deref().unwrap_or("?");
                        say!("  {:<34} {class:<9} {:<9} {}", tool.tool, tool.risk, tool.pin);
                        for bound in &tool.bounds {
                            say!("      {}", screen::faint(screen::folded(6, bound)));
                        }
                    }
                }
            }
        }
        AgentOrder::Attempts { folder, output } => {
            let assembled = assemble(&folder.dir, "agents", Mode::Enforce).await?;
            let trends = assembled.path.world().conduct().attempts().trends(SystemClock.now());
            if output.json {
                screen::json(&trends.iter().map(attempts_json).collect::<Vec<_>>());
            } else if trends.is_empty() {
                say!("no call of a tool that an agent does not have, in 30 days");
            } else {
                trends.iter().for_each(show_attempts);
            }
        }
        AgentOrder::Token { folder, agent, thumbprint, new_key, by, output } => {
            let assembled = assemble(&folder.dir, "agents", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let thumbprint = match new_key {
                None => thumbprint,
                Some(file) => Some(join::make(&file)?.thumbprint().to_string()),
            };
            let order = maso_api::IssueToken { thumbprint, ttl_ms: None };
            let issued = assembled.desk.issue_agent_token(&by, &agent, &order).await;
            tell(&issued.map_err(|fault| Fault::new("no token was issued", fault))?, output.json);
        }
        AgentOrder::JoinToken { folder, agent, ttl, by, output } => {
            let assembled = assemble(&folder.dir, "agents", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let issued = assembled.desk.invite(&by, &agent, ttl).await;
            tell(&issued.map_err(|fault| Fault::new("no token was issued", fault))?, output.json);
        }
        AgentOrder::Join { url, token, key, output } => tell(&join::join(&url, &token, &key).await?, output.json),
        AgentOrder::Lineage { folder, agent, all, output } => {
            lineage::show(&super::log::reader(&folder.dir)?, agent.as_ref(), all, output.json)?;
        }
        AgentOrder::Revoke { folder, what, subject, reason, by, output } => {
            let assembled = assemble(&folder.dir, "agents", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let order = maso_api::Revoke { what, subject, reason };
            assembled.desk.revoke(&by, &order).await.map_err(|fault| Fault::new("nothing was revoked", fault))?;
            if output.json {
                screen::json(&order);
            } else {
                say!("revoked {} `{}`, from the next hop on", order.what, order.subject);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(issued: &maso_api::IssuedToken, json: bool) {
    if json {
        screen::json(issued);
    } else {
        say!("{}", issued.token);
    }
}

fn whose(trend: &Trend) -> (&'static str, &str) {
    match &trend.of {
        Of::Agent(agent) => ("agent", agent.as_str()),
        Of::Model(model) => ("model", model),
        Of::Tool(tool) => ("tool", tool),
    }
}

fn show_attempts(trend: &Trend) {
    let (kind, name) = whose(trend);
    let (n_week, n_month, n_tasks) = (trend.n_week, trend.n_month, trend.n_tasks);
    say!("{kind:<6} {}  {n_week} in 7 days, {n_month} in 30, in {n_tasks} tasks", screen::strong(name));
    for (tool, n_attempts) in trend.tools.iter().filter(|_| kind != "tool") {
        say!("       {tool}  {n_attempts}");
    }
    if !trend.patterns().is_empty() {
        say!("       {}", screen::red(&trend.patterns().join(", ")));
    }
}

fn attempts_json(trend: &Trend) -> serde_json::Value {
    let (kind, name) = whose(trend);
    serde_json::json!({
        "of": kind,
        "name": name,
        "n_week": trend.n_week,
        "n_month": trend.n_month,
        "n_tasks": trend.n_tasks,
        "n_workflows": trend.n_workflows,
        "tools": trend.tools,
        "patterns": trend.patterns(),
    })
}
