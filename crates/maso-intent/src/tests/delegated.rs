//! Whoever works for another has what the grants on the way name, and never more.

use std::collections::{BTreeMap, BTreeSet};

use maso_core::{Act, AgentName, HopId, Mode, Phase, Principal, TaskId, Timestamp, ToolRef, Turn};
use maso_identity::{AuthorityKey, Revocation, TaskClaim, Trust, TrustSettings, identify};
use maso_wire::{Arrival, Credential, Limits, Received, UnverifiedToken};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::{Circumstances, OpenTask, PinState, Specification, TaskSpec, resolve, visible_tools};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TOOLS: [&str; 3] = ["db:read_claim", "db:pay", "db:delete_claim"];

/// What an agent holds and what a grant names, as sets of bits over [`TOOLS`]: each combination comes up somewhere.
fn held(agent: usize) -> usize {
    [0b111, 0b011, 0b110, 0b101][agent]
}

fn named(from: usize, to: usize) -> usize {
    (from * 5 + to * 3 + 1) % 8
}

/// The data that a grant lets be used, as far as it says so: of what each tool leads to, by the bits of the tools.
fn scoped(from: usize, to: usize) -> Option<usize> {
    ((from + to) % 3 == 1).then_some([0b111, 0b110, 0b101, 0b011][(from * 3 + to) % 4])
}

/// What each tool leads to, and what it needs of that.
const SOURCES: [(&str, &str); 3] = [("claims", "read"), ("payments", "write"), ("waste", "write")];

/// The written form of these bits: each source with what is needed of it, or with what does not do.
fn written_scope(bits: usize) -> String {
    let access = |source: usize| match (bits & (1 << source) != 0, SOURCES[source].1) {
        (true, needed) => needed,
        (false, "read") => "write",
        (false, _) => "read",
    };
    let of_each = (0..SOURCES.len()).map(|source| format!("{} = \"{}\"", SOURCES[source].0, access(source)));
    format!("data_scope = {{ {} }}\n", of_each.collect::<Vec<_>>().join(", "))
}

fn tools(bits: usize) -> Vec<&'static str> {
    (0..TOOLS.len()).filter(|tool| bits & (1 << tool) != 0).map(|tool| TOOLS[tool]).collect()
}

/// Four agents that may all ask each other, but for the requests in `without`.
fn four(without: &[(usize, usize)]) -> Source {
    let mut source = team();
    let all = json!(NAMES).to_string();
    let workflow = source.files.get_mut("workflows/claims.toml").unwrap();
    *workflow = workflow.replace(r#"["intake", "analysis"]"#, &all);
    let grants = workflow.find("[[grants]]").unwrap()..workflow.find("[oispec]").unwrap();
    let mut granted = String::new();
    for (from, to) in pairs().filter(|pair| !without.contains(pair)) {
        let (from_name, to_name, tools) = (NAMES[from], NAMES[to], json!(tools(named(from, to))));
        let scope = scoped(from, to).map(written_scope).unwrap_or_default();
        granted += &format!(
            "[[grants]]\nfrom = \"{from_name}\"\nto = \"{to_name}\"\nrequest = \"look\"\ntools = {tools}\n{scope}\n"
        );
    }
    for ((source, _), tool) in SOURCES.iter().zip(TOOLS) {
        granted += &format!("[data_sources.{source}]\naccess = \"read-write\"\nthrough = [\"{tool}\"]\n\n");
    }
    workflow.replace_range(grants, &granted);
    let agent = source.files.remove("agents/analysis.toml").unwrap();
    source.files.remove("agents/intake.toml");
    let (before, after) = (agent.find("[tools").unwrap(), agent.find("[oispec]").unwrap());
    for (number, name) in NAMES.iter().enumerate() {
        let held: String = tools(held(number)).iter().map(|tool| format!("[tools.\"{tool}\"]\n")).collect();
        let text = format!("{}{held}{}", &agent[..before], &agent[after..]);
        source.files.insert(format!("agents/{name}.toml"), text);
    }
    source
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..NAMES.len()).flat_map(|from| (0..NAMES.len()).map(move |to| (from, to))).filter(|(from, to)| from != to)
}

fn name(agent: usize) -> AgentName {
    NAMES[agent].parse().unwrap()
}

