//! One task of an example, and what the pure path decides in it: stages 3 to 8, with no judge and no person heard.

use std::sync::Arc;

use maso_core::{Act, AgentName, HopId, Mode, Phase, Principal, TaskId, ToolRef, Turn, Word};
use maso_guard::Scanner;
use maso_identity::{AuthorityKey, Identified, Trust, TrustSettings, identify};
use maso_intent::{Circumstances, Deployment, OpenTask, PinState, Specification, TaskKind, TaskSpec, parse, resolve};
use maso_policy::{
    Decision, Memory, Policies, Tried, Verdicts, authorise, labels_declared, settle, source_declared, trace, weigh,
};
use maso_wire::{Arrival, Credential, Limits, Received, UnverifiedToken};
use serde_json::{Value, json};
use uuid::Uuid;

use super::TODAY;

/// A task of an example and what it has seen.
pub(super) struct Stage {
    deployment: Arc<Deployment>,
    policies: Policies,
    scanner: Scanner,
    task: Arc<TaskSpec>,
    memory: Memory,
    around: Phase,
}

/// What somebody tries, and what is to come of it.
pub(super) struct Try {
    who: AgentName,
    to: Principal,
    act: Act,
    payload: Value,
    expected: &'static str,
}

/// An agent calls a tool. `expected` is `allow`, `hold: ` with the review that is needed, or `refuse: ` with the controls
/// that refuse it; controls that ask for a person stand behind the review.
pub(super) fn call(agent: &str, tool: &str, arguments: Value, expected: &'static str) -> Try {
    let tool: ToolRef = tool.parse().unwrap();
    let to = Principal::Server(tool.server.clone());
    Try { who: agent.parse().unwrap(), to, act: Act::CallTool(tool), payload: arguments, expected }
}

/// An agent makes a typed request of another.
pub(super) fn ask(from: &str, to: &str, request: &str, content: Value, expected: &'static str) -> Try {
    let agent: AgentName = to.parse().unwrap();
    let act = Act::Request { agent: agent.clone(), request: request.parse().unwrap() };
    Try { who: from.parse().unwrap(), to: Principal::Agent(agent), act, payload: content, expected }
}

impl Stage {
    /// A task that a person opened with these words.
    pub(super) fn open(example: &str, workflow: &str, words: &str) -> Self {
        let open = OpenTask {
            workflow: workflow.parse().unwrap(),
            words: words.to_owned(),
            success_criteria: Vec::new(),
            scope: None,
            out_of_scope: Vec::new(),
            accountable_human: None,
            ttl_ms: None,
        };
        Self::with(example, |deployment| TaskSpec::open(open, TASK, TODAY, deployment).unwrap())
    }

    /// The standing task of an agent.
    pub(super) fn standing(example: &str, agent: &str) -> Self {
        Self::with(example, |deployment| TaskSpec::standing(deployment, &agent.parse().unwrap(), TASK).unwrap())
    }

    fn with(example: &str, task: impl FnOnce(&Deployment) -> TaskSpec) -> Self {
        let deployment = super::deployment(example);
        let task = task(&deployment);
        let solution = &deployment.workflows[&task.workflow];
        let memory = Memory::for_task(&task, solution, &deployment.agents[&solution.agents[0]]);
        Self {
            policies: Policies::compile(&deployment).unwrap(),
            scanner: Scanner::new(),
            task: Arc::new(task),
            memory,
            around: Phase::Primary,
            deployment: Arc::new(deployment),
        }
    }

    /// The same, if an agent's mandate and that of its workflow came to name one tool more.
    pub(super) fn also_granting(mut self, agent: &str, tool: &str) -> Self {
        let mut source = super::source(&self.deployment.name);
        let mut edit = |path: String, old: &str, new: String| {
            let text = source.files.get_mut(&path).unwrap();
            *text = text.replacen(old, &new, 1);
        };
        edit(format!("agents/{agent}.toml"), "[oispec]", format!("[tools.\"{tool}\"]\n\n[oispec]"));
        edit(format!("workflows/{}.toml", self.task.workflow), "\ntools = [", format!("\ntools = [\"{tool}\","));
        self.deployment = Arc::new(parse(&source).unwrap());
        self.policies = Policies::compile(&self.deployment).unwrap();
        // Opened anew: under other mandates a task stops, which would hide what the wider one is worth (AT-1.3).
        let said = Specification { under: None, ..(**self.task).clone() };
        self.task = Arc::new(TaskSpec::from(said));
        self
    }

