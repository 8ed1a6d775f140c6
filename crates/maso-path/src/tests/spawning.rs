//! Instances that agents start: within their caps, for so long, and for nobody else (EC-1.5a, IA-2.1, IA-2.2).

use maso_core::{Act, AgentName, Holder, HopId, InstanceId, Principal, SpiffeId, TaskId, Turn};
use maso_identity::{AgentKey, AuthorityKey, Ending};
use maso_log::v1::{self, Body};
use maso_wire::{Arrival, Credential, UnverifiedToken};
use serde_json::{Value, json};
use uuid::Uuid;

use super::rig::{Rig, UNPRIVILEGED, refusal, released};
use crate::{Clock as _, NotInvited, Outcome};

const URL: &str = "http://127.0.0.1:7680/mcp/notes";
const WRITER: &str = "agents/writer.toml";
const WORKFLOW: &str = "workflows/notes.toml";
const OFF: &str = "\n[[controls.deselected]]\ncontrol = \"EC-1.5a\"\nreason = \"shown\"\nowner = \"owner\"\n";

/// A file, what stands there, and what is to stand there.
type Edit = (&'static str, &'static str, &'static str);

fn mandate(number: u8, spawns: &str) -> String {
    format!(
        "id = \"AGT-000{number}-v1\"\nworkflow = \"notes\"\nintent = \"look up\"\noutcome = \"it is found\"\n\
         logic = [\"look it up\"]\nescalation = \"owner\"\nclearance = \"restricted\"\n\n[tools.\"notes:lookup\"]\n\n{spawns}\
         [oispec]\ngoal = \"look up\"\nsuccess_criteria = [\"it is found\"]\nfailure_criteria = [\"it is not\"]\n\
         risk_classification = \"low\"\n"
    )
}

/// A deployment in which the writer may start readers, and they helpers, with these further changes.
async fn fleet(terms: &str, changes: &[(&str, &str, &str)]) -> Rig {
    let spawns = format!("\n[spawns.reader]\n{terms}\n");
    let helpers = "[spawns.helper]\nat_most = 9\nper_hour = 9\nttl = \"30m\"\n\n";
    let (reader, helper) = (mandate(2, helpers), mandate(3, ""));
    let base = [
        UNPRIVILEGED,
        (WORKFLOW, "agents = [\"writer\"]", "agents = [\"writer\", \"reader\", \"helper\"]"),
        (WRITER, "", spawns.as_str()),
        ("agents/reader.toml", "", reader.as_str()),
        ("agents/helper.toml", "", helper.as_str()),
    ];
    Rig::declaring(&[&base, changes].concat()).await
}

const TERMS: &str = "at_most = 2\nper_hour = 3\nttl = \"20m\"";

fn key(seed: u8) -> AgentKey {
    AgentKey::from_seed([seed; 32])
}

fn agent(name: &str) -> AgentName {
    name.parse().unwrap()
}

/// The instance that a hop started.
fn started(outcome: &Outcome<&'static str>) -> InstanceId {
    InstanceId::from_uuid(released(outcome).as_uuid())
}

/// The writer starts a reader whose process has this key.
async fn start(rig: &Rig, task: Option<TaskId>, seed: u8) -> Outcome<&'static str> {
    let arrival = rig.arrival(Principal::Agent(agent("writer")), Principal::itself(), task);
    wish(rig, arrival, "reader", seed).await
}

async fn wish(rig: &Rig, arrival: Arrival, what: &str, seed: u8) -> Outcome<&'static str> {
    let payload =
        json!({ "agent": what, "thumbprint": key(seed).thumbprint().to_string(), "reason": "much to look up" });
    rig.send(arrival, Act::Spawn { agent: agent(what) }, Turn::Ask, &payload).await
}

