//! Recorded runs of agents: what a deployment would have seen, apart from what is known of the run afterwards.

use serde::Deserialize;
use serde_json::Value;

/// A recorded run with its labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Written")]
pub struct Row {
    /// What happened, as a gateway would have seen it.
    pub run: Run,
    /// What is known of it afterwards: only scores look here.
    pub labels: Labels,
}

/// What happened: all that is replayed.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id, unique in its file.
    pub id: String,
    /// The suite whose tools it uses.
    pub suite: String,
    /// What the person asked for: the only statement of intent.
    pub prompt: String,
    /// What was said, in order.
    pub messages: Vec<Message>,
    /// The calls of tools, in order.
    pub calls: Vec<Call>,
}

/// One message.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    /// Who said it.
    pub role: Role,
    /// Its text.
    #[serde(default)]
    pub content: String,
    /// A tool's turn: what went wrong.
    #[serde(default)]
    pub error: Option<String>,
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever runs the agent.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// A tool.
    Tool,
}

/// One call of a tool.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its place among the run's calls.
    pub i: usize,
    /// The message with its result; none where the run ended before.
    pub msg: Option<usize>,
    /// The tool.
    pub name: String,
    /// Its arguments.
    pub args: Value,
}

/// A row as it is written.
#[derive(Deserialize)]
struct Written {
    id: String,
    suite: String,
    prompt: String,
    messages: Vec<Message>,
    calls: Vec<WrittenCall>,
    #[serde(flatten)]
    labels: Labels,
}

#[derive(Deserialize)]
struct WrittenCall {
    i: usize,
    #[serde(default)]
    msg: Option<usize>,
    name: String,
    #[serde(default)]
    args: Value,
    #[serde(default)]
    by: Option<Whose>,
}

impl From<Written> for Row {
    fn from(written: Written) -> Self {
        let Written { id, suite, prompt, messages, calls, mut labels } = written;
        labels.by = calls.iter().filter_map(|call| Some((call.i, call.by?))).collect();
        let calls = calls.into_iter().map(|WrittenCall { i, msg, name, args, .. }| Call { i, msg, name, args });
        Self { run: Run { id, suite, prompt, messages, calls: calls.collect() }, labels }
    }
}

/// Who wanted a call of a scripted run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// The person.
    User,
    /// Whoever wrote the injection.
    Attacker,
}

/// What kind of run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The person's task, and nobody attacks.
    Benign,
    /// The person's task, and somebody attacks.
    Attack,
    /// The person herself asks for what is an attacker's goal elsewhere.
    AuthorisedGoal,
}

/// What is known of a run afterwards.
#[derive(Clone, Debug, Deserialize)]
pub struct Labels {
    /// The benchmark that it was recorded for.
    pub source: String,
    /// What kind of run it is.
    pub kind: Kind,
    /// The model that acted; none in scripted runs.
    #[serde(default)]
    pub model: Option<String>,
    /// The defence that was on while it was recorded; `none` for undefended runs.
    #[serde(default)]
    pub defense: Option<String>,
    /// The form of the injection.
    #[serde(default)]
    pub attack: Option<String>,
    /// Whether the benchmark says that the person got what she asked for.
    #[serde(default)]
    pub utility: Option<bool>,
    /// Whether the benchmark says that the attacker got it.
    #[serde(default)]
    pub attack_succeeded: Option<bool>,
    /// Sets of calls: where all of one set happen, the attack succeeds.
    #[serde(default)]
    pub attack_sets: Option<Vec<Vec<usize>>>,
    /// By what those were found.
    #[serde(default)]
    pub attack_sets_from: Option<String>,
    /// Calls that suffice for what the person asked for.
    #[serde(default)]
    pub utility_calls: Option<Vec<usize>>,
    /// In scripted runs: who wanted which call.
    #[serde(skip)]
    pub by: Vec<(usize, Whose)>,
}

impl Row {
    /// Whether nothing defended the agent while it was recorded.
    pub fn is_undefended(&self) -> bool {
        self.labels.defense.as_deref().is_none_or(|defense| defense == "none")
    }

    /// The calls that the person needs: in scripted runs those that are hers.
    pub fn needed_calls(&self) -> Option<Vec<usize>> {
        let by = &self.labels.by;
        if !by.is_empty() {
            return Some(by.iter().filter(|(_, whose)| *whose == Whose::User).map(|(i, _)| *i).collect());
        }
        self.labels.utility_calls.clone()
    }

    /// The sets of calls by which an attack that succeeded did so; empty for whatever is no such row.
    pub fn attack_sets(&self) -> &[Vec<usize>] {
        let counts = self.labels.kind == Kind::Attack
            && self.labels.attack_succeeded == Some(true)
            && self.labels.attack_sets_from.as_deref() != Some("text_only_or_unlabelled");
        if counts { self.labels.attack_sets.as_deref().unwrap_or_default() } else { &[] }
    }
}