/// A task of the workflow that lives for a minute.
fn opened(deployment: &Deployment) -> TaskSpec {
    let wish = OpenTask {
        workflow: "claims".parse().unwrap(),
        words: "look".to_owned(),
        success_criteria: Vec::new(),
        scope: None,
        out_of_scope: Vec::new(),
        accountable_human: None,
        ttl_ms: Some(60_000),
    };
    TaskSpec::open(wish, TaskId::from_uuid(Uuid::max()), NOW, deployment).unwrap()
}

/// A deployment of four agents with an open task.
struct Stage {
    deployment: Arc<Deployment>,
    task: Arc<TaskSpec>,
    authority: AuthorityKey,
    trust: Trust,
}

impl Stage {
    fn new() -> Self {
        let deployment = deployment(&four(&[]));
        let task = opened(&deployment);
        let authority = AuthorityKey::from_seed([7; 32]);
        let settings = TrustSettings::new(deployment.trust_domain.clone(), authority.public(), NOW);
        let task = Arc::new(Specification { under: None, ..Specification::clone(&task) }.into());
        Self { deployment, task, authority, trust: Trust::new(settings) }
    }

    /// The token of a task that this agent begins.
    fn begun(&self, by: usize) -> String {
        let claim = (self.task.id, self.task.digest());
        self.authority.issue_task_token(&self.deployment.trust_domain, claim, &[name(by)], NOW, 60_000)
    }

    /// The token after one more request.
    fn asked(&self, token: &str, chain: &[usize], to: usize) -> String {
        let from = *chain.last().unwrap();
        let solution = &self.deployment.workflows[&"claims".parse().unwrap()];
        let grant = solution.grant(&name(from), &name(to), &"look".parse().unwrap()).unwrap();
        let link = grant.link(hop_of(chain, to), &json!({}), NOW);
        self.authority.delegate(token, &self.deployment.trust_domain, &link).unwrap()
    }

    /// Whether a tool is shown to whoever shows this token.
    fn shows(&self, token: &str, by: usize, tool: &str) -> bool {
        let tool: ToolRef = tool.parse().unwrap();
        let claim = self.trust.task(&UnverifiedToken::new(token), NOW).unwrap();
        visible_tools(&self.deployment, &name(by), &tool.server, Some(&claim)).contains(&tool)
    }

    /// The way of a call up to its commit, with what may come between.
    fn call(&self, deployment: &Arc<Deployment>, token: &str, by: usize, tool: &str, between: impl FnOnce()) -> bool {
        let tool: ToolRef = tool.parse().unwrap();
        let arrival = Arrival {
            id: HopId::from_uuid(Uuid::nil()),
            at: NOW,
            credential: Credential::Pipe(Principal::Agent(name(by))),
            task: Some(UnverifiedToken::new(token)),
            to: Principal::Server(tool.server.clone()),
        };
        let received = Received::from_bytes(arrival, Act::CallTool(tool), Turn::Ask, b"{}", &Limits::DEFAULT).unwrap();
        let Ok(identified) = identify(received, &self.trust, NOW) else { return false };
        let basis = identified.basis().clone();
        let circumstances = Circumstances {
            now: NOW,
            deployment: Arc::clone(deployment),
            task: Some(Arc::clone(&self.task)),
            agent_phase: Phase::Primary,
            around_phase: Phase::Primary,
            pin: PinState::Pinned,
            is_first: false,
            mode: Mode::Enforce,
        };
        let is_resolved = resolve(identified, circumstances).is_ok();
        between();
        is_resolved && self.trust.bears(&basis).is_ok()
    }
}

/// The hop by which the last agent of a chain asks another one: each way has its own.
fn hop_of(chain: &[usize], to: usize) -> HopId {
    let way = chain.iter().chain([&to]).fold(1, |way, agent| way * 8 + *agent as u128);
    HopId::from_uuid(Uuid::from_u128(way))
}

/// Every chain of up to four requests, with its token.
fn all_chains(stage: &Stage) -> Vec<(Vec<usize>, String)> {
    let mut all: Vec<_> = (0..NAMES.len()).map(|agent| (vec![agent], stage.begun(agent))).collect();
    let mut next = 0;
    while let Some((chain, token)) = all.get(next).cloned() {
        next += 1;
        if chain.len() > 4 {
            continue;
        }
        for to in (0..NAMES.len()).filter(|to| chain.last() != Some(to)) {
            let token = stage.asked(&token, &chain, to);
            all.push(([&chain[..], &[to]].concat(), token));
        }
    }
    all
}