/// What an instance shows at its door, for a while.
fn credential(rig: &Rig, name: &str, id: InstanceId, seed: u8, ttl_ms: u64) -> Credential {
    let trust_domain = rig.path.world().deployment().trust_domain.clone();
    let holder = Holder::instance(SpiffeId { trust_domain, agent: agent(name) }, id);
    let (authority, now) = (AuthorityKey::from_seed([7; 32]), rig.clock.now());
    let thumbprint = key(seed).thumbprint();
    let token = authority.issue_agent_token(holder, Some(&thumbprint), Uuid::new_v4(), now, ttl_ms);
    let proof = key(seed).prove("POST", URL, &token, Uuid::new_v4(), now);
    Credential::Bound {
        token: UnverifiedToken::new(token),
        proof: UnverifiedToken::new(proof),
        method: "POST".to_owned(),
        url: URL.to_owned(),
    }
}

/// Lets an instance look something up in its standing task.
async fn look_up(rig: &Rig, name: &str, id: InstanceId, seed: u8) -> Outcome<&'static str> {
    let to = Principal::Server("notes".parse().unwrap());
    let arrival = rig.arrival(Principal::Agent(agent(name)), to, None);
    let arrival = Arrival { credential: credential(rig, name, id, seed, 60_000), ..arrival };
    rig.send(arrival, Act::CallTool("notes:lookup".parse().unwrap()), Turn::Ask, &json!({ "q": "n-1" })).await
}

/// Says on the record that the process of an instance joined.
async fn joined(rig: &Rig, name: &str, id: InstanceId, seed: u8) {
    let used = v1::JoinTokenUsed {
        id: Uuid::new_v4().to_string(),
        agent: format!("agent:{name}"),
        token_id: Uuid::new_v4().to_string(),
        thumbprint: key(seed).thumbprint().to_string(),
        instance: Some(id.to_string()),
    };
    rig.path.recorder().record(Body::JoinTokenUsed(used)).await.unwrap();
}

async fn revoke(rig: &Rig, what: &str, subject: &str) {
    let [what, subject] = [what, subject].map(str::to_owned);
    let revoked = v1::Revoked { what, subject, by: "operator:owner".to_owned(), reason: "drill".to_owned() };
    rig.path.recorder().record(Body::Revoked(revoked)).await.unwrap();
}

async fn last_control(rig: &Rig) -> String {
    let decided = rig.decided().await.pop().unwrap();
    decided.findings.iter().find(|finding| finding.word == "NO-GO").unwrap().control.clone()
}

async fn spawned(rig: &Rig) -> Vec<v1::AgentSpawned> {
    rig.path.recorder().flush().await.unwrap();
    let records = rig.path.recorder().reader().records(1, u64::MAX, 10_000).unwrap();
    let spawned = records.into_iter().filter_map(|record| match record.body {
        Body::AgentSpawned(spawned) => Some(*spawned),
        _ => None,
    });
    spawned.collect()
}

#[tokio::test]
async fn an_agent_starts_an_instance_that_is_on_the_record_before_anybody_can_join_as_it() {
    let rig = fleet(TERMS, &[]).await;
    let task = rig.task("look up n-1").await;
    let hop = released(&start(&rig, Some(task), 1).await);
    let id = InstanceId::from_uuid(hop.as_uuid());
    let [record] = &spawned(&rig).await[..] else { panic!("one was started") };
    assert_eq!((&*record.agent, &*record.by, &record.by_instance), ("agent:reader", "agent:writer", &None));
    assert_eq!((&record.task, &record.hop, record.depth), (&task.to_string(), &hop.to_string(), 1));
    let decided = rig.decided().await.pop().unwrap();
    assert_eq!((&*decided.hop_kind, &*decided.to, &*decided.decision), ("spawn", "server:maso", "allow"));

    let invited = rig.path.invite(id).await.unwrap();
    assert_eq!(invited.holder.to_string(), format!("spiffe://notes.example/agent/reader/{id}"));
    assert_eq!(invited.until, rig.clock.now().plus_ms(20 * 60_000));
    let invitation = rig.path.world().joins().find(invited.token.id()).unwrap();
    assert_eq!(invitation.instance, Some(id));
    assert!(invited.token.is_behind(&invitation.hash));
    let text = serde_json::to_string(
        &rig.path
            .recorder()
            .reader()
            .records(1, u64::MAX, 100)
            .unwrap()
            .iter()
            .map(|record| &record.body)
            .collect::<Vec<_>>(),
    )
    .unwrap();
    assert!(!text.contains(invited.token.expose().rsplit('.').next().unwrap()), "no secret is on the record");

    joined(&rig, "reader", id, 1).await;
    released(&look_up(&rig, "reader", id, 1).await);
    assert_eq!(rig.decided().await.pop().unwrap().instance, Some(id.to_string()));
    // Nobody else is invited as it, and a hop that started nothing invites nobody.
    assert!(matches!(rig.path.invite(id).await, Err(NotInvited::NotStarted)));
    let nothing = InstanceId::from_uuid(HopId::from_uuid(Uuid::from_u128(1)).as_uuid());
    assert!(matches!(rig.path.invite(nothing).await, Err(NotInvited::NotStarted)));
}

