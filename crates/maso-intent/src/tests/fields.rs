//! What declarations say of themselves: what takes effect, and what is found when it does not fit.

use maso_core::{Act, ToolRef};

use super::{deployment, edit, whole};
use crate::{
    Access, AgentRole, Authority, Expiry, HaltCondition, JudgeAction, JudgeRole, Role,
    Severity::{self, Error, Note, Warning},
    Source, check,
};

const WORKFLOW: &str = "workflows/claims.toml";
const INTAKE: &str = "agents/intake.toml";
const ANALYSIS: &str = "agents/analysis.toml";
const JUDGE: &str = "judges/tactical.toml";

fn with(path: &str, old: &str, new: &str) -> Source {
    edit(whole(), path, old, new)
}

/// With one piece of the file replaced, this is found in the line that holds `line`, and it says this.
fn found(path: &str, (old, new): (&str, &str), line: &str, severity: Severity, control: &str, message: &str) {
    let source = with(path, old, new);
    let place = source.files[path].lines().position(|text| text.contains(line)).map(|index| index + 1);
    let problems = check(&source);
    let all = || problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let problem = problems
        .iter()
        .find(|problem| problem.message.contains(message))
        .unwrap_or_else(|| panic!("`{message}` is not among:\n{}", all()));
    let given = problem.control.as_ref().map_or("", |control| control.as_str());
    assert_eq!(
        (problem.file.as_str(), Some(problem.line), problem.severity, given),
        (path, place, severity, control),
        "{problem}"
    );
    assert!(!problem.remedy.is_empty(), "{problem}");
}

fn authority(source: &Source, agent: &str) -> Authority {
    (*deployment(source).authority(&agent.parse().unwrap())).clone()
}

fn tools(source: &Source, agent: &str) -> Vec<String> {
    authority(source, agent).tools().map(ToolRef::to_string).collect()
}

#[test]
fn a_deployment_with_every_key_has_nothing_but_notes() {
    let problems = check(&whole());
    let loud: Vec<_> = problems.iter().filter(|problem| problem.severity != Note).map(ToString::to_string).collect();
    assert!(loud.is_empty(), "{}", loud.join("\n"));
    assert!(problems.iter().any(|problem| problem.message.contains("nothing acts on them yet")), "{problems:?}");
}

#[test]
fn everything_that_is_written_arrives() {
    let deployment = deployment(&whole());
    let claims = &deployment.workflows[&"claims".parse().unwrap()];
    assert_eq!((claims.version, claims.history.version_history.len()), (3, 2));
    assert_eq!(claims.history.created_by.as_deref(), Some("claims-operations"));
    let source = &claims.data_sources[&"payments".parse().unwrap()];
    assert_eq!((source.access, source.through.len()), (Access::Write, 1));
    let halt = &claims.hard_stops[&HaltCondition::LimitBreach];
    assert_eq!((halt.tell.as_str(), halt.resume), ("claims-supervisor", Role::Security));
    assert_eq!(claims.judge_precedence.override_rules[1].action, JudgeAction::Escalate);
    let conflict = &claims.conflict_resolution[&maso_core::Risk::Critical];
    assert_eq!((conflict.window_ms, conflict.expiry), (60_000, Expiry::MostRestrictive));
    assert_eq!(claims.amendments[0].version, 3);
    let intake = &deployment.agents[&"intake".parse().unwrap()];
    assert_eq!((intake.role, intake.time_boundary_ms), (AgentRole::Task, Some(3_600_000)));
    assert_eq!(intake.on_fail.as_ref().map(|after| after.retry_max), Some(1));
    assert_eq!(intake.on_timeout.as_ref().map(|after| after.tell.as_str()), Some("claims-security"));
    assert_eq!(intake.history.created_at.map(|at| at.to_string()).as_deref(), Some("2026-10-20T07:00:00.000Z"));
    let approved = &claims.pre_approved[0];
    assert_eq!((approved.tool.to_string().as_str(), approved.asked_by.len()), ("db:pay", 2));
    let read = deployment.tool(&"db:read_claim".parse().unwrap()).unwrap();
    assert_eq!(read.result.text, maso_wire::DocumentForm::Yaml);
    let dry_run = deployment.tool(&"db:pay".parse().unwrap()).and_then(|tool| tool.dry_run.clone()).unwrap();
    assert_eq!(dry_run.tool.to_string(), "web:rehearse_pay");
    assert_eq!(dry_run.set, Some(("mode".to_owned(), serde_json::json!("rehearse"))));
    let tactical = &deployment.judges[&"tactical".parse().unwrap()].oispec;
    assert_eq!((tactical.role, tactical.scope.len()), (Some(JudgeRole::Tactical), 2));
    assert_eq!(tactical.calibration.as_ref().and_then(|one| one.drift_threshold), Some(0.15));
}

