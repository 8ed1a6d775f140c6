//! `maso tasks`: opens, lists and closes tasks, and says how they were done.

use std::process::ExitCode;

use maso_api::AssumptionScope;
use maso_core::Mode;

use crate::screen::say;
use crate::{
    assemble::{assemble, signed_in},
    cli::{As, OfAssumption, Output, TaskOrder, Tasks},
    fault::Fault,
    screen,
};

pub async fn run(args: Tasks) -> Result<ExitCode, Fault> {
    match args.order {
        TaskOrder::Open { folder, workflow, words, success, scope, out_of_scope, ttl_s, agents, by, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let order = maso_api::OpenTask {
                workflow,
                words,
                success_criteria: success,
                scope,
                out_of_scope,
                ttl_ms: ttl_s.map(|seconds| seconds.saturating_mul(1_000)),
                agents,
            };
            let (task, token) = assembled
                .desk
                .open_task(&by, &order)
                .await
                .map_err(|fault| Fault::new("the task was not opened", fault))?;
            let task = maso_control::view::task(assembled.path.world(), &task);
            let opened = maso_api::OpenedTask { task, token };
            if output.json {
                screen::json(&opened);
            } else {
                say!("{}", opened.task.task);
                say!("{}", opened.token);
                for what in unclear(&opened.task) {
                    anstream::eprintln!("{} {what}", screen::yellow("warning"));
                }
            }
        }
        TaskOrder::List { folder, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let world = assembled.path.world();
            let tasks: Vec<_> =
                world.tasks().all_open().iter().map(|task| maso_control::view::task(world, task)).collect();
            substitutions(&assembled.path);
            if output.json {
                screen::json(&tasks);
            } else if tasks.is_empty() {
                say!("no task is open");
            } else {
                for task in tasks {
                    say!("{}  {}", task.task, task.workflow);
                    say!("  {}", screen::folded(2, &task.words));
                    for what in unclear(&task) {
                        say!("  {}", screen::folded(2, &what));
                    }
                }
            }
        }
        TaskOrder::Deviation { folder, task, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let id = task.parse().map_err(|error: maso_core::IdError| Fault::new("no task is shown", error))?;
            let evaluated = assembled.path.evaluation(id).await;
            let evaluated = evaluated.map_err(|fault| Fault::new("the task cannot be evaluated", fault))?;
            let views: Vec<_> = evaluated.iter().map(maso_control::view::evaluation).collect();
            if output.json {
                screen::json(&views);
            } else if views.is_empty() {
                say!("nobody acted in such a task");
            } else {
                views.iter().for_each(show_evaluation);
            }
        }
        TaskOrder::Assess { folder, task, criterion, met, missed, reason, by, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            if met == missed {
                return Err(Fault::plain("say whether it is met: `--met` or `--missed`"));
            }
            let by = signed_in(&assembled, by.operator).await?;
            let id = task.parse().map_err(|error: maso_core::IdError| Fault::new("nothing was assessed", error))?;
            let order = maso_api::AssessTask { criterion, met, reason };
            let assessed = assembled.desk.assess_task(&by, id, &order).await;
            assessed.map_err(|fault| Fault::new("nothing was assessed", fault))?;
            if output.json {
                screen::json(&order);
            } else {
                say!("`{}` is {}", order.criterion, if met { "met" } else { "missed" });
            }
        }
        TaskOrder::Clarifications { folder, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let questions = maso_control::view::clarifications(&assembled.path);
            if output.json {
                screen::json(&questions);
            } else if questions.is_empty() {
                say!("nobody asked what is meant");
            } else {
                questions.iter().for_each(show);
            }
        }
        TaskOrder::Clarify { folder, task, question, about, answer, by, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let by = signed_in(&assembled, by.operator).await?;
            let id = task.parse().map_err(|error: maso_core::IdError| Fault::new("nothing was said", error))?;
            let order = maso_api::Clarify { question, about, answer };
            let said = assembled.desk.clarify(&by, id, &order).await;
            said.map_err(|fault| Fault::new("nothing was said", fault))?;
            if output.json {
                screen::json(&serde_json::json!({ "task": id.to_string(), "clarified": true }));
            } else {
                say!("said");
            }
        }
        TaskOrder::Assumptions { folder, output } => {
            let assembled = assemble(&folder.dir, "tasks", Mode::Enforce).await?;
            let assumptions = maso_control::view::assumptions(&assembled.path);
            if output.json {
                screen::json(&assumptions);
            } else if assumptions.is_empty() {
                say!("no agent assumes anything");
            } else {
                assumptions.iter().for_each(show_assumption);
            }
        }
        TaskOrder::Promote { assumption, scope, by, output } => {
            let scope = if scope == "global" { AssumptionScope::Global } else { AssumptionScope::Task };
            promote(assumption, scope, by, output).await?;
        }
        TaskOrder::Refuse { assumption, by, output } => {
            promote(assumption, AssumptionScope::Local, by, output).await?;
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

/// Says for whom an assumption holds.
async fn promote(of: OfAssumption, scope: AssumptionScope, by: As, output: Output) -> Result<(), Fault> {
    let assembled = assemble(&of.folder.dir, "tasks", Mode::Enforce).await?;
    let by = signed_in(&assembled, by.operator).await?;
    let task = of.task.parse().map_err(|error: maso_core::IdError| Fault::new("nothing was said", error))?;
    let order = maso_api::Promote { assumption: of.assumption, scope };
    let said = assembled.desk.promote(&by, task, &order).await;
    said.map_err(|fault| Fault::new("nothing was said", fault))?;
    if output.json {
        screen::json(&order);
    } else {
        say!("it holds for {}", scope_words(scope));
    }
    Ok(())
}

const fn scope_words(scope: AssumptionScope) -> &'static str {
    match scope {
        AssumptionScope::Local => "its agent alone",
        AssumptionScope::Task => "all who work on the task",
        AssumptionScope::Global => "everybody",
    }
}

/// What is as urgent as a fraud stands first, on standard error, so that what is read by machines stays what it is.
fn substitutions(path: &maso_path::Path) {
    for found in path.world().conduct().evaluations().substitutions() {
        let (task, agent) = (&found.evaluated.task, &found.evaluated.agent);
        let what = format!("creative substitution: {task}, agent `{agent}`: the right result by the wrong means");
        anstream::eprintln!("{}", screen::red(&what));
    }
}

fn show_evaluation(evaluated: &maso_api::EvaluationView) {
    let class = match evaluated.class.as_str() {
        "normal-operation" => screen::green(&evaluated.class),
        "undecided" => screen::yellow(&evaluated.class),
        _ => screen::red(&evaluated.class),
    };
    say!("{}  {class}  {}", screen::strong(&evaluated.agent), screen::faint(&evaluated.mandate));
    let (means, outcome) = (&evaluated.means, &evaluated.outcome);
    say!("  means {means}, outcome {outcome}, {} % decided: {}", evaluated.confidence, evaluated.recommends);
    for departure in &evaluated.departures {
        say!("  {:<12} {}  {}", departure.what, departure.tool, screen::folded(15, &departure.detail));
    }
    for criterion in &evaluated.criteria {
        let state = match (criterion.is_met, criterion.is_failure) {
            (None, _) => "open",
            (Some(true), false) => "met",
            (Some(false), false) => "missed",
            (Some(true), true) => "came about",
            (Some(false), true) => "averted",
        };
        let by = criterion.decided_by.as_deref().unwrap_or("any operator");
        say!("  {state:<12} {}  {}", criterion.id, screen::faint(by));
    }
    for (tool, n_attempts) in &evaluated.plan_attempts {
        say!("  {:<12} {tool}  {n_attempts} in this task", "attempts");
    }
    if !evaluated.patterns.is_empty() {
        say!("  {:<12} {}", "patterns", evaluated.patterns.join(", "));
    }
}

/// What nobody could work on for certain, in words.
fn unclear(task: &maso_api::TaskView) -> Vec<String> {
    let open = (!task.unclear.is_empty()).then(|| format!("unclear: it does not say its {}", task.unclear.join(", ")));
    let vague = task.vague.as_ref().map(|word| format!("vague: nobody can measure `{word}`"));
    open.into_iter().chain(vague).collect()
}

fn show_assumption(assumption: &maso_api::AssumptionView) {
    say!("{}  {}  {} assumes", assumption.assumption, assumption.task, assumption.made_by);
    let words = assumption.words.as_deref().unwrap_or("what was assumed cannot be read any more");
    say!("  {}", screen::folded(2, words));
    if !assumption.inputs.is_empty() {
        say!("  rests on {}", screen::folded(2, &assumption.inputs.join(", ")));
    }
    match &assumption.answered_by {
        Some(by) => say!("  {by}: it holds for {}", scope_words(assumption.scope)),
        None => say!("  open; it holds for {}", scope_words(assumption.scope)),
    }
}

fn show(question: &maso_api::ClarificationView) {
    say!("{}  {}  {} asks {}", question.question, question.task, question.asked_by, question.asked_of);
    let words = question.words.as_deref().unwrap_or("what was asked cannot be read any more");
    say!("  about {}: {}", question.about, screen::folded(2, words));
    if !question.options.is_empty() {
        say!("  to choose from: {}", screen::folded(2, &question.options.join(" | ")));
    }
    match &question.answered_by {
        Some(by) => say!("  {by}: {}", screen::folded(2, question.answer.as_deref().unwrap_or_default())),
        None => say!("  open"),
    }
}
