//! `maso explain`: why an agent may or may not do a thing, with file and line.

use std::{process::ExitCode, sync::Arc};

use maso_core::{Act, Confidentiality, Integrity, Label, Phase, Review, Word};
use maso_intent::{Deployment, Places, nearest};
use maso_path::{Clock as _, SystemClock};
use maso_policy::{Action, nearest_allowed};
use serde_json::{Value, json};

use crate::screen::say;
use crate::{assemble::declared, cli::Explain, command::diff, fault::Fault, screen};

mod deciding;
mod example;
mod rehearsal;

use deciding::{Deciding, Line};
use rehearsal::Rehearsal;

/// Exit code 0 if it may, 1 if it may not.
pub async fn run(args: Explain) -> Result<ExitCode, Fault> {
    let (deployment, source) = declared(&args.folder.dir)?;
    let deployment = Arc::new(deployment);
    known(&deployment, &args)?;
    let act = act(&args)?;
    let payload = args.args.clone().unwrap_or_else(|| example::payload(&deployment, &args.agent, &act));
    let action = Action {
        agent: args.agent.clone(),
        act,
        payload,
        origin: args.origin,
        seen: Label { integrity: Integrity::Operator, confidentiality: Confidentiality::Public },
        opened: !args.standing,
        phase: Phase::Primary,
    };
    let now = SystemClock.now();
    let rehearsal = Rehearsal::new(Arc::clone(&deployment), now)?;
    let rehearsed = rehearsal.of(&action).await?;
    let places = Places::of(&source);
    let lines = Deciding { deployment: &deployment, places: &places, action: &action }.lines(&rehearsed);
    let nearest = match rehearsed.review {
        Some(_) => None,
        None => nearest_action(&rehearsal, &action, now).await?,
    };
    let explained = Explained { deployment: &deployment, action: &action, review: rehearsed.review, lines, nearest };
    if args.output.json {
        screen::json(&explained.as_json())
    } else {
        explained.tell()
    }
    Ok(if explained.review.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn known(deployment: &Deployment, args: &Explain) -> Result<(), Fault> {
    if deployment.agents.contains_key(&args.agent) {
        return Ok(());
    }
    let names: Vec<_> = deployment.agents.keys().map(maso_core::AgentName::as_str).collect();
    let help = match nearest(args.agent.as_str(), names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("its agents are {}", names.join(", ")),
    };
    Err(Fault::plain(format!("the deployment has no agent `{}`", args.agent)).help(help))
}

fn act(args: &Explain) -> Result<Act, Fault> {
    match (&args.tool, &args.grant, &args.message) {
        (Some(tool), ..) => Ok(Act::CallTool(tool.clone())),
        (None, Some(grant), _) => Act::parse("request", grant).ok_or_else(|| {
            Fault::plain(format!("`{grant}` names no request"))
                .help("write the agent that is asked, and the request: `analysis:assess_claim`")
        }),
        (None, None, Some(message)) => Act::parse("tell", message).ok_or_else(|| {
            Fault::plain(format!("`{message}` names no message"))
                .help("write the agent that is told, and the contract: `analysis:sighting`")
        }),
        (None, None, None) => {
            Err(Fault::plain("there is nothing to explain").help("name a `--tool`, a `--grant` or a `--message`"))
        }
    }
}

/// What is allowed and most like it, after the whole path has said so.
async fn nearest_action(
    rehearsal: &Rehearsal,
    action: &Action,
    now: maso_core::Timestamp,
) -> Result<Option<(Action, Review)>, Fault> {
    let found = nearest_allowed(rehearsal.deployment(), action, now).map_err(rehearsal::uncompiled)?;
    let Some(nearest) = found else { return Ok(None) };
    let review = rehearsal.of(&nearest).await?.review;
    Ok(review.map(|review| (nearest, review)))
}

/// What is told.
struct Explained<'a> {
    deployment: &'a Deployment,
    action: &'a Action,
    /// Who must be heard; `None` where it is refused.
    review: Option<Review>,
    lines: Vec<Line>,
    nearest: Option<(Action, Review)>,
}

impl Explained<'_> {
    fn headline(&self) -> String {
        let Action { agent, act, .. } = self.action;
        let what = match act {
            Act::Request { agent: asked, request } => format!("ask `{asked}` to `{request}`"),
            Act::Tell { agent: told, contract } => format!("tell `{told}` a `{contract}`"),
            act => format!("call `{}`", act.object()),
        };
        match self.review {
            None => format!("`{agent}` may not {what} like this"),
            Some(Review::NONE) => format!("`{agent}` may {what}; nobody is asked"),
            Some(review) => format!("`{agent}` may {what} after {review}"),
        }
    }

    fn tell(&self) {
        let headline = self.headline();
        let headline = match self.review {
            None => screen::red(&headline),
            Some(Review::NONE) => screen::green(&headline),
            Some(_) => screen::yellow(&headline),
        };
        say!("{headline}");
        say!("  {} {}", screen::faint("with"), self.action.payload);
        for line in &self.lines {
            let word = match line.word {
                Word::Go => screen::green("go      "),
                Word::Escalate => screen::yellow("escalate"),
                Word::NoGo => screen::red("no-go   "),
            };
            let control = line.control.as_ref().map_or_else(String::new, |control| format!("[{control}] "));
            say!("  {word} {:9} {control}{}", line.stage, line.reason);
            if let Some(place) = &line.place {
                say!("                     {} {}", screen::faint("at"), screen::strong(&place.to_string()));
            }
        }
        if let Some(nearest) = self.nearest_in_words() {
            say!("  {} {nearest}", screen::blue("nearest"));
        }
    }

    /// The nearest thing that would be allowed, in words; `None` where the action itself is.
    fn nearest_in_words(&self) -> Option<String> {
        if self.review.is_some() {
            return None;
        }
        let Some((nearest, review)) = &self.nearest else { return Some(self.elsewhere()) };
        let mut changes = Vec::new();
        if nearest.payload != self.action.payload {
            changes.push(format!("with {}", nearest.payload));
        }
        if nearest.origin != self.action.origin {
            changes.push(format!("with values of `{}` origin", nearest.origin));
        }
        if nearest.opened != self.action.opened {
            changes.push(format!(
                "in {}",
                if nearest.opened { "a task that a person opened" } else { "its standing task" }
            ));
        }
        if nearest.seen != self.action.seen {
            let Label { integrity, confidentiality } = nearest.seen;
            changes.push(format!("in a task that has seen nothing beyond {integrity}, {confidentiality}"));
        }
        Some(format!("{}: {}", changes.join(", "), after(*review)))
    }

    /// Where nothing like it is allowed: what else this agent may do there, and who else may do this.
    fn elsewhere(&self) -> String {
        let Action { agent, act, .. } = self.action;
        let authority = self.deployment.authority(agent);
        let others: Vec<_> = self
            .deployment
            .agents
            .keys()
            .filter(|other| self.deployment.authority(other).permits(act))
            .map(|other| format!("`{other}`"))
            .collect();
        let may: Vec<String> = match act {
            Act::CallTool(tool) => {
                authority.tools().filter(|held| held.server == tool.server).map(ToString::to_string).collect()
            }
            _ => authority.requests().map(|(agent, request)| format!("{agent}:{request}")).collect(),
        };
        if authority.permits(act) {
            return "nothing like it was found that is allowed; the lines above say what stands against it".to_owned();
        }
        let object = act.object();
        let own = match nearest(&object, may.iter().map(String::as_str)) {
            Some(name) => format!("`{agent}` may `{name}`"),
            None if may.is_empty() => format!("`{agent}` may nothing of the kind"),
            None => format!("`{agent}` may `{}`", may.join("`, `")),
        };
        match others.is_empty() {
            true => format!("{own}; no agent may `{object}`"),
            false => format!("{own}; `{object}` is for {}", others.join(", ")),
        }
    }

    fn as_json(&self) -> Value {
        json!({
            "allowed": self.review.is_some(),
            "text": self.headline(),
            "review": self.review.map(review),
            "action": diff::action(self.action),
            "steps": self.lines.iter().map(|line| json!({
                "stage": line.stage,
                "word": line.word.as_str(),
                "control": line.control.as_ref().map(ToString::to_string),
                "reason": line.reason,
                "file": line.place.as_ref().map(|place| &place.file),
                "line": line.place.as_ref().map(|place| place.line),
            })).collect::<Vec<_>>(),
            "nearest": self.nearest_in_words().map(|text| json!({
                "text": text,
                "action": self.nearest.as_ref().map(|(action, _)| diff::action(action)),
                "review": self.nearest.as_ref().map(|(_, needed)| review(*needed)),
            })),
        })
    }
}

fn after(review: Review) -> String {
    if review == Review::NONE { "nobody is asked".to_owned() } else { format!("after {review}") }
}

fn review(review: Review) -> Value {
    json!({ "judges": review.n_judges, "people": review.n_people })
}