#[test]
fn under_another_version_than_its_parent_an_agent_may_do_nothing() {
    assert!(!authority(&whole(), "intake").is_none());
    for (old, new) in [("version = 3 }", "version = 2 }"), ("id = \"SOL-2026-0047-v3\", v", "id = \"SOL-1\", v")] {
        assert!(authority(&with(INTAKE, old, new), "intake").is_none());
        found(INTAKE, (old, new), "parent = ", Error, "AT-1.2", "the agent may do nothing");
    }
}

#[test]
fn a_withdrawn_mandate_grants_nothing_until_it_is_reaffirmed() {
    let withdrawn = ("outcome = \"amended\"", "outcome = \"withdrawn\"");
    assert!(authority(&with(WORKFLOW, withdrawn.0, withdrawn.1), "analysis").is_none());
    found(WORKFLOW, withdrawn, "\"withdrawn\"", Error, "AT-2.2", "was withdrawn: it grants nothing");
    let later = "[[reviews]]\ndate = \"2026-10-26\"\ntrigger = \"scheduled\"\noutcome = \"reaffirmed\"\nreviewed_by = [\"x\"]\n";
    let source =
        edit(with(WORKFLOW, withdrawn.0, withdrawn.1), WORKFLOW, "[[reviews]]", &format!("{later}\n[[reviews]]"));
    assert!(!authority(&source, "analysis").is_none());
}

#[test]
fn a_tool_that_leads_to_data_outside_the_scope_is_not_there() {
    assert_eq!(tools(&whole(), "intake"), ["db:note_claim", "db:read_claim"]);
    let scope = ("data_scope = { claims = \"read-write\" }", "data_scope = { payments = \"write\" }");
    assert_eq!(tools(&with(INTAKE, scope.0, scope.1), "intake"), [""; 0]);
    found(INTAKE, scope, "[tools.\"db:read_claim\"]", Error, "AT-2.1", "which is not in `data_scope`");
    assert_eq!(tools(&with(INTAKE, scope.0, ""), "intake"), ["db:note_claim", "db:read_claim"]);
}

#[test]
fn who_may_not_delegate_may_ask_nobody() {
    let asks = |source: &Source| {
        let request = "assess_claim".parse().unwrap();
        authority(source, "intake").permits(&Act::Request { agent: "analysis".parse().unwrap(), request })
    };
    assert!(asks(&whole()));
    let cannot = ("can_delegate = true", "can_delegate = false");
    assert!(!asks(&with(INTAKE, cannot.0, cannot.1)));
    found(INTAKE, cannot, "can_delegate", Error, "IA-2.4", "is worth nothing");
    let depth = ("max_delegation_depth = 1", "max_delegation_depth = 0");
    assert!(!asks(&with(INTAKE, depth.0, depth.1)));
    found(INTAKE, depth, "max_delegation_depth", Error, "IA-2.4", "lead over 1 hops from here");
    let can = ("can_delegate = false", "can_delegate = true");
    found(ANALYSIS, can, "can_delegate", Note, "IA-2.4", "no grant lets the agent ask anybody");
}

#[test]
fn no_file_promises_a_power_that_nobody_has() {
    for (file, key, control) in [
        (INTAKE, "can_create_agents = false", "OI-1.1"),
        (INTAKE, "can_modify_workflow = false", "OI-1.1"),
        (JUDGE, "can_terminate_agent = false", "OI-2.3"),
        (JUDGE, "can_modify_agent_oispec = false", "OI-2.3"),
    ] {
        found(
            file,
            (key, &key.replace("false", "true")),
            key.split(' ').next().unwrap(),
            Error,
            control,
            "cannot be true",
        );
    }
    let block = ("can_block_output = true", "can_block_output = false");
    found(JUDGE, block, "can_block_output", Error, "OI-2.3", "cannot be false");
}

