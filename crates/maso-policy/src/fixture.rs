//! A small deployment for tests: three agents, two servers, one workflow.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use maso_core::{
    Act, AgentName, Class, Confidentiality, Digest, Hop, HopId, Integrity, Label, Mode, Phase, Principal,
    Reversibility, Risk, TaskId, Tier, Timestamp, ToolRef, Turn,
};
use maso_identity::Remit;
use maso_intent::{
    AgentMandate, AgentRole, AuthorityArgument, Below, Bound, Bounds, Channel, Comparison, ContentSchema, Deployment,
    Evaluation, Grant, HardLimits, History, JudgeKind, JudgeOiSpec, JudgePrecedence, JudgeSpec, OiSpec, Operator,
    PinState, PlanAttempts, PolicyFile, Powers, PreApproval, ResourceTerm, ResultLabels, Role, ServerManifest,
    SolutionMandate, Specification, TaskKind, ToolManifest, ToolTerms, Transport,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::view::View;

pub(crate) fn label(integrity: Integrity, confidentiality: Confidentiality) -> Label {
    Label { integrity, confidentiality }
}

pub(crate) fn plain(label: Label) -> ResultLabels {
    ResultLabels::plain(label)
}

pub(crate) fn tool(name: &str) -> ToolRef {
    name.parse().unwrap()
}

/// A hop with its surroundings, each of which a test may change.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) deployment: Deployment,
    pub(crate) task: Specification,
    pub(crate) hop: Hop,
    pub(crate) phase: Phase,
    pub(crate) pin: PinState,
    pub(crate) is_first: bool,
    pub(crate) mode: Mode,
}

impl Scene {
    /// `payment` pays a claim of 1,250.00.
    pub(crate) fn payment() -> Self {
        Self::call(
            "payment",
            "claims-db:pay_claim",
            json!({"claim": "CLM-1042", "payee_iban": "DE89370400440532013000", "amount": 1250}),
        )
    }

    pub(crate) fn call(agent: &str, called: &str, arguments: Value) -> Self {
        let called = tool(called);
        let to = Principal::Server(called.server.clone());
        Self::ask(Principal::Agent(agent.parse().unwrap()), to, Act::CallTool(called), arguments)
    }

    pub(crate) fn ask(from: Principal, to: Principal, act: Act, payload: Value) -> Self {
        Self {
            deployment: deployment(),
            task: Specification {
                id: TaskId::from_uuid(Uuid::from_u128(7)),
                kind: TaskKind::Opened,
                workflow: "claims".parse().unwrap(),
                words: "Pay claim CLM-1042: 1,250.00 EUR to DE89 3704 0044 0532 0130 00.".into(),
                success_criteria: vec!["the claim is paid".into()],
                scope: None,
                out_of_scope: vec![],
                accountable_human: "claims-supervisor".parse().unwrap(),
                opened_at: Timestamp::from_millis(0),
                expires_at: Timestamp::from_millis(86_400_000),
                under: None,
            },
            hop: Hop {
                id: HopId::from_uuid(Uuid::from_u128(1)),
                at: Timestamp::from_millis(1_000),
                from,
                to,
                act,
                turn: Turn::Ask,
                payload,
            },
            phase: Phase::Primary,
            pin: PinState::Pinned,
            is_first: false,
            mode: Mode::Enforce,
        }
    }

    /// The same hop answered.
    pub(crate) fn answered(mut self, payload: Value) -> Self {
        std::mem::swap(&mut self.hop.from, &mut self.hop.to);
        self.hop.turn = Turn::Answer { to: self.hop.id };
        self.hop.payload = payload;
        self
    }

    pub(crate) fn with_policies(mut self, text: &str) -> Self {
        self.deployment.policies = vec![PolicyFile { path: "policies/extra.cedar".into(), text: text.into() }];
        self
    }