#[tokio::test]
async fn nobody_starts_what_its_mandate_does_not_name() {
    let rig = fleet(TERMS, &[]).await;
    for (from, what) in [("writer", "helper"), ("writer", "writer"), ("writer", "nobody"), ("helper", "reader")] {
        let arrival = rig.arrival(Principal::Agent(agent(from)), Principal::itself(), None);
        assert_eq!(refusal(&wish(&rig, arrival, what, 1).await), Some("OUT_OF_MANDATE"), "{from} {what}");
        assert_eq!(last_control(&rig).await, "EC-1.5a");
    }
    // It goes to maso itself, and to nobody else.
    let elsewhere = rig.arrival(Principal::Agent(agent("writer")), Principal::Agent(agent("reader")), None);
    assert_eq!(refusal(&wish(&rig, elsewhere, "reader", 1).await), Some("OUT_OF_MANDATE"));
    assert_eq!(spawned(&rig).await, []);
}

#[tokio::test]
async fn a_key_is_named_and_is_nobody_elses() {
    let rig = fleet(TERMS, &[]).await;
    let id = started(&start(&rig, None, 1).await);
    joined(&rig, "reader", id, 1).await;
    assert_eq!(refusal(&start(&rig, None, 1).await), Some("DENIED"), "a sibling has it");
    assert_eq!(last_control(&rig).await, "IA-2.1");
    let to = || rig.arrival(Principal::Agent(agent("reader")), Principal::itself(), None);
    let own = Arrival { credential: credential(&rig, "reader", id, 1, 60_000), ..to() };
    assert_eq!(refusal(&wish(&rig, own, "helper", 1).await), Some("DENIED"), "it is that of whoever starts it");
    let rig = fleet(TERMS, &[]).await;
    let arrival = rig.arrival(Principal::Agent(agent("writer")), Principal::itself(), None);
    let act = Act::Spawn { agent: agent("reader") };
    for payload in [json!({ "agent": "reader" }), json!({ "agent": "reader", "thumbprint": "x" }), Value::Null] {
        let arrival = Arrival { id: rig.path.ids().hop(), ..arrival.clone() };
        assert_eq!(refusal(&rig.send(arrival, act.clone(), Turn::Ask, &payload).await), Some("DENIED"));
    }
}

/// Tries one more after each cap is reached; what comes of it.
async fn past(terms: &str, changes: &[Edit], n: u8) -> (Rig, Option<&'static str>) {
    let rig = fleet(terms, changes).await;
    let task = rig.task("look up n-1").await;
    for seed in 1..=n {
        let id = started(&start(&rig, Some(task), seed).await);
        joined(&rig, "reader", id, seed).await;
    }
    let rig = rig.restarted().await;
    let last = refusal(&start(&rig, Some(task), n + 1).await);
    (rig, last)
}

