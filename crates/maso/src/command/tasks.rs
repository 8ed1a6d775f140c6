//! `maso tasks`: opens, lists and closes tasks.

use std::process::ExitCode;

use maso_core::Mode;

use crate::screen::say;
use crate::{
    assemble::{assemble, signed_in},
    cli::{TaskOrder, Tasks},
    fault::Fault,
    screen,
};

pub async fn run(args: Tasks) -> Result<ExitCode, Fault> {
    match args.order {
        TaskOrder::Open { folder, workflow, words, success, ttl_s, by, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let order = maso_api::OpenTask {
                workflow,
                words,
                success_criteria: success,
                ttl_ms: ttl_s.map(|seconds| seconds.saturating_mul(1_000)),
            };
            let (task, token) = assembled
                .desk
                .open_task(&by, &order)
                .await
                .map_err(|fault| Fault::new("the task was not opened", fault))?;
            let opened = maso_api::OpenedTask { task: maso_control::view::task(&task), token };
            if output.json {
                screen::json(&opened);
            } else {
                say!("{}", opened.task.task);
                say!("{}", opened.token);
            }
        }
        TaskOrder::List { folder, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let tasks: Vec<_> =
                assembled.path.world().tasks().all_open().iter().map(|task| maso_control::view::task(task)).collect();
            if output.json {
                screen::json(&tasks);
            } else if tasks.is_empty() {
                say!("no task is open");
            } else {
                for task in tasks {
                    say!("{}  {}", task.task, task.workflow);
                    say!("  {}", screen::folded(2, &task.words));
                }
            }
        }
        TaskOrder::Close { folder, task, reason, by, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let id = task.parse().map_err(|error: maso_core::IdError| Fault::new("no task was closed", error))?;
            let closed = assembled.desk.close_task(&by, id, &reason).await;
            closed.map_err(|fault| Fault::new("no task was closed", fault))?;
            if output.json {
                screen::json(&serde_json::json!({ "task": id.to_string(), "closed": true }));
            } else {
                say!("closed");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