    pub(crate) fn with_tier(mut self, tier: Tier) -> Self {
        self.deployment.tier = tier;
        self
    }

    pub(crate) fn pre_approving(mut self, approval: PreApproval) -> Self {
        for solution in self.deployment.workflows.values_mut() {
            Arc::make_mut(solution).pre_approved.push(approval.clone());
        }
        self
    }

    /// In a task that was opened with these words.
    pub(crate) fn saying(mut self, words: &str) -> Self {
        (self.task.kind, self.task.words) = (TaskKind::Opened, words.to_owned());
        self
    }

    pub(crate) fn with_tool(mut self, name: &str, change: impl FnOnce(&mut ToolManifest)) -> Self {
        let name = tool(name);
        let server = Arc::make_mut(self.deployment.servers.get_mut(&name.server).unwrap());
        change(Arc::make_mut(server.tools.get_mut(&name.tool).unwrap()));
        self
    }

    pub(crate) fn with_mandate(mut self, agent: &str, change: impl FnOnce(&mut AgentMandate)) -> Self {
        let agent: AgentName = agent.parse().unwrap();
        change(Arc::make_mut(self.deployment.agents.get_mut(&agent).unwrap()));
        self
    }

    pub(crate) fn mandate(&self) -> &AgentMandate {
        // As stage 3 has it: an answer to a request concerns the agent that asked.
        let agent = match (&self.hop.act, self.hop.turn, &self.hop.to) {
            (Act::Request { .. }, Turn::Answer { .. }, Principal::Agent(asked)) => asked,
            _ => self.hop.agent().unwrap(),
        };
        &self.deployment.agents[agent]
    }

    pub(crate) fn view(&self) -> View<'_> {
        let mandate = self.mandate();
        let server = self.hop.act.server().and_then(|name| self.deployment.servers.get(name)).map(AsRef::as_ref);
        let tool = self.hop.act.tool().and_then(|tool| server?.tools.get(&tool.tool)).map(AsRef::as_ref);
        View {
            hop: &self.hop,
            deployment: &self.deployment,
            task: &self.task,
            mandate,
            solution: &self.deployment.workflows[&mandate.workflow],
            server,
            tool,
            phase: self.phase,
            pin: self.pin,
            is_first: self.is_first,
            mode: self.mode,
            now: Timestamp::from_millis(1_000),
        }
    }
}

pub(crate) fn oispec() -> OiSpec {
    OiSpec {
        goal: "claims are paid".into(),
        success_criteria: vec![],
        failure_criteria: vec![],
        prohibited_actions: vec![],
        required_fields: vec![],
        prohibited_content: vec![],
        max_confidence_without_source: None,
        risk_classification: Risk::High,
        evaluation: Evaluation::EveryAction,
        criterion_ids: vec![],
        deciders: vec![],
        covers: BTreeSet::new(),
    }
}

fn agent(name: &str, position: u32, tools: &[&str], clearance: Confidentiality) -> (AgentName, Arc<AgentMandate>) {
    let name: AgentName = name.parse().unwrap();
    let mandate = AgentMandate {
        spawns: BTreeMap::new(),
        id: format!("AGT-{name}-v1"),
        digest: Digest::of(name.as_str().as_bytes()),
        version: 1,
        agent: name.clone(),
        history: History::default(),
        workflow: "claims".parse().unwrap(),
        parent: None,
        role: AgentRole::Task,
        sequence_position: position,
        intent: "does its part of a claim".into(),
        outcome: "a claim handled".into(),
        logic: vec![],
        plan: maso_intent::Plan::default(),
        required_tools: vec![],
        tools: tools.iter().map(|name| (tool(name), ToolTerms::default())).collect(),
        prohibited: BTreeSet::new(),
        data_scope: None,
        resources: vec![],
        prompts: vec![],
        may_be_asked_by: BTreeSet::new(),
        clearance,
        calls_per_hour_max: 100,
        time_boundary_ms: None,
        powers: Powers::default(),
        on_fail: None,
        on_timeout: None,
        escalation: "claims-supervisor".into(),
        model: None,
        price_per_million_tokens_minor: None,
        context: None,
        process: None,
        workload: None,
        external: None,
        oispec: oispec(),
    };
    (name, Arc::new(mandate))
}

