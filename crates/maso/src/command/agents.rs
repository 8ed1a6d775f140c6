//! `maso agents`: lists agents; issues and revokes their tokens.

use std::process::ExitCode;

use maso_core::Mode;
use maso_identity::AgentKey;
use maso_path::{Clock as _, SystemClock};

use crate::screen::say;
use crate::{
    assemble::{assemble, signed_in},
    cli::{AgentOrder, Agents},
    fault::Fault,
    screen, state,
};

pub async fn run(args: Agents) -> Result<ExitCode, Fault> {
    match args.order {
        AgentOrder::List { folder, output } => {
            let assembled = assemble(&folder.dir, "agents", Mode::Enforce).await?;
            let agents = maso_control::view::agents(assembled.path.world(), SystemClock.now());
            if output.json {
                screen::json(&agents);
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
        AgentOrder::Token { folder, agent, thumbprint, new_key, by, output } => {
            let assembled = assemble(&folder.dir, "agents", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let thumbprint = match new_key {
                None => thumbprint,
                Some(file) => {
                    let mut seed = [0; 32];
                    getrandom::fill(&mut seed)
                        .map_err(|error| Fault::plain(format!("cannot draw randomness: {error}")))?;
                    let key = AgentKey::from_seed(seed);
                    state::create_private(&file, key.expose_pem().as_bytes())
                        .map_err(|fault| Fault::new("cannot write the agent's key", fault))?;
                    Some(key.thumbprint().to_string())
                }
            };
            let order = maso_api::IssueToken { thumbprint, ttl_ms: None };
            let issued = assembled.desk.issue_agent_token(&by, &agent, &order).await;
            let issued = issued.map_err(|fault| Fault::new("no token was issued", fault))?;
            if output.json {
                screen::json(&issued);
            } else {
                say!("{}", issued.token);
            }
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
