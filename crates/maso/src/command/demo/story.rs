//! The demo as it is told: what was allowed, held and refused, why, and by which control.

use std::{path::Path as FilePath, sync::Arc};

use futures::StreamExt;
use maso_core::Word;
use maso_demo::Report;
use maso_log::v1::{Body, HopDecided};
use maso_path::Path;
use tokio::{sync::oneshot, task::JoinHandle};

use crate::screen::say;
use crate::{assemble::Assembled, cli::Approve, screen};

/// The telling of one run.
pub struct Story {
    path: Arc<Path>,
    quiet: bool,
    approve: Approve,
    floor: Floor,
}

/// Whoever holds it may speak: a question is not talked into.
pub type Floor = Arc<tokio::sync::Mutex<()>>;

/// A telling that is going on.
pub struct Telling {
    stop: oneshot::Sender<u64>,
    worker: JoinHandle<()>,
    path: Arc<Path>,
}

impl Story {
    /// Tells nothing when `quiet`.
    pub fn new(assembled: &Assembled, quiet: bool, approve: Approve) -> Self {
        Self { path: Arc::clone(&assembled.path), quiet, approve, floor: Floor::default() }
    }

    /// The right to speak, to be shared with whoever asks questions.
    pub fn floor(&self) -> Floor {
        Arc::clone(&self.floor)
    }

    /// Where everything is, and what will happen.
    pub fn begin(&self, folder: &FilePath, address: &str, link: &str) {
        if self.quiet {
            return;
        }
        let deployment = self.path.world().deployment();
        say!("{} {}", screen::strong("maso demo"), screen::faint("an insurer's three agents settle claims"));
        say!("  deployment  {}", folder.display());
        say!(
            "  agents      {} {}",
            deployment.agents.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            screen::faint("(separate processes; their only way to the tools is MCP through maso)")
        );
        say!("  console     http://{address}/console");
        say!("  sign in     {link}");
        if self.path.world().mode() == maso_core::Mode::Observe {
            say!("  {} nothing is blocked", screen::yellow("OBSERVING"));
        }
        let who = match self.approve {
            Approve::Ask => "you are asked, here or in the console",
            Approve::All => "approved by a script",
            Approve::None => "rejected by a script",
        };
        say!("  payments    {who}");
        say!();
    }

    /// Tells as it goes.
    pub fn tell(&self) -> Telling {
        let (stop, mut stopped) = oneshot::channel::<u64>();
        let (quiet, approve, floor) = (self.quiet, self.approve, self.floor());
        let path = Arc::clone(&self.path);
        let worker = tokio::spawn({
            let path = Arc::clone(&path);
            async move {
                let mut records = Box::pin(path.recorder().tail(path.recorder().last_sequence() + 1));
                let mut last = u64::MAX;
                let mut told = 0;
                while told < last {
                    tokio::select! {
                        biased;
                        record = records.next() => match record {
                            Some(record) => {
                                told = record.sequence;
                                if !quiet {
                                    let _floor = floor.lock().await;
                                    tell(&path, &record.body, approve);
                                }
                            }
                            None => return,
                        },
                        until = &mut stopped, if last == u64::MAX => last = until.unwrap_or(0),
                    }
                }
            }
        });
        Telling { stop, worker, path }
    }

    /// What came of it.
    pub fn end(&self, report: &Report, verified: &maso_verify::Report, hops: &std::collections::BTreeMap<String, u64>) {
        say!();
        say!("{}", screen::strong("What came of it, read from the insurer's database"));
        for claim in &report.claims {
            let well = claim.expected == claim.actual;
            let mark = if well { screen::green("ok   ") } else { screen::red("wrong") };
            let word = serde_json::to_value(claim.actual).unwrap_or_default();
            let word = word.as_str().unwrap_or_default().replace('_', " ");
            let told = if claim.notified { "policyholder told" } else { "policyholder not told" };
            say!("  {mark} {}  {word:<13} {}", claim.claim_id, screen::faint(told));
        }
        say!();
        say!("{}", screen::strong("Poisoned instructions"));
        for poison in &report.poison {
            let mark = match (poison.effective, poison.attempted) {
                (true, _) => screen::red("EFFECTIVE"),
                (false, true) => screen::green("stopped  "),
                (false, false) => screen::faint("not tried"),
            };
            let text = format!("{} ({})", poison.wants, poison.document);
            say!("  {mark} {}  {}", poison.claim_id, screen::folded(20, &text));
        }
        for stray in &report.stray {
            say!("  {} {stray}", screen::red("stray effect"));
        }
        let counts: Vec<_> = [("allow", "allowed"), ("hold", "held"), ("deny", "refused")]
            .map(|(decision, word)| format!("{} {word}", hops.get(decision).copied().unwrap_or(0)))
            .to_vec();
        say!();
        say!("  hops      {}", counts.join(", "));
        say!(
            "  poisoned  {} planted, {} attempted, {} effective",
            report.poison.len(),
            report.n_attempted(),
            report.n_effective()
        );
        let mark = if verified.n_problems == 0 { screen::green("verified") } else { screen::red("broken") };
        say!(
            "  record    {mark} {} records, head {}",
            verified.records,
            verified.last_hash.as_deref().unwrap_or("none")
        );
    }
}

