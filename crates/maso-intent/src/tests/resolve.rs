use maso_core::{
    Act, Digest, Finding, Hop, HopId, Listing, Mode, Phase, Principal, Refusal, TaskId, Timestamp, Turn, Wants, Word,
};
use maso_identity::TaskClaim;
use serde_json::json;

use super::*;
use crate::{Circumstances, OpenTask, PinState, Specification, TaskSpec, is_plan_attempt, resolved::ground};

/// After the mandate took effect.
const IN_FORCE: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A hop of `intake`'s opened task at noon, and everything that the checks below turn.
#[derive(Clone)]
struct Case {
    source: Source,
    from: Principal,
    to: Principal,
    act: Act,
    turn: Turn,
    at: Timestamp,
    task: Option<Arc<TaskSpec>>,
    claim: Option<TaskClaim>,
    agent_phase: Phase,
    around_phase: Phase,
    pin: PinState,
    now: Timestamp,
}

fn agent(name: &str) -> Principal {
    Principal::Agent(name.parse().unwrap())
}

fn server(name: &str) -> Principal {
    Principal::Server(name.parse().unwrap())
}

fn tool(name: &str) -> Act {
    Act::CallTool(name.parse().unwrap())
}

/// A task that is bound to no version, so that what it meets can be declared differently.
fn opened() -> TaskSpec {
    Specification { under: None, ..Specification::clone(&opened_under(&team())) }.into()
}

fn opened_under(source: &Source) -> TaskSpec {
    let wish = OpenTask {
        workflow: "claims".parse().unwrap(),
        words: "settle claim CLM-1".to_owned(),
        success_criteria: Vec::new(),
        scope: None,
        out_of_scope: Vec::new(),
        accountable_human: None,
        ttl_ms: Some(1_000),
    };
    TaskSpec::open(wish, TaskId::from_uuid(uuid::Uuid::max()), Timestamp::from_millis(0), &deployment(source)).unwrap()
}

fn claim(task: &TaskSpec) -> Option<TaskClaim> {
    Some(TaskClaim::begun(task.id, task.digest()))
}

fn standing(name: &str) -> TaskSpec {
    TaskSpec::standing(&deployment(&team()), &name.parse().unwrap(), TaskId::from_uuid(uuid::Uuid::nil())).unwrap()
}

/// `intake` calls a tool of its mandate, in an opened task.
fn case() -> Case {
    let task = opened();
    Case {
        source: team(),
        from: agent("intake"),
        to: server("db"),
        act: tool("db:read_claim"),
        turn: Turn::Ask,
        at: Timestamp::from_millis(500),
        claim: claim(&task),
        task: Some(Arc::new(task)),
        agent_phase: Phase::Primary,
        around_phase: Phase::Primary,
        pin: PinState::Pinned,
        now: IN_FORCE,
    }
}

impl Case {
    fn between(self, from: Principal, to: Principal, act: Act) -> Self {
        Self { from, to, act, ..self }
    }

    fn answered(self) -> Self {
        let to = HopId::from_uuid(uuid::Uuid::nil());
        Self { from: self.to, to: self.from, turn: Turn::Answer { to }, claim: None, ..self }
    }

    fn outcome(&self) -> Result<(), (Refusal, Finding)> {
        let hop = Hop {
            id: HopId::from_uuid(uuid::Uuid::nil()),
            at: self.at,
            from: self.from.clone(),
            to: self.to.clone(),
            act: self.act.clone(),
            turn: self.turn,
            payload: json!({}),
        };
        let circumstances = Circumstances {
            now: self.now,
            deployment: deployment(&self.source),
            task: self.task.clone(),
            agent_phase: self.agent_phase,
            around_phase: self.around_phase,
            pin: self.pin,
            is_first: false,
            mode: Mode::Enforce,
        };
        ground(&hop, self.claim.as_ref(), &circumstances).map(drop)
    }

