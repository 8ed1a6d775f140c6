//! `maso pace`: shows and moves phases.

use std::process::ExitCode;

use maso_core::{Mode, Timestamp};
use maso_path::{Clock as _, SystemClock};

use crate::screen::say;
use crate::{
    assemble::{assemble, signed_in},
    cli::{Pace, PaceOrder},
    fault::Fault,
    screen,
};

pub async fn run(args: Pace) -> Result<ExitCode, Fault> {
    match args.order {
        PaceOrder::Show { folder, output } => {
            let assembled = assemble(&folder.dir, "pace", Mode::Enforce).await?;
            let view = maso_control::view::posture(assembled.path.world(), SystemClock.now());
            if output.json { screen::json(&view) } else { show(&view) }
        }
        PaceOrder::Move { folder, scope, to, reason, review, by, output } => {
            let assembled = assemble(&folder.dir, "pace", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let review = review
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|error| Fault::new("the review is not what ends an Emergency", error))?;
            let order = maso_api::MovePhase { scope, to, reason, review };
            assembled.desk.move_phase(&by, &order).await.map_err(|fault| {
                let help = fault.help();
                let fault = Fault::new("nothing was moved", fault);
                match help {
                    Some(help) => fault.help(help),
                    None => fault,
                }
            })?;
            let view = maso_control::view::posture(assembled.path.world(), SystemClock.now());
            if output.json { screen::json(&view) } else { show(&view) }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Each scope on the river from Primary to Emergency.
pub fn show(view: &maso_api::PostureView) {
    for scope in &view.scopes {
        let phase = match scope.phase.as_str() {
            "primary" => screen::green("primary"),
            "alternate" => screen::yellow("alternate"),
            "contingency" => screen::yellow("contingency"),
            _ => screen::red("emergency"),
        };
        say!("{:<30} {phase}", scope.scope);
        if let (Some(since), Some(trigger)) = (scope.since, &scope.trigger) {
            let since = Timestamp::from_millis(since);
            let by = scope.by.as_deref().unwrap_or("maso");
            say!("  {}", screen::faint(screen::folded(2, &format!("since {since} by {by}: {trigger}"))));
        }
        if let Some(back) = scope.moves.iter().find(|back| back.to == "primary") {
            let review = if back.review { " and a complete review" } else { "" };
            say!("  {}", screen::faint(&format!("brought back by `{}`, with a reason{review}", back.role)));
        }
    }
}