#[test]
fn history_and_authors() {
    for (file, control) in [(WORKFLOW, "OI-1.2"), (INTAKE, "OI-1.1"), (JUDGE, "OI-2.3")] {
        let by = if file == JUDGE { "claims-security" } else { "claims-operations" };
        let edit = (&*format!("created_by = \"{by}\""), "created_by = \"intake\"");
        found(file, edit, "created_by", Error, control, "`intake` is an agent; people write");
    }
    found(
        INTAKE,
        ("version = 2\n", "version = 3\n"),
        "version_history",
        Warning,
        "AT-1.3",
        "version 3 with 1 versions before it",
    );
    let twice = (
        "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\"",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
    );
    let source = with(WORKFLOW, twice.0, twice.1);
    assert!(check(&source).iter().any(|problem| problem.message.contains("is named twice")));
}

#[test]
fn data_sources_and_scopes() {
    let tool = ("through = [\"db:pay\"]", "through = [\"db:pai\"]");
    found(WORKFLOW, tool, "db:pai", Error, "AT-1.1", "is no tool of the workflow");
    let none = ("through = [\"db:pay\"]", "through = []");
    found(WORKFLOW, none, "[data_sources.payments]", Error, "AT-1.1", "no tool leads to");
    let access = ("access = \"write\"", "access = \"read\"");
    found(WORKFLOW, access, "through = [\"db:pay\"]", Error, "AT-1.1", "is for `read`, and `db:pay`");
    let unknown = ("{ claims = \"read-write\" }", "{ claim = \"read\" }");
    found(INTAKE, unknown, "data_scope", Error, "AT-2.1", "has no data source `claim`");
    let narrow = ("access = \"read-write\"", "access = \"read\"");
    assert!(check(&with(WORKFLOW, narrow.0, narrow.1)).iter().any(|problem| {
        problem.file == INTAKE && problem.message.contains("goes beyond the parent mandate, which has `read`")
    }));
    let reads = ("{ claims = \"read-write\" }", "{ claims = \"read\" }");
    found(
        INTAKE,
        reads,
        "[tools.\"db:note_claim\"]",
        Error,
        "AT-2.1",
        "does more with data source `claims` than `read`",
    );
    let clearance = ("clearance = \"confidential\"", "clearance = \"public\"");
    found(INTAKE, clearance, "[tools.\"db:read_claim\"]", Warning, "DP-1.1", "cleared for `public`");
}

#[test]
fn roles_order_substitutes_and_failures() {
    let role = ("role = \"task\"", "role = \"observer\"");
    found(INTAKE, role, "[tools.\"db:note_claim\"]", Error, "OI-1.1", "of role `observer` holds");
    let order = ("tool = \"db:note_claim\"", "tool = \"db:note_clam\"");
    found(INTAKE, order, "tool_order", Error, "AT-1.2", "`db:note_clam`, which the agent does not hold");
    found(INTAKE, order, "[tools.\"db:note_claim\"]", Note, "AT-2.7", "has no place in the expected order");
    let both = ("substitutes = { \"db:pay\"", "substitutes = { \"db:read_claim\"");
    found(INTAKE, both, "substitutes", Warning, "AT-2.3", "which would do in its place");
    let itself = ("substitutes = { \"db:pay\"", "substitutes = { \"db:note_claim\"");
    found(INTAKE, itself, "substitutes", Error, "AT-2.3", "no substitute for itself");
    let tell = ("retry_max = 1, tell = \"claims-supervisor\"", "retry_max = 1, tell = \"analysis\"");
    found(INTAKE, tell, "on_fail", Error, "AT-2.9", "`analysis` is an agent; only people");
    let long = ("time_boundary = \"1h\"", "time_boundary = \"5h\"");
    found(INTAKE, long, "time_boundary", Error, "AT-2.1", "longer than the workflow's `max_execution`");
}

#[test]
fn hard_stops() {
    let source = &whole().files[WORKFLOW].clone();
    let start = source.find("[hard_stops.sequence-violation]").unwrap();
    let end = source.find("[hard_stops.plan-attempt-threshold]").unwrap();
    found(
        WORKFLOW,
        (&source[start..end], ""),
        "[hard_stops.agent-fail]",
        Warning,
        "AT-1.7",
        "lack `sequence-violation`",
    );
    let tell = ("tell = \"claims-security\"", "tell = \"claims-securty\"");
    found(WORKFLOW, tell, "claims-securty", Error, "AT-2.9", "`claims-securty` is not an operator");
    let resume = ("resume = \"security\"", "resume = \"operator\"");
    assert!(check(&with(WORKFLOW, resume.0, resume.1)).iter().all(|problem| problem.severity == Note));
    let nobody = edit(whole(), "maso.toml", "\"security\", ", "");
    assert!(check(&nobody).iter().any(|problem| problem.message.contains("nobody has the role `security`")));
    let state = ("preserve = [\"the open task\", \"claims that are not settled yet\"]\n", "");
    found(WORKFLOW, state, "whether the claim is taken up", Warning, "AT-2.9", "what state is kept");
}