#[tokio::test]
async fn past_each_cap_nothing_is_started_and_the_record_says_which() {
    let generous = "at_most = 9\nper_hour = 9\nttl = \"20m\"";
    let few = (WORKFLOW, "max_value_minor = 0\n", "max_value_minor = 0\nspawns_max = 2\n");
    let cases: [(&str, &[Edit]); 3] = [
        ("at_most = 2\nper_hour = 9\nttl = \"20m\"", &[]),
        ("at_most = 9\nper_hour = 2\nttl = \"20m\"", &[]),
        (generous, &[few]),
    ];
    for (terms, changes) in cases {
        let (rig, last) = past(terms, changes, 2).await;
        assert_eq!(last, Some("LIMIT_REACHED"), "{terms}");
        assert_eq!((last_control(&rig).await.as_str(), spawned(&rig).await.len()), ("EC-1.5a", 2));
        let off = [changes, &[("maso.toml", "", OFF)]].concat();
        assert_eq!(past(terms, &off, 2).await.1, None, "it is this control that stops it: {terms}");
    }
}

#[tokio::test]
async fn two_processes_start_no_more_than_one() {
    let rig = fleet("at_most = 1\nper_hour = 9\nttl = \"20m\"", &[]).await;
    let other = rig.another().await;
    let (here, there) = tokio::join!(start(&rig, None, 1), start(&other, None, 2));
    let n_started = [&here, &there].into_iter().filter(|outcome| refusal(outcome).is_none()).count();
    assert_eq!((n_started, spawned(&rig).await.len()), (1, 1), "{here:?} {there:?}");
}

#[tokio::test]
async fn one_that_ended_makes_room_and_an_hour_makes_room_for_another() {
    let rig = fleet("at_most = 1\nper_hour = 2\nttl = \"20m\"", &[]).await;
    let first = started(&start(&rig, None, 1).await);
    assert_eq!(refusal(&start(&rig, None, 2).await), Some("LIMIT_REACHED"));
    rig.path.leave(first, &agent("reader")).await.unwrap();
    released(&start(&rig, None, 2).await);
    // Its process did not join in time.
    rig.clock.advance(5 * 60_000);
    assert_eq!(refusal(&start(&rig, None, 3).await), Some("LIMIT_REACHED"), "two within the hour");
    rig.clock.advance(60 * 60_000);
    rig.path.tick().await.unwrap();
    released(&start(&rig, None, 3).await);
}

#[tokio::test]
async fn an_instance_starts_others_only_as_deep_as_the_workflow_says() {
    for (depth, expected) in [("1", Some("LIMIT_REACHED")), ("2", None)] {
        let limit = format!("max_value_minor = 0\nspawn_depth = {depth}\n");
        let rig = fleet(TERMS, &[(WORKFLOW, "max_value_minor = 0\n", &limit)]).await;
        let id = started(&start(&rig, None, 1).await);
        joined(&rig, "reader", id, 1).await;
        let arrival = rig.arrival(Principal::Agent(agent("reader")), Principal::itself(), None);
        let arrival = Arrival { credential: credential(&rig, "reader", id, 1, 60_000), ..arrival };
        let outcome = wish(&rig, arrival, "helper", 2).await;
        assert_eq!(refusal(&outcome), expected);
        if expected.is_none() {
            let record = spawned(&rig).await.pop().unwrap();
            assert_eq!((record.by_instance, record.depth), (Some(id.to_string()), 2));
            // It ends with what was shown by whoever started it.
            assert!(record.until <= rig.clock.now().plus_ms(60_000).as_millis());
            let helper = started(&outcome);
            joined(&rig, "helper", helper, 2).await;
            released(&look_up(&rig, "helper", helper, 2).await);
            revoke(&rig, "instance", &id.to_string()).await;
            assert_eq!(refusal(&look_up(&rig, "helper", helper, 2).await), Some("UNAUTHENTIC"));
            assert_eq!(refusal(&look_up(&rig, "reader", id, 1).await), Some("UNAUTHENTIC"));
        }
    }
}