    fn stands(&self) {
        if let Err((refusal, finding)) = self.outcome() {
            panic!("{} from {} to {}: {refusal}: {}", self.act, self.from, self.to, finding.reason);
        }
    }

    fn falls(&self, refusal: Refusal, control: &str, reason: &str) -> Finding {
        let Err((code, finding)) = self.outcome() else {
            panic!("{} from {} to {} stands", self.act, self.from, self.to);
        };
        assert_eq!(
            (code, finding.control.as_str(), finding.word),
            (refusal, control, Word::NoGo),
            "{}",
            finding.reason
        );
        assert!(finding.reason.contains(reason), "{}", finding.reason);
        finding
    }
}

fn read(uri: &str) -> Act {
    Act::ReadResource { server: "files".parse().unwrap(), uri: uri.to_owned() }
}

fn prompt(name: &str) -> Act {
    Act::GetPrompt { server: "files".parse().unwrap(), prompt: name.to_owned() }
}

fn request(to: &str, name: &str) -> Act {
    Act::Request { agent: to.parse().unwrap(), request: name.parse().unwrap() }
}

#[test]
fn what_lies_within_the_mandate_stands_and_so_does_its_answer() {
    let files = || server("files");
    let intake = || agent("intake");
    for (from, to, act) in [
        (intake(), server("db"), tool("db:read_claim")),
        (intake(), files(), read("file:///claims/1.txt")),
        (intake(), files(), prompt("summary")),
        (intake(), files(), Act::Complete { server: "files".parse().unwrap() }),
        (intake(), files(), Act::List { server: "files".parse().unwrap(), listing: Listing::Tools }),
        (intake(), agent("analysis"), request("analysis", "assess")),
        (files(), intake(), Act::AskClient { server: "files".parse().unwrap(), wants: Wants::Sample }),
        (files(), intake(), Act::Notify { server: "files".parse().unwrap(), topic: "log".to_owned() }),
    ] {
        let case = case().between(from, to, act);
        case.stands();
        case.answered().stands();
    }
}

#[test]
fn what_lies_outside_the_mandate_falls_and_so_does_an_answer_to_it() {
    let files = || server("files");
    let intake = || agent("intake");
    let elicit = |server: &str| Act::AskClient { server: server.parse().unwrap(), wants: Wants::Elicit };
    for (from, to, act, control) in [
        (intake(), files(), read("file:///etc/passwd"), "IA-1.4"),
        (intake(), files(), read("file:///claims/../etc/passwd"), "IA-1.4"),
        (intake(), files(), prompt("other"), "IA-1.4"),
        (intake(), agent("analysis"), request("analysis", "other"), "IA-2.4"),
        (agent("analysis"), intake(), request("intake", "assess"), "IA-2.4"),
        (server("db"), intake(), elicit("db"), "SC-2.3"),
        (agent("analysis"), files(), Act::Complete { server: "files".parse().unwrap() }, "SC-2.3"),
        (agent("analysis"), files(), Act::List { server: "files".parse().unwrap(), listing: Listing::Tools }, "SC-2.3"),
        (
            files(),
            agent("analysis"),
            Act::Notify { server: "files".parse().unwrap(), topic: "log".to_owned() },
            "SC-2.3",
        ),
    ] {
        let case = case().between(from, to, act);
        case.falls(Refusal::OutOfMandate, control, "is not in the mandate");
        case.answered().falls(Refusal::OutOfMandate, control, "is not in the mandate");
    }
}