    /// The same in another phase of the whole deployment.
    pub(super) fn in_phase(mut self, phase: Phase) -> Self {
        self.around = phase;
        self
    }

    /// An agent has read this answer of a tool.
    pub(super) fn read(mut self, agent: &str, tool: &str, answer: &Value) -> Self {
        let tool: ToolRef = tool.parse().unwrap();
        let (server, agent) = (Principal::Server(tool.server.clone()), Principal::Agent(agent.parse().unwrap()));
        let act = Act::CallTool(tool);
        let labels = labels_declared(&server, &agent, &act, &self.deployment);
        let answer = json!({ "content": [], "structuredContent": answer });
        self.memory.learn(source_declared(&server, &act, self.task.id), &answer, &labels);
        self
    }

    /// Tries each, and tells all that came out otherwise.
    #[track_caller]
    pub(super) fn check(&self, tries: impl IntoIterator<Item = Try>) {
        let mut wrong = String::new();
        for attempt in tries {
            let (decided, why) = self.decide(&attempt);
            if decided != attempt.expected {
                let Try { who, act, payload, expected, .. } = attempt;
                wrong += &format!("{who}: {act} {payload}\n  expected {expected}\n  but was  {decided}: {why}\n");
            }
        }
        assert!(wrong.is_empty(), "\n{wrong}");
    }

    fn decide(&self, attempt: &Try) -> (String, String) {
        let resolved = match resolve(self.identified(attempt), self.circumstances()) {
            Ok(resolved) => resolved,
            Err(refused) => return (format!("refuse: {}", refused.finding.control), refused.finding.reason),
        };
        let mut findings = self.scanner.scan(&resolved, TODAY).findings;
        findings.join(authorise(&self.policies, &resolved, self.memory.label()));
        let weighed = weigh(trace(&self.memory, resolved), findings);
        let review = weighed.review();
        let findings = weighed.findings().clone();
        let spoke = findings.leading().filter(|finding| finding.word != Word::Go);
        let (mut controls, reasons): (Vec<_>, Vec<_>) =
            spoke.map(|finding| (finding.control.to_string(), finding.reason.clone())).unzip();
        controls.dedup();
        // What can be tried out would succeed.
        let dry_run = weighed.resolved().tool().and_then(|tool| tool.dry_run.as_ref()).map(|call| Tried {
            action: weighed.resolved().action_digest(),
            tool: call.tool.clone(),
            at: TODAY,
            outcome: Ok(()),
            says: None,
            expires_at: TODAY,
        });
        let decided = match settle(weighed, Verdicts { dry_run: dry_run.map(Box::new), ..Verdicts::none() }, TODAY) {
            Decision::Allow(_) => "allow".to_owned(),
            Decision::Hold(_) if controls.is_empty() => format!("hold: {review}"),
            Decision::Hold(_) => format!("hold: {review}, {}", controls.join(", ")),
            Decision::Deny(_) => format!("refuse: {}", controls.join(", ")),
        };
        (decided, reasons.join("; "))
    }

    fn identified(&self, attempt: &Try) -> Identified {
        let authority = AuthorityKey::from_seed([7; 32]);
        let domain = &self.deployment.trust_domain;
        let arrival = Arrival {
            id: HopId::from_uuid(Uuid::from_u128(1)),
            at: TODAY,
            credential: Credential::Pipe(Principal::Agent(attempt.who.clone())),
            task: (self.task.kind == TaskKind::Opened).then(|| {
                let token = authority.issue_task_token(domain, (TASK, self.task.digest()), &[], TODAY, 60_000);
                UnverifiedToken::new(token)
            }),
            to: attempt.to.clone(),
        };
        let bytes = serde_json::to_vec(&attempt.payload).unwrap();
        let received = Received::from_bytes(arrival, attempt.act.clone(), Turn::Ask, &bytes, &Limits::DEFAULT).unwrap();
        let received = received.attesting(Some(self.task.digest().to_string()));
        let trust = Trust::new(TrustSettings::new(domain.clone(), authority.public(), TODAY));
        identify(received, &trust, TODAY).unwrap()
    }

    fn circumstances(&self) -> Circumstances {
        Circumstances {
            now: TODAY,
            deployment: Arc::clone(&self.deployment),
            task: Some(Arc::clone(&self.task)),
            agent_phase: Phase::Primary,
            around_phase: self.around,
            pin: PinState::Pinned,
            is_first: false,
            mode: Mode::Enforce,
        }
    }
}

const TASK: TaskId = TaskId::from_uuid(Uuid::from_u128(2));