/// By the book: who shows it was asked last, holds the tool, and every grant on the way names it and the data that it leads to.
fn may(chain: &[usize], by: usize, tool: usize) -> bool {
    let has = |bits: usize| bits & (1 << tool) != 0;
    let grants = |from: usize, to: usize| has(named(from, to)) && scoped(from, to).is_none_or(has);
    chain.last() == Some(&by) && has(held(by)) && chain.windows(2).all(|link| grants(link[0], link[1]))
}

#[test]
fn in_no_reachable_state_has_an_agent_an_effect_that_no_grant_names() {
    let stage = Stage::new();
    let chains = all_chains(&stage);
    assert_eq!(chains.len(), 4 * (1 + 3 + 9 + 27 + 81));
    let mut n_allowed = 0;
    for (chain, token) in &chains {
        for (by, tool) in (0..NAMES.len()).flat_map(|by| (0..TOOLS.len()).map(move |tool| (by, tool))) {
            let allowed = stage.call(&stage.deployment, token, by, TOOLS[tool], || {});
            assert_eq!(allowed, may(chain, by, tool), "{chain:?} {by} {}", TOOLS[tool]);
            if chain.last() == Some(&by) {
                assert_eq!(stage.shows(token, by, TOOLS[tool]), allowed, "{chain:?} {by} {}", TOOLS[tool]);
            }
            n_allowed += usize::from(allowed);
        }
    }
    assert!(n_allowed > 100, "{n_allowed}");
}

#[test]
fn whatever_is_revoked_whenever_takes_all_that_rests_on_it_and_nothing_else() {
    let stage = Stage::new();
    for (chain, token) in &all_chains(&stage) {
        let by = *chain.last().unwrap();
        let Some(tool) = (0..TOOLS.len()).find(|tool| may(chain, by, *tool)) else { continue };
        let links = (1..chain.len()).map(|n| Revocation::Link(hop_of(&chain[..n], chain[n])));
        let agents = (0..NAMES.len()).map(|agent| Revocation::Agent(name(agent)));
        // Another way to the same agent goes by other hops.
        let beside = Revocation::Link(hop_of(&[3, 2, 1, 0, 1, 2], by));
        for revoked in links.chain(agents).chain([beside.clone()]) {
            let rests_on_it = match &revoked {
                Revocation::Agent(agent) => chain.iter().any(|one| name(*one) == *agent),
                other => *other != beside,
            };
            let (trust, call) =
                (&stage.trust, |between: &dyn Fn()| stage.call(&stage.deployment, token, by, TOOLS[tool], between));
            // It was decided, and was about to be written.
            assert_eq!(call(&|| trust.revoke(revoked.clone(), NOW)), !rests_on_it, "{chain:?} {revoked:?}");
            assert_eq!(call(&|| {}), !rests_on_it, "{chain:?} {revoked:?}");
            trust.reinstate(&revoked);
            assert!(call(&|| {}));
        }
    }
}

#[test]
fn a_grant_that_is_taken_back_ends_what_was_handed_on_under_it() {
    let stage = Stage::new();
    let chains = all_chains(&stage);
    for pair in pairs() {
        let without = deployment(&four(&[pair]));
        for (chain, token) in chains.iter().filter(|(chain, _)| chain.len() < 5) {
            let by = *chain.last().unwrap();
            let Some(tool) = (0..TOOLS.len()).find(|tool| may(chain, by, *tool)) else { continue };
            let goes_by_it = chain.windows(2).any(|link| (link[0], link[1]) == pair);
            assert_eq!(stage.call(&without, token, by, TOOLS[tool], || {}), !goes_by_it, "{chain:?} {pair:?}");
        }
    }
}

/// What the grant of the team names.
const NAMED: &str = "request = \"assess\"\ntools = [\"db:read_claim\", \"db:pay\", \"db:delete_claim\"]";