#[test]
fn a_tool_outside_the_mandate_is_a_plan_attempt() {
    for (name, why) in [("db:pay", "not in"), ("db:delete_claim", "prohibited"), ("db:no_such_tool", "not in")] {
        let finding = Case { act: tool(name), ..case() }.falls(Refusal::OutOfMandate, "AT-1.6", why);
        assert!(is_plan_attempt(&finding));
    }
    let beyond = edit(team(), "workflows/claims.toml", "\"db:read_claim\", ", "");
    let finding = Case { source: beyond, ..case() }.falls(Refusal::OutOfMandate, "AT-1.6", "beyond the parent");
    assert!(is_plan_attempt(&finding));
    // The answer of such a tool was not the agent's attempt.
    let finding = Case { act: tool("db:pay"), ..case() }.answered().falls(Refusal::OutOfMandate, "EC-1.2", "not in");
    assert!(!is_plan_attempt(&finding));
    assert!(!is_plan_attempt(&Finding::new("AT-1.6", Word::NoGo, "another reason")));
}

#[test]
fn hops_between_the_wrong_parties_fall() {
    let operator = Principal::Operator("supervisor".parse().unwrap());
    for (from, to, act, control) in [
        (agent("intake"), server("files"), tool("db:read_claim"), "EC-1.2"),
        (agent("intake"), agent("analysis"), tool("db:read_claim"), "EC-1.2"),
        (server("db"), agent("intake"), tool("db:read_claim"), "EC-1.2"),
        (operator.clone(), server("db"), tool("db:read_claim"), "EC-1.2"),
        (operator, agent("analysis"), request("analysis", "assess"), "IA-2.4"),
        (
            server("db"),
            agent("intake"),
            Act::AskClient { server: "files".parse().unwrap(), wants: Wants::Sample },
            "EC-1.2",
        ),
        (
            agent("intake"),
            server("files"),
            Act::AskClient { server: "files".parse().unwrap(), wants: Wants::Sample },
            "EC-1.2",
        ),
        (agent("intake"), agent("intake"), request("analysis", "assess"), "IA-2.4"),
    ] {
        case().between(from, to, act).falls(Refusal::OutOfMandate, control, "cannot go from");
    }
    let unknown = Case { from: agent("stranger"), ..case() };
    unknown.falls(Refusal::OutOfMandate, "AT-1.2", "agent `stranger` has no mandate");
    let elsewhere = Case { to: server("x"), act: tool("x:y"), ..case() };
    elsewhere.falls(Refusal::OutOfMandate, "SC-2.3", "server `x` is not declared");
}

#[test]
fn an_agent_whose_workflow_does_not_hold_it_has_no_authority() {
    let missing = edit(team(), "agents/intake.toml", "workflow = \"claims\"", "workflow = \"other\"");
    Case { source: missing, ..case() }.falls(Refusal::OutOfMandate, "AT-1.1", "has no mandate");
    let unnamed = edit(team(), "workflows/claims.toml", "[\"intake\", \"analysis\"]", "[\"analysis\"]");
    Case { source: unnamed, ..case() }.falls(Refusal::OutOfMandate, "AT-1.1", "does not name agent");
}

#[test]
fn a_hop_needs_an_open_task_of_its_workflow_and_its_exact_specification() {
    let none = Case { task: None, ..case() };
    none.falls(Refusal::OutOfMandate, "PG-2.2", "which is not open");
    Case { claim: None, ..none }.falls(Refusal::OutOfMandate, "PG-2.2", "belongs to no task");
    Case { claim: None, ..case() }.falls(Refusal::OutOfMandate, "PG-2.2", "shows no token");
    let other = TaskClaim { specification: Digest::of(b"other words"), ..case().claim.unwrap() };
    Case { claim: Some(other), ..case() }.falls(Refusal::OutOfMandate, "PG-2.2", "is bound to");
    let other = TaskClaim { task: TaskId::from_uuid(uuid::Uuid::nil()), ..case().claim.unwrap() };
    Case { claim: Some(other), ..case() }.falls(Refusal::OutOfMandate, "PG-2.2", "the hop came for");
    Case { at: Timestamp::from_millis(999), ..case() }.stands();
    Case { at: Timestamp::from_millis(1_000), ..case() }.falls(Refusal::OutOfMandate, "PG-2.2", "ended at");
    let said = Specification { workflow: "other".parse().unwrap(), ..Specification::clone(&opened()) };
    let task = TaskSpec::from(said);
    let elsewhere = Case { claim: claim(&task), task: Some(Arc::new(task)), ..case() };
    elsewhere.falls(Refusal::OutOfMandate, "AT-1.1", "is a run of `other`");
}