impl Telling {
    /// Ends when everything that is on the record was told.
    pub async fn end(self) {
        self.stop.send(self.path.recorder().last_sequence()).ok();
        if self.worker.await.is_err() {
            tracing::error!("the telling broke");
        }
    }
}

fn tell(path: &Path, body: &Body, approve: Approve) {
    match body {
        // Whoever is asked about it is shown it anyway, and more of it.
        Body::HopDecided(hop) if hop.decision == "hold" && approve == Approve::Ask => {}
        Body::HopDecided(hop) if is_worth_telling(hop) => tell_hop(path, hop),
        Body::TicketAnswered(answered) => {
            let word = match answered.answer.as_str() {
                "approve" => screen::green("approved"),
                _ => screen::red("rejected"),
            };
            say!("  {word} by {}", screen::strong(&answered.by));
        }
        Body::PhaseChanged(changed) => {
            say!(
                "{} {} goes from {} to {}: {}",
                screen::yellow("PACE    "),
                screen::strong(&changed.scope),
                changed.from,
                changed.to,
                changed.trigger
            );
        }
        _ => {}
    }
}

/// Reads that were allowed are what agents do all day; the console shows them.
fn is_worth_telling(hop: &HopDecided) -> bool {
    let is_answer = hop.answers.is_some();
    let is_read = hop.risk.as_deref() == Some("low");
    hop.decision != "allow" || (!is_answer && !is_read && matches!(hop.verb.as_str(), "call_tool" | "request"))
}

fn tell_hop(path: &Path, hop: &HopDecided) {
    let who = hop.from.as_deref().unwrap_or("somebody");
    let who = who.split_once(':').map_or(who, |(_, name)| name);
    let what = match (hop.verb.as_str(), hop.answers.is_some()) {
        ("call_tool", false) => format!("calls {}", hop.object),
        ("call_tool", true) => format!("answers with {}", hop.object),
        ("read_resource", _) => format!("reads {}", hop.object),
        ("request", _) => format!("asks {}", hop.object),
        (verb, _) => format!("{verb} {}", hop.object),
    };
    say!("{}{} {what}", screen::decision(&hop.decision), screen::strong(who));
    let word = if hop.decision == "hold" { Word::Escalate } else { Word::NoGo };
    let against = hop.findings.iter().filter(|finding| Word::parse(&finding.word) >= Some(word));
    for finding in against.take(3) {
        say!("         {} {}", screen::blue(&format!("{:<7}", finding.control)), screen::folded(17, &finding.reason));
    }
    if hop.decision == "hold" {
        if let Some(exactly) = exactly(path, hop) {
            say!("         {}", screen::folded(9, &exactly));
        }
        let risk = hop.risk.as_deref().unwrap_or("critical");
        say!("         {}", screen::faint(&format!("risk {risk}: waits for a person")));
    }
}

/// The parameters of a held action on one line.
fn exactly(path: &Path, hop: &HopDecided) -> Option<String> {
    let digest = hop.payload.as_deref().and_then(maso_core::Digest::parse)?;
    let payload = path.recorder().reader().payload(digest).ok().flatten()?;
    let parameters = payload.as_object()?.iter().map(|(name, value)| format!("{name} {value}"));
    Some(parameters.collect::<Vec<_>>().join(", "))
}