/// What becomes of a hop of `analysis` that works on a request of `intake` with this content, under these terms.
fn outcome(terms: &str, content: &Value, act: Act, payload: &Value) -> Result<(), (String, String)> {
    let source = edit(team(), "workflows/claims.toml", NAMED, &format!("request = \"assess\"\n{terms}"));
    let source = edit(
        source,
        "agents/analysis.toml",
        "[oispec]",
        "[[prompts]]\nserver = \"files\"\n\n[[resources]]\nserver = \"files\"\n\n[oispec]",
    );
    let deployment = deployment(&source);
    let solution = &deployment.workflows[&"claims".parse().unwrap()];
    let (intake, analysis): (AgentName, AgentName) = ("intake".parse().unwrap(), "analysis".parse().unwrap());
    let grant = solution.grant(&intake, &analysis, &"assess".parse().unwrap()).unwrap();
    let task = opened(&deployment);
    let authority = AuthorityKey::from_seed([7; 32]);
    let domain = &deployment.trust_domain;
    let begun = authority.issue_task_token(domain, (task.id, task.digest()), &[intake], NOW, 60_000);
    let token = authority.delegate(&begun, domain, &grant.link(HopId::from_uuid(Uuid::nil()), content, NOW)).unwrap();
    let trust = Trust::new(TrustSettings::new(domain.clone(), authority.public(), NOW));
    let claim: TaskClaim = trust.task(&UnverifiedToken::new(token), NOW).unwrap();
    let to = match &act {
        Act::Request { agent, .. } => Principal::Agent(agent.clone()),
        act => Principal::Server(act.server().unwrap().clone()),
    };
    let hop = maso_core::Hop {
        id: HopId::from_uuid(Uuid::nil()),
        at: NOW,
        from: Principal::Agent(analysis),
        to,
        act,
        turn: Turn::Ask,
        payload: payload.clone(),
    };
    let circumstances = Circumstances {
        now: NOW,
        deployment: Arc::clone(&deployment),
        task: Some(Arc::new(task)),
        agent_phase: Phase::Primary,
        around_phase: Phase::Primary,
        pin: PinState::Pinned,
        is_first: false,
        mode: Mode::Enforce,
    };
    let found = crate::resolved::ground(&hop, Some(&claim), &circumstances);
    found.map(drop).map_err(|(refusal, finding)| (format!("{refusal} {}", finding.control), finding.reason))
}

#[test]
fn a_request_fixes_what_it_is_about_and_names_what_may_be_used_for_it() {
    let call = |name: &str| Act::CallTool(name.parse().unwrap());
    let read = |uri: &str| Act::ReadResource { server: "files".parse().unwrap(), uri: uri.to_owned() };
    let prompt = |name: &str| Act::GetPrompt { server: "files".parse().unwrap(), prompt: name.to_owned() };
    let terms = "tools = [\"db:read_claim\", \"db:pay\"]\nresources = [{ server = \"files\", uri_prefix = \"file:///a/\" }]\n\
                 prompts = [{ server = \"files\", prompt = \"summary\" }]\narguments.\"db:read_claim\".\"/claim\" = \"/claim\"";
    let (about, one, other) = (json!({ "claim": "CLM-1" }), json!({ "claim": "CLM-1" }), json!({ "claim": "CLM-2" }));
    let within = |act, payload: &Value| outcome(terms, &about, act, payload);
    let falls = |found: Result<(), (String, String)>, reason: &str| {
        let (code, said) = found.unwrap_err();
        let control = if reason.starts_with("`/") { "IA-3.3" } else { "IA-2.4" };
        assert_eq!((code, said.contains(reason)), (format!("OUT_OF_MANDATE {control}"), true), "{said}");
    };
    assert_eq!(within(call("db:read_claim"), &one), Ok(()));
    falls(within(call("db:read_claim"), &other), "`/claim` of `db:read_claim` is not what `intake` asked");
    falls(within(call("db:read_claim"), &json!({})), "`/claim` of `db:read_claim`");
    falls(outcome(terms, &json!({}), call("db:read_claim"), &one), "`/claim` of `db:read_claim`");
    assert_eq!(within(call("db:pay"), &other), Ok(()));
    falls(within(call("db:delete_claim"), &one), "is not what `intake` may have `analysis` do for `assess`");
    assert_eq!(within(read("file:///a/x"), &json!(null)), Ok(()));
    falls(within(read("file:///b"), &json!(null)), "`assess`");
    falls(within(read("file:///a/../b"), &json!(null)), "`assess`");
    assert_eq!(within(prompt("summary"), &json!(null)), Ok(()));
    falls(within(prompt("other"), &json!(null)), "`assess`");
    falls(outcome("", &about, call("db:read_claim"), &one), "`assess`");
}

