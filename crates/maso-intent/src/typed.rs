//! Whoever acts takes typed values, and no words (EC-2.14): what could be said to an execute agent in natural language, an
//! agent that reads what strangers write could be made to say.

use std::sync::LazyLock;

use maso_core::{Act, AgentName, Principal, Tier, Timestamp, ToolRef, Turn};

use maso_wire::envelope::Beside;

use crate::{ContentSchema, Deployment, FreeText, Resolved, Roomy};

impl Deployment {
    /// A privileged tool of the agent, which makes it an *execute agent*. A tool that nobody described is one.
    pub fn privileged_tool(&self, agent: &AgentName) -> Option<&ToolRef> {
        let mut tools = self.authorities.get(agent)?.tools();
        tools.find(|tool| self.tool(tool).is_none_or(|tool| tool.is_privileged()))
    }

    /// Whether two agents may ask and tell each other in words what they mean: neither acts, or nothing keeps words from
    /// those that do. Whoever may not asks a person.
    pub fn may_talk(&self, one: &AgentName, other: &AgentName, now: Timestamp) -> bool {
        !self.keeps_words_out() || !self.applies(TYPED, now) || !(self.acts(one) || self.acts(other))
    }

    /// Whether words to an execute agent are refused. At the first tier they are noted.
    const fn keeps_words_out(&self) -> bool {
        matches!(self.tier, Tier::Managed | Tier::Autonomous)
    }

    fn acts(&self, agent: &AgentName) -> bool {
        self.privileged_tool(agent).is_some()
    }
}

/// Room for words in what is said to an execute agent.
#[derive(Clone, Copy, Debug)]
pub struct Wordy<'a> {
    /// A place of the schema at which they fit in, or where they stand beside the content.
    pub place: &'a FreeText,
    /// Whether it is refused for it.
    pub is_refused: bool,
}

impl Resolved {
    /// What of the hop could be words to an agent that acts, by what its sender may say and not by what it says. An execute
    /// agent that asks back would be answered in words, so it is as if it were asked; what answers a request of its own is
    /// said to it as well. Beside that, texts that a model puts next to the content are words, whatever they say.
    pub fn wordy(&self) -> Option<Wordy<'_>> {
        let (hop, deployment) = (self.hop(), self.deployment());
        let (Principal::Agent(from), Principal::Agent(to)) = (&hop.from, &hop.to) else { return None };
        let (schema, is_heard): (&ContentSchema, bool) = match (&hop.act, hop.turn) {
            (Act::Request { .. }, _) if let Some(clarifying) = self.clarifying() => {
                (clarifying.schema(), deployment.acts(from) || deployment.acts(to))
            }
            (Act::Request { request, .. }, Turn::Ask) => {
                (&self.solution().grant(from, to, request)?.schema, deployment.acts(to))
            }
            (Act::Tell { contract, .. }, _) => {
                (&self.solution().channel(from, to, contract)?.schema, deployment.acts(to))
            }
            (Act::Request { agent, request }, Turn::Answer { .. }) => {
                let grant = self.solution().grant(to, agent, request)?;
                (grant.answer.as_ref().unwrap_or_else(|| ContentSchema::anything()), deployment.acts(to))
            }
            _ => return None,
        };
        let beside =
            self.identified().remark().filter(|remark| has_words(deployment, remark.beside())).map(|_| &*BESIDE);
        let place = schema.free_text().first().or(beside).filter(|_| is_heard)?;
        Some(Wordy { place, is_refused: deployment.keeps_words_out() })
    }
}

/// Whether a text of the sender's own choosing stands beside a content. The name of a source that the deployment declares is
/// none; what a model calls the one that read a document is.
fn has_words(deployment: &Deployment, beside: &Beside) -> bool {
    let is_declared = |source: &str| {
        source.parse().is_ok_and(|tool| deployment.tool(&tool).is_some())
            || source.parse().is_ok_and(|agent: AgentName| deployment.agents.contains_key(&agent))
    };
    let evidence = beside.kind.evidence();
    evidence.is_some_and(|it| !it.extraction.is_empty() || !is_declared(it.provenance.source_id.as_str()))
        || !beside.assumptions.is_empty()
        || !beside.unknowns.is_empty()
        || !beside.constraints.is_empty()
}

/// Where a remark stands.
static BESIDE: LazyLock<FreeText> = LazyLock::new(|| FreeText { pointer: "/message".to_owned(), why: Roomy::String });

/// The receiver's contract.
const TYPED: &str = "EC-2.14";