/// What ends an instance, whatever it is, also in a process that heard of it through the record alone.
#[tokio::test]
async fn what_ends_whoever_started_it_or_its_task_or_itself_ends_an_instance_everywhere() {
    for what in ["agent", "instance", "key", "task", "left", "time"] {
        let rig = fleet(TERMS, &[]).await;
        let task = rig.task("look up n-1").await;
        let id = started(&start(&rig, Some(task), 1).await);
        joined(&rig, "reader", id, 1).await;
        let other = rig.another().await;
        released(&look_up(&other, "reader", id, 1).await);
        match what {
            "agent" => revoke(&rig, "agent", "writer").await,
            "instance" => revoke(&rig, "instance", &id.to_string()).await,
            "key" => revoke(&rig, "key", &key(1).thumbprint().to_string()).await,
            "task" => {
                let [task, reason, by] = [task.to_string(), "done".to_owned(), "operator:owner".to_owned()];
                rig.path.recorder().record(Body::TaskClosed(v1::TaskClosed { task, reason, by })).await.unwrap();
            }
            "left" => rig.path.leave(id, &agent("reader")).await.unwrap(),
            _ => {
                rig.clock.advance(20 * 60_000);
                rig.path.tick().await.unwrap();
            }
        }
        assert_eq!(refusal(&look_up(&rig, "reader", id, 1).await), Some("UNAUTHENTIC"), "{what}");
        // The other process hears of it with the next thing that it reads.
        other.path.recorder().flush().await.unwrap();
        assert_eq!(refusal(&look_up(&other, "reader", id, 1).await), Some("UNAUTHENTIC"), "{what}");
        let rig = rig.restarted().await;
        assert_eq!(refusal(&look_up(&rig, "reader", id, 1).await), Some("UNAUTHENTIC"), "{what}");
        assert!(matches!(rig.path.invite(id).await, Err(NotInvited::NotStarted)), "{what}");
    }
}

#[tokio::test]
async fn whoever_is_stopped_stops_what_it_started_for_as_long() {
    let rig = fleet(TERMS, &[]).await;
    let id = started(&start(&rig, None, 1).await);
    joined(&rig, "reader", id, 1).await;
    released(&look_up(&rig, "reader", id, 1).await);
    let [scope, by, reason] = ["agent:writer", "operator:owner", "drill"].map(str::to_owned);
    rig.path.recorder().record(Body::Killed(v1::Killed { scope, by, reason })).await.unwrap();
    assert_eq!(refusal(&look_up(&rig, "reader", id, 1).await), Some("SUSPENDED"));
    assert_eq!(last_control(&rig).await, "EC-2.4");
    assert_eq!(refusal(&start(&rig, None, 2).await), Some("SUSPENDED"), "nor does it start a replacement");
}

#[tokio::test]
async fn nothing_of_an_instance_outlives_what_whoever_started_it_showed() {
    let rig = fleet("at_most = 2\nper_hour = 3\nttl = \"50m\"", &[]).await;
    // A token of the writer that ends in two minutes.
    let trust_domain = rig.path.world().deployment().trust_domain.clone();
    let writer = SpiffeId { trust_domain, agent: agent("writer") };
    let (authority, now) = (AuthorityKey::from_seed([7; 32]), rig.clock.now());
    let token = authority.issue_agent_token(&writer, Some(&key(9).thumbprint()), Uuid::new_v4(), now, 120_000);
    let shown = |token: &str| Credential::Bound {
        token: UnverifiedToken::new(token),
        proof: UnverifiedToken::new(key(9).prove("POST", URL, token, Uuid::new_v4(), now)),
        method: "POST".to_owned(),
        url: URL.to_owned(),
    };
    let arrival = rig.arrival(Principal::Agent(agent("writer")), Principal::itself(), None);
    let id = started(&wish(&rig, Arrival { credential: shown(&token), ..arrival }, "reader", 1).await);
    let record = spawned(&rig).await.pop().unwrap();
    assert!(record.until <= now.plus_ms(120_000).as_millis());
    let named: Vec<&str> = record.rests_on.iter().map(|it| it.what.as_str()).collect();
    assert_eq!(named, ["token", "agent", "key"]);
    joined(&rig, "reader", id, 1).await;
    // That token is revoked, and so is what was started with it.
    revoke(&rig, "key", &key(9).thumbprint().to_string()).await;
    assert_eq!(refusal(&look_up(&rig, "reader", id, 1).await), Some("UNAUTHENTIC"));
    let ended = rig.path.trust().instances().find(id).unwrap().ended.unwrap().1;
    assert_eq!(ended, Ending::Revoked);
}