/// What was signed binds by the name of the data: also where a later version lets a tool lead to more of it.
#[test]
fn what_was_handed_on_names_the_data_and_not_the_tools_that_led_to_it_then() {
    let source = |scope: &str, through: &str| {
        let source = edit(team(), "workflows/claims.toml", NAMED, &format!("{NAMED}\n{scope}"));
        let sources = format!(
            "[data_sources.claims]\naccess = \"read\"\nthrough = [\"db:read_claim\"]\n\
             [data_sources.register]\naccess = \"read-write\"\nthrough = [{through}]\n\n[[grants]]"
        );
        edit(source, "workflows/claims.toml", "[[grants]]", &sources)
    };
    let then = deployment(&source("data_scope = { claims = \"read\" }", ""));
    let now = deployment(&source("", "\"db:read_claim\""));
    let (intake, analysis): (AgentName, AgentName) = ("intake".parse().unwrap(), "analysis".parse().unwrap());
    let tool: ToolRef = "db:read_claim".parse().unwrap();
    let grant =
        then.workflows[&"claims".parse().unwrap()].grant(&intake, &analysis, &"assess".parse().unwrap()).unwrap();
    let link = grant.link(HopId::from_uuid(Uuid::nil()), &json!({ "claim": "C-1" }), NOW);
    assert!(link.remit.tools.contains(&tool));
    let task = opened(&then);
    let authority = AuthorityKey::from_seed([7; 32]);
    let domain = &then.trust_domain;
    let begun = authority.issue_task_token(domain, (task.id, task.digest()), &[intake], NOW, 60_000);
    let token = UnverifiedToken::new(authority.delegate(&begun, domain, &link).unwrap());
    let claim = Trust::new(TrustSettings::new(domain.clone(), authority.public(), NOW)).task(&token, NOW).unwrap();
    let is_shown = |of: &Deployment| visible_tools(of, &analysis, &tool.server, Some(&claim)).contains(&tool);
    assert_eq!((is_shown(&then), is_shown(&now)), (true, false));
}

#[test]
fn an_orchestrator_holds_no_tools() {
    let source = edit(team(), "agents/analysis.toml", "escalation = ", "role = \"orchestrator\"\nescalation = ");
    let (works, orchestrates) = (deployment(&team()), deployment(&source));
    let analysis: AgentName = "analysis".parse().unwrap();
    assert_eq!(works.authority(&analysis).tools().count(), 3);
    assert_eq!(orchestrates.authority(&analysis).tools().count(), 0);
}

#[test]
fn nobody_hands_on_further_than_the_grant_says() {
    let back = Act::Request { agent: "intake".parse().unwrap(), request: "assess".parse().unwrap() };
    let source =
        |terms: &str| format!("{terms}\n[[grants]]\nfrom = \"analysis\"\nto = \"intake\"\nrequest = \"assess\"");
    let content = json!({ "claim": "CLM-1" });
    for (terms, may) in [("", true), ("depth = 1", true), ("depth = 0", false)] {
        let found = outcome(&source(terms), &content, back.clone(), &content);
        assert_eq!(found.is_ok(), may, "{terms}: {found:?}");
        if let Err((code, reason)) = found {
            assert_eq!(code, "LIMIT_REACHED IA-2.4", "{reason}");
        }
    }
}

#[test]
fn what_a_grant_names_is_told_from_what_it_does_not() {
    let all: BTreeSet<usize> = pairs().map(|(from, to)| named(from, to)).collect();
    assert!(all.len() >= 6, "the model goes through most combinations: {all:?}");
    let by_tool: BTreeMap<_, _> = (0..TOOLS.len())
        .map(|tool| (tool, (0..NAMES.len()).filter(|agent| held(*agent) & (1 << tool) != 0).count()))
        .collect();
    assert_eq!(by_tool.values().copied().collect::<Vec<_>>(), [3, 3, 3]);
}