#[test]
fn judges_and_their_disagreements() {
    let judge = ("judges = [\"compliance\", ", "judges = [\"complience\", ");
    found(WORKFLOW, judge, "judges = ", Error, "PA-2.4", "there is no judge `complience`");
    let twice = ("order = [\"compliance\", \"tactical\"]", "order = [\"tactical\", \"tactical\"]");
    found(WORKFLOW, twice, "order = ", Error, "PA-2.4", "named twice");
    let loose = ("action = \"escalate\"", "action = \"approve\"");
    found(WORKFLOW, loose, "action = \"approve\"", Error, "PA-2.4", "no rule loosens a verdict");
    let always = ("when = { any = \"block\" }", "when = {}");
    found(WORKFLOW, always, "action = \"block\"", Error, "PA-2.4", "would always apply");
    let slow = ("window = \"60s\"", "window = \"61s\"");
    found(WORKFLOW, slow, "window = \"61s\"", Warning, "PA-2.4", "longer than 60 s");
    let accept = (
        "expiry = \"most-restrictive\"\nprimary_action = \"hold",
        "expiry = \"accept-risk-with-logging\"\nprimary_action = \"hold",
    );
    found(WORKFLOW, accept, "accept-risk", Warning, "PA-2.4", "this version accepts no risk by itself");
    let critical = ("expiry = \"most-restrictive\"", "expiry = \"accept-risk-with-logging\"");
    found(WORKFLOW, critical, "accept-risk", Error, "PA-2.4", "no loss is accepted unasked");
    let seldom = ("strategic_evaluation = \"per-phase\"", "strategic_evaluation = \"post-execution\"");
    found(WORKFLOW, seldom, "strategic_evaluation", Warning, "OI-2.2", "too seldom at the risk `high`");
}

#[test]
fn reviews_and_amendments() {
    let owner = ("reviewed_by = [\"claims-operations\", ", "reviewed_by = [");
    found(
        WORKFLOW,
        owner,
        "date = \"2026-10-25\"",
        Warning,
        "AT-2.2",
        "the process owner `claims-operations` is not among",
    );
    let ahead = ("[[amendments]]\nversion = 3", "[[amendments]]\nversion = 4");
    found(WORKFLOW, ahead, "amendment = ", Error, "AT-2.10", "an amendment in version 4");
    let by = ("approved_by = \"claims-supervisor\"", "approved_by = \"intake\"");
    found(WORKFLOW, by, "approved_by = \"intake\"", Error, "AT-2.10", "`intake` is an agent; only people");
}

#[test]
fn what_judges_say_of_themselves() {
    let scope = ("scope = [\"intake\", \"analysis\"]", "scope = [\"intaek\"]");
    found(JUDGE, scope, "scope", Error, "OI-2.3", "there is no agent `intaek`");
    let mute = ("[\"approve\", \"flag\", \"block\", \"escalate\"]", "[\"approve\", \"flag\"]");
    found(JUDGE, mute, "permitted_actions", Warning, "OI-2.3", "could only watch");
    let seldom = ("every = \"1d\"", "every = \"8d\"");
    found(JUDGE, seldom, "every", Warning, "OI-2.4", "agents of risk `high` need it weekly");
    for (monitor, message) in [
        ("tactical", "cannot watch itself"),
        ("intake", "who is judged does not watch the judge"),
        ("complience", "neither a judge nor an operator"),
    ] {
        let edit = ("monitored_by = \"compliance\"", &*format!("monitored_by = \"{monitor}\""));
        found(JUDGE, edit, "monitored_by", Error, "OI-2.4", message);
    }
    let share = ("drift_threshold = 0.15", "drift_threshold = 15");
    found(JUDGE, share, "drift_threshold", Error, "", "`15` is not a share");
}