#[test]
fn a_standing_task_is_its_agents_alone() {
    let in_standing = |name: &str| Case { claim: None, task: Some(Arc::new(standing(name))), ..case() };
    in_standing("intake").stands();
    in_standing("analysis").falls(Refusal::OutOfMandate, "IA-2.4", "not of `intake`");
}

#[test]
fn a_stopped_agent_does_nothing() {
    let own = |agent_phase| Case { agent_phase, ..case() };
    let around = |around_phase| Case { around_phase, ..case() };
    for phase in [Phase::Alternate, Phase::Contingency, Phase::Emergency] {
        own(phase).falls(Refusal::Suspended, "EC-2.4", "is isolated");
        own(phase).answered().falls(Refusal::Suspended, "EC-2.4", "is isolated");
    }
    around(Phase::Alternate).stands();
    around(Phase::Contingency).stands();
    around(Phase::Emergency).falls(Refusal::Suspended, "ENV-21", "everything is stopped");
}

#[test]
fn in_contingency_agents_do_not_talk_to_each_other() {
    let ask = case().between(agent("intake"), agent("analysis"), request("analysis", "assess"));
    Case { around_phase: Phase::Alternate, ..ask.clone() }.stands();
    let cut = Case { around_phase: Phase::Contingency, ..ask };
    cut.falls(Refusal::Suspended, "EC-2.10", "bus between agents off");
    cut.answered().falls(Refusal::Suspended, "EC-2.10", "bus between agents off");
}

#[test]
fn a_tool_is_called_only_as_it_was_approved() {
    let (approved, published) = (Digest::of(b"approved"), Digest::of(b"published"));
    let drifted = Case { pin: PinState::Drifted { approved, published }, ..case() };
    let finding = drifted.falls(Refusal::OutOfMandate, "SC-2.2", &approved.to_string());
    assert!(finding.reason.contains(&published.to_string()));
    let unapproved = Case { pin: PinState::Unapproved { published }, ..case() };
    unapproved.falls(Refusal::OutOfMandate, "SC-2.2", &published.to_string());
    // What was called while it was approved may still answer.
    drifted.answered().stands();
}

/// The same over the public door of the stage: what stands is `Resolved`, what falls gives its subject back.
#[test]
fn a_proven_sender_is_resolved_or_handed_back() {
    let at = Timestamp::from_millis(500);
    let authority = maso_identity::AuthorityKey::from_seed([7; 32]).public();
    let trust = maso_identity::TrustSettings::new("claims.example".parse().unwrap(), authority, at);
    let trust = maso_identity::Trust::new(trust);
    let identified = |act: Act| {
        let arrival = maso_wire::Arrival {
            id: HopId::from_uuid(uuid::Uuid::nil()),
            at,
            credential: maso_wire::Credential::Pipe(agent("intake")),
            task: None,
            to: server("db"),
        };
        let received =
            maso_wire::Received::from_bytes(arrival, act, Turn::Ask, b"{}", &maso_wire::Limits::DEFAULT).unwrap();
        maso_identity::identify(received, &trust, at).unwrap()
    };
    let circumstances = |agent_phase| Circumstances {
        now: IN_FORCE,
        deployment: deployment(&team()),
        task: Some(Arc::new(standing("intake"))),
        agent_phase,
        around_phase: Phase::Contingency,
        pin: PinState::Pinned,
        is_first: false,
        mode: Mode::Observe,
    };
    let resolved = crate::resolve(identified(tool("db:read_claim")), circumstances(Phase::Primary)).unwrap();
    assert_eq!(resolved.mandate().id, "AGT-1-v1");
    assert_eq!(resolved.solution().id, "SOL-1-v2");
    assert_eq!(resolved.tool().unwrap().tool, "db:read_claim".parse().unwrap());
    assert_eq!(resolved.server().unwrap().name.as_str(), "db");
    assert!(resolved.authority().permits(&tool("db:read_claim")));
    assert_eq!(resolved.authority().requests().count(), 0, "no requests between agents in contingency");

    // Observing does not change what is found.
    let refused = crate::resolve(identified(tool("db:pay")), circumstances(Phase::Primary)).unwrap_err();
    assert!(is_plan_attempt(&refused.finding));
    assert_eq!(refused.subject.hop().act, tool("db:pay"));
    let refused = crate::resolve(identified(tool("db:read_claim")), circumstances(Phase::Alternate)).unwrap_err();
    assert_eq!(refused.refusal, Refusal::Suspended);
}