fn manifest(name: &str, class: Class, risk: Risk, result: ResultLabels) -> ToolManifest {
    ToolManifest {
        tool: tool(name),
        class,
        reversibility: Reversibility::Reversible,
        reversible_window_ms: None,
        risk,
        result,
        authority: BTreeMap::new(),
        value_pointer: None,
        idempotency_pointer: None,
        item_pointer: None,
        decision_pointer: None,
        compensated_by: None,
        remedy: None,
        dry_run: None,
        definition: None,
    }
}

fn server(name: &str, default: Label, tools: Vec<ToolManifest>) -> Arc<ServerManifest> {
    Arc::new(ServerManifest {
        name: name.parse().unwrap(),
        transport: Transport::Stdio {
            command: "true".into(),
            args: vec![],
            env: BTreeMap::new(),
            env_from: BTreeMap::new(),
            cwd: None,
        },
        label: default,
        tools: tools.into_iter().map(|tool| (tool.tool.tool.clone(), Arc::new(tool))).collect(),
    })
}

pub(crate) fn deployment() -> Deployment {
    let external = label(Integrity::External, Confidentiality::Internal);
    let internal = label(Integrity::Internal, Confidentiality::Confidential);
    let verified = label(Integrity::Verified, Confidentiality::Confidential);
    let mut read_claim = manifest("claims-db:read_claim", Class::Read, Risk::Low, plain(internal));
    read_claim.result.fields = vec![("/payee_iban".into(), verified), ("/items/*/amount".into(), verified)];
    let mut pay_claim = manifest("claims-db:pay_claim", Class::Transfer, Risk::High, plain(internal));
    let argument = |role: &str, integrity_min, below| AuthorityArgument {
        role: role.into(),
        integrity_min,
        below,
        by: Comparison::Whole,
    };
    pay_claim.authority = BTreeMap::from([
        ("/payee_iban".into(), argument("account", Integrity::Verified, Below::Deny)),
        ("/amount".into(), argument("amount", Integrity::Internal, Below::Escalate)),
    ]);
    let mut send = manifest("mail:send", Class::Send, Risk::Medium, plain(external));
    send.authority = BTreeMap::from([("/to".into(), argument("recipient", Integrity::Verified, Below::Escalate))]);
    let note = manifest("claims-db:note", Class::Write, Risk::Low, plain(internal));
    let read_document = manifest("documents:read_document", Class::Read, Risk::Low, plain(external));
    let servers = [
        server("claims-db", internal, vec![read_claim, pay_claim, note]),
        server("documents", external, vec![read_document]),
        server("mail", external, vec![send]),
    ];
    let mut agents = BTreeMap::from([
        agent(
            "intake",
            1,
            &["documents:read_document", "claims-db:read_claim", "claims-db:note"],
            Confidentiality::Confidential,
        ),
        agent("payment", 2, &["claims-db:read_claim", "claims-db:pay_claim"], Confidentiality::Restricted),
        agent("communication", 3, &["mail:send"], Confidentiality::Internal),
    ]);
    let intake = Arc::make_mut(agents.get_mut(&"intake".parse().unwrap()).unwrap());
    intake.resources =
        vec![ResourceTerm { server: "documents".parse().unwrap(), uri_prefix: "file:///claims/".into() }];
    intake.prompts = vec![("documents".parse().unwrap(), "summary".into())];
    intake.may_be_asked_by = BTreeSet::from(["documents".parse().unwrap()]);
    let payment = Arc::make_mut(agents.get_mut(&"payment".parse().unwrap()).unwrap());
    let bounds = BTreeMap::from([("/amount".into(), Bound::AtMost(5_000.0))]);
    payment.tools.insert(tool("claims-db:pay_claim"), ToolTerms { bounds, ..ToolTerms::default() });
    let solution = SolutionMandate {
        id: "SOL-claims-v1".into(),
        digest: Digest::of(b"claims"),
        version: 1,
        history: History::default(),
        workflow: "claims".parse().unwrap(),
        business_process: "claims".into(),
        intent: "claims are settled".into(),
        outcome: "paid or refused".into(),
        agents: agents.keys().cloned().collect(),
        sequence: None,
        tools: agents.values().flat_map(|mandate| mandate.tools.keys().cloned()).collect(),
        data_sources: BTreeMap::new(),
        judges: BTreeSet::new(),
        prohibited_actions: vec![],
        limits: HardLimits {
            max_transactions_per_batch: 10,
            max_execution_ms: 60_000,
            max_value_minor: 1_000_000,
            max_cost_minor: None,
            max_tokens: None,
            currency: None,
        },
        bounds: Bounds::default(),
        constants: BTreeMap::from([("mailbox".into(), json!("claims@insurer.example"))]),
        grants: vec![Grant {
            from: "intake".parse().unwrap(),
            to: "payment".parse().unwrap(),
            request: "assess".parse().unwrap(),
            schema: ContentSchema::new(json!({"type": "object"})),
            item_pointer: None,
            queues: None,
            remit: Remit::default(),
            fixed: vec![],
            data: None,
            quota: maso_identity::Quota::default(),
            depth: None,
            ttl_ms: None,
            answer: None,
            extracted: vec![],
        }],
        channels: vec![Channel {
            from: "intake".parse().unwrap(),
            to: "payment".parse().unwrap(),
            contract: "sighting".parse().unwrap(),
            schema: ContentSchema::new(json!({"type": "object"})),
            extracted: vec![],
        }],
        clarity: maso_intent::TaskPart::required_by_default(),
        pre_approved: vec![],
        plan_attempts: PlanAttempts::default(),
        hard_stops: BTreeMap::new(),
        judge_precedence: JudgePrecedence::default(),
        conflict_resolution: BTreeMap::new(),
        strategic_evaluation: None,
        reviews: vec![],
        amendments: vec![],
        process_owner: "claims-supervisor".into(),
        technical_owner: "platform".into(),
        approved_by: vec![],
        effective_date: "2026-01-01".into(),
        effective_from: Some(Timestamp::from_millis(0)),
        review_date: "2027-01-01".into(),
        oispec: oispec(),
    };
    let supervisor = Operator { roles: BTreeSet::from([Role::Supervisor]), key: None };
    let mut deployment = maso_intent::parse(&maso_intent::minimal()).unwrap();
    deployment.name = "claims".into();
    deployment.tier = Tier::Managed;
    deployment.accountable_human = "claims-supervisor".parse().unwrap();
    deployment.workflows = BTreeMap::from([(solution.workflow.clone(), Arc::new(solution))]);
    deployment.agents = agents;
    deployment.servers = servers.into_iter().map(|server| (server.name.clone(), server)).collect();
    let rules = JudgeSpec {
        name: "rules".parse().unwrap(),
        kind: JudgeKind::Rules,
        criteria: vec![],
        exclusions: vec![],
        max_evaluation_latency_ms: 5_000,
        oispec: JudgeOiSpec::default(),
    };
    deployment.judges = BTreeMap::from([(rules.name.clone(), Arc::new(rules))]);
    deployment.operators = BTreeMap::from([
        ("claims-supervisor".parse().unwrap(), supervisor.clone()),
        ("second-supervisor".parse().unwrap(), supervisor),
        ("onlooker".parse().unwrap(), Operator { roles: BTreeSet::from([Role::Operator]), key: None }),
    ]);
    deployment
}