#[test]
fn before_the_day_on_which_it_takes_effect_a_mandate_grants_nothing() {
    let begins: jiff::Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    let at = |now| Case { now: Timestamp::from_millis(now), ..case() };
    at(begins.as_millisecond()).stands();
    let early = at(begins.as_millisecond() - 1);
    for case in [early.clone(), early.clone().answered()] {
        let (refusal, finding) = case.outcome().unwrap_err();
        assert_eq!((refusal, finding.control.as_str(), finding.word), (Refusal::OutOfMandate, "AT-1.1", Word::NoGo));
        assert_eq!(finding.reason, "the mandate `SOL-1-v2` takes effect at 2026-11-01T00:00:00.000Z");
    }
    let undated =
        Case { source: edit(team(), "workflows/claims.toml", "effective_date = \"2026-11-01\"\n", ""), ..case() };
    assert_eq!(undated.outcome().unwrap_err().0, Refusal::OutOfMandate);
}

proptest::proptest! {
    /// One answer to one question: a hop stands exactly where the authority under its posture permits the act.
    #[test]
    fn resolve_and_authority_agree(
        (from, to, act) in proptest::sample::select(vec![
            (agent("intake"), server("db"), tool("db:read_claim")),
            (agent("intake"), server("db"), tool("db:delete_claim")),
            (agent("intake"), server("files"), read("file:///claims/1")),
            (agent("intake"), server("files"), read("file:///other/1")),
            (agent("intake"), agent("analysis"), request("analysis", "assess")),
            (agent("intake"), server("files"), prompt("summary")),
            (server("files"), agent("intake"), Act::AskClient { server: "files".parse().unwrap(), wants: Wants::Roots }),
        ]),
        own in 0_usize..4,
        around in 0_usize..4,
    ) {
        let (agent_phase, around_phase) = (Phase::ALL[own], Phase::ALL[around]);
        let case = Case { agent_phase, around_phase, ..case().between(from, to, act) };
        let authority = deployment(&team()).authority(&"intake".parse().unwrap()).under(agent_phase, around_phase);
        proptest::prop_assert_eq!(case.outcome().is_ok(), authority.permits(&case.act));
    }
}

#[test]
fn a_task_is_served_under_the_mandates_it_was_opened_under() {
    let task = opened_under(&team());
    let case = |source| Case { source, claim: claim(&task), task: Some(Arc::new(task.clone())), ..case() };
    case(team()).stands();
    case(edit(team(), "maso.toml", "no images", "no pictures")).stands();
    for (path, old, new) in [
        ("workflows/claims.toml", "max_value_minor = 1000", "max_value_minor = 1001"),
        ("agents/analysis.toml", "intent = \"", "intent = \"quickly "),
    ] {
        case(edit(team(), path, old, new)).falls(Refusal::OutOfMandate, "AT-1.3", "open it anew");
    }
}
